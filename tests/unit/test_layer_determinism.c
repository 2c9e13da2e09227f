/* The same layer gives the same bytes, however it arrives and is spooled. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "blob.h"
#include "tar.h"
#include "winnow/fsutil.h"
#include "winnow/layer_emit.h"
#include "winnow/layer_index.h"

#define BIG (300u << 10)
#define BLOB_MAX (1u << 20)
#define INDEX_MAX (1u << 20)

enum spooling { SPOOL_ALL, SPOOL_NOTHING, SPOOL_NONE };

/* The blob of a layer that is its own plan, hard to compress. */
static void
make_blob(struct strbuf *blob)
{
	static char big[BIG];
	static const struct tar_member members[] = {
	    {.name = "./", .type = '5', .mode = 0755},
	    {.name = "big", .data = big, .size = BIG, .mode = 0644},
	    {.name = "link", .type = '1', .link = "big", .mode = 0644},
	    {.name = "small", .data = "#!/bin/sh\n", .mode = 04755},
	    {.name = "sym", .type = '2', .link = "small", .mode = 0777},
	};
	auto_strbuf struct strbuf tar;
	uint32_t x = 1;
	size_t i;

	for (i = 0; i < BIG; i++) {
		x = x * 1664525 + 1013904223;
		big[i] = (char)(x >> 24);
	}
	strbuf_init(&tar, BLOB_MAX);
	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		tar_add(&tar, &members[i]);
	tar_end(&tar);
	blob_add_gzip(blob, tar.data, tar.len);
}

/* A child that downloads the blob in pieces of this size. */
static pid_t
download(int fd, int progress_fd, const struct strbuf *blob, size_t piece)
{
	pid_t pid = fork();
	size_t done, n;
	struct err e;

	assert_int_not_equal(pid, -1);
	if (pid > 0)
		return pid;
	for (done = 0; done < blob->len; done += n) {
		n = blob->len - done < piece ? blob->len - done : piece;
		if (fsutil_pwrite_all(
			fd, blob->data + done, n, (off_t)done, &e) == -1 ||
		    write(progress_fd, "", 1) != 1)
			_exit(1);
	}
	_exit(0);
}

static enum spool_want
want(void *arg, const struct layer_entry *entry)
{
	(void)entry;
	return *(const enum spooling *)arg == SPOOL_ALL ? SPOOL_YES : SPOOL_NO;
}

/* Emits the index as a plan; reads the layer again for what is missing. */
static void
emit(const struct layer_index *index, const struct blob_source *source,
    struct spool *spool, struct layer_emitted *out)
{
	auto_fd int fd = -1, again_fd = -1;
	auto_spool struct spool *again = NULL;
	struct err e = {0};

	assert_int_equal(fsutil_open_memory("out", &fd, &e), 0);
	assert_int_equal(fsutil_open_memory("again", &again_fd, &e), 0);
	if (layer_plan_missing(index, spool) > 0) {
		again = spool_new(again_fd);
		assert_int_equal(
		    layer_plan_extract(index, source, again, &e), 0);
		assert_int_equal(spool_finish(again, &e), 0);
		spool = again;
	} else {
		assert_int_equal(spool_finish(spool, &e), 0);
	}
	if (layer_emit(index, spool, fd, out, &e) == -1)
		fail_msg("%s", e.message);
}

/* Reads the blob, which grows by `piece` or (0) is there, and emits it. */
static void
rewrite(const struct strbuf *blob, size_t piece, enum spooling spooling,
    struct strbuf *index_bytes, struct layer_emitted *out)
{
	const struct spool_filter filter = {.want = want, .arg = &spooling};
	auto_layer_index struct layer_index *index = NULL;
	auto_spool struct spool *spool = NULL;
	auto_fd int spool_file = -1;
	struct blob_source source;
	int pipes[2] = {-1, -1}, status;
	pid_t pid = -1;
	struct err e = {0};

	blob_open(blob->data, piece == 0 ? blob->len : 0, &source);
	source.size = blob->len;
	digest_of(blob->data, blob->len, &source.digest);
	if (piece > 0) {
		assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
		pid = download(source.fd, pipes[1], blob, piece);
		close(pipes[1]);
		source.progress_fd = pipes[0];
	}
	assert_int_equal(fsutil_open_memory("spool", &spool_file, &e), 0);
	if (spooling != SPOOL_NONE)
		spool = spool_new(spool_file);
	if (layer_index_read(&source, &filter, spool, &index, &e) == -1)
		fail_msg("%s", e.message);
	if (piece > 0) {
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		close(pipes[0]);
		source.progress_fd = -1;
	}
	layer_index_format(index, index_bytes);
	emit(index, &source, spool, out);
	close(source.fd);
}

static void
test_same_bytes(void **state)
{
	static const size_t pieces[] = {0, 97, 4096, 65537, BLOB_MAX};
	auto_strbuf struct strbuf blob, first;
	struct layer_emitted expected, got;
	size_t i;
	int s;

	(void)state;
	strbuf_init(&blob, BLOB_MAX);
	strbuf_init(&first, INDEX_MAX);
	make_blob(&blob);
	rewrite(&blob, 0, SPOOL_ALL, &first, &expected);
	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		for (s = SPOOL_ALL; s <= SPOOL_NONE; s++) {
			auto_strbuf struct strbuf index;

			strbuf_init(&index, INDEX_MAX);
			rewrite(
			    &blob, pieces[i], (enum spooling)s, &index, &got);
			assert_int_equal(index.len, first.len);
			assert_memory_equal(index.data, first.data, first.len);
			assert_true(
			    digest_equal(&got.digest, &expected.digest));
			assert_true(
			    digest_equal(&got.diff_id, &expected.diff_id));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_bytes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
