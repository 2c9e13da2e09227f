/* gzip_write: one valid member, whatever is compressed in however many chunks.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <zlib.h>

#include <cmocka.h>

#include "winnow/fsutil.h"
#include "winnow/gzip_write.h"
#include "winnow/mem.h"

#define DATA_MAX (2 * GZIP_CHUNK + 1)

/* What the bytes are like: each kind makes other blocks of deflate. */
enum kind { ZEROS, TEXT, RANDOM, MIXED, KINDS };

static unsigned char *data;

static void
fill(enum kind kind)
{
	uint64_t x = 88172645463325252u;
	size_t i;

	for (i = 0; i < DATA_MAX; i++) {
		bool random =
		    kind == RANDOM || (kind == MIXED && (i >> 16) % 3 == 0);

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		if (kind == ZEROS)
			data[i] = 0;
		else if (random)
			data[i] = (unsigned char)(x >> 32);
		else
			data[i] = (unsigned char)"etaoin shrdlu\nxy"[x >> 60];
	}
}

/* Writes `len` bytes of the data in two parts; the member is the caller's. */
static char *
make_member(size_t len, size_t first, size_t *out_len)
{
	auto_gzip_write struct gzip_write *w = NULL;
	struct digest digest, want;
	auto_fd int fd = -1;
	uint64_t size;
	char *out;
	struct err e;

	assert_int_equal(fsutil_open_memory("gzip", &fd, &e), 0);
	w = gzip_write_new(fd);
	assert_int_equal(gzip_write_add(w, data, first, &e), 0);
	assert_int_equal(gzip_write_add(w, data + first, len - first, &e), 0);
	assert_int_equal(gzip_write_finish(w, &digest, &size, &e), 0);
	assert_int_equal(
	    fsutil_read_fd(fd, "gzip", 4 * DATA_MAX, &out, out_len, &e), 0);
	assert_int_equal(*out_len, size);
	digest_of(out, *out_len, &want);
	assert_true(digest_equal(&digest, &want));
	return out;
}

/* Inflates with zlib: exactly one member that holds the data. */
static void
check_member(char *gzip, size_t len, size_t data_len)
{
	auto_free unsigned char *out = mem_alloc(data_len + 1);
	z_stream z = {0};

	assert_int_equal(inflateInit2(&z, 16 + MAX_WBITS), Z_OK);
	z.next_in = (unsigned char *)gzip;
	z.avail_in = (uInt)len;
	z.next_out = out;
	z.avail_out = (uInt)data_len + 1;
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.avail_in, 0);
	assert_int_equal(z.total_out, data_len);
	assert_memory_equal(out, data, data_len);
	inflateEnd(&z);
}

/* True when the program, if there is one, says that this is good gzip. */
static bool
tool_accepts(const char *program, const char *gzip, size_t len)
{
	auto_fd int fd = -1;
	int status, null;
	struct err e;
	pid_t pid;

	assert_int_equal(fsutil_open_memory("gzip", &fd, &e), 0);
	assert_int_equal(fsutil_pwrite_all(fd, gzip, len, 0, &e), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		null = open("/dev/null", O_WRONLY);
		dup2(fd, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execlp(program, program, "-d", "-c", (char *)NULL);
		_exit(errno == ENOENT ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status == 0;
}

static void
test_members(void **state)
{
	static const size_t lens[] = {
	    0, 1, 65537, GZIP_CHUNK, GZIP_CHUNK + 1, 2 * GZIP_CHUNK + 1};
	size_t i, count;
	enum kind kind;

	(void)state;
	for (kind = ZEROS; kind < KINDS; kind++) {
		fill(kind);
		/* Two borders of chunks for one kind are enough. */
		count = kind == MIXED ? 6 : 5;
		for (i = 0; i < count; i++) {
			auto_free char *gzip = NULL;
			size_t len;

			gzip = make_member(lens[i], lens[i] / 3, &len);
			assert_memory_equal(
			    gzip, "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
			check_member(gzip, len, lens[i]);
		}
	}
}

/* What other programs say of a joined stream. */
static void
test_tools(void **state)
{
	auto_free char *gzip = NULL;
	size_t len;

	(void)state;
	fill(MIXED);
	gzip = make_member(DATA_MAX, 1, &len);
	assert_true(tool_accepts("gzip", gzip, len));
	gzip[len / 2] ^= 1;
	assert_false(tool_accepts("gzip", gzip, len));
	gzip[len / 2] ^= 1;
	assert_true(tool_accepts("igzip", gzip, len));
	assert_true(tool_accepts("pigz", gzip, len));
}

/* The same bytes, however they come in. */
static void
test_determinism(void **state)
{
	auto_free char *a = NULL, *b = NULL;
	size_t a_len, b_len;

	(void)state;
	fill(TEXT);
	a = make_member(GZIP_CHUNK + 4000, 0, &a_len);
	b = make_member(GZIP_CHUNK + 4000, GZIP_CHUNK - 5, &b_len);
	assert_int_equal(a_len, b_len);
	assert_memory_equal(a, b, a_len);
}

static void
test_refuses(void **state)
{
	auto_gzip_write struct gzip_write *w = NULL;
	auto_fd int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct digest digest;
	uint64_t size;
	struct err e;

	(void)state;
	w = gzip_write_new(fd);
	assert_int_equal(gzip_write_add(w, "x", 1, &e), 0);
	assert_int_equal(gzip_write_finish(w, &digest, &size, &e), -1);
	assert_int_equal(e.code, ERR_SYSTEM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_members),
	    cmocka_unit_test(test_tools),
	    cmocka_unit_test(test_determinism),
	    cmocka_unit_test(test_refuses),
	};
	int r;

	data = mem_alloc(DATA_MAX);
	r = cmocka_run_group_tests_name("gzip_write", tests, NULL, NULL);
	free(data);
	return r;
}
