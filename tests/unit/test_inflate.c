/* inflate: gzip (both decoders), zstd, stored; damaged and growing blobs. */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "../../common/inflate_private.h"
#include "blob.h"
#include "winnow/fsutil.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

#define BLOB_MAX (256u << 20)

static const struct codec *const gzips[] = {
    &codec_gzip_zlib,
#ifdef HAVE_ISAL
    &codec_gzip_isal,
#endif
};
#define GZIPS (sizeof(gzips) / sizeof(gzips[0]))

/* Bytes that compress somewhat, larger than every buffer. */
static void
add_sample(struct strbuf *out, size_t len)
{
	uint32_t x = 1;

	while (out->len < len) {
		x = x * 1664525 + 1013904223;
		strbuf_add_format(out, "%x-", x >> 12);
	}
	strbuf_truncate(out, len);
}

static int
inflate_all(const struct blob_source *source, const struct codec *gzip,
    struct strbuf *out, struct err *e)
{
	auto_inflate struct inflate *z = inflate_new_with(source, gzip);
	const void *data = NULL;
	size_t len = 0;

	do {
		if (inflate_read(z, &data, &len, e) == -1)
			return -1;
		strbuf_add(out, data, len);
	} while (len > 0);
	return inflate_finish(z, e);
}

/* Inflates the blob with each gzip decoder: the bytes must be `want`. */
static void
expect_bytes(const struct strbuf *blob, const struct strbuf *want)
{
	struct blob_source source;
	size_t i;

	blob_open(strbuf_string(blob), blob->len, &source);
	for (i = 0; i < GZIPS; i++) {
		auto_strbuf struct strbuf got;
		struct err e;

		strbuf_init(&got, BLOB_MAX);
		if (inflate_all(&source, gzips[i], &got, &e) == -1)
			fail_msg("%s", e.message);
		assert_int_equal(got.len, want->len);
		assert_memory_equal(
		    strbuf_string(&got), strbuf_string(want), want->len);
	}
	close(source.fd);
}

/* Inflating must fail with `code` and a message that holds `text`. */
static void
expect_error(const struct strbuf *blob, uint64_t size, enum err_code code,
    const char *text)
{
	struct blob_source source;
	size_t i;

	blob_open(strbuf_string(blob), blob->len, &source);
	source.size = size;
	for (i = 0; i < GZIPS; i++) {
		auto_strbuf struct strbuf got;
		struct err e;

		strbuf_init(&got, BLOB_MAX);
		assert_int_equal(inflate_all(&source, gzips[i], &got, &e), -1);
		assert_string_equal(err_code_name(e.code), err_code_name(code));
		if (strstr(e.message, text) == NULL)
			fail_msg("\"%s\" lacks \"%s\"", e.message, text);
	}
	close(source.fd);
}

static void
test_formats(void **state)
{
	auto_strbuf struct strbuf sample, blob, twice;

	(void)state;
	strbuf_init(&sample, BLOB_MAX);
	strbuf_init(&blob, BLOB_MAX);
	strbuf_init(&twice, BLOB_MAX);
	add_sample(&sample, 3000001);
	strbuf_add(&twice, sample.data, sample.len);
	strbuf_add(&twice, sample.data, sample.len);

	expect_bytes(&sample, &sample);
	expect_bytes(&blob, &blob);

	blob_add_gzip(&blob, sample.data, sample.len);
	expect_bytes(&blob, &sample);
	blob_add_gzip(&blob, "", 0);
	blob_add_gzip(&blob, sample.data, sample.len);
	expect_bytes(&blob, &twice);
	strbuf_add(&blob, "\0\0\0\0", 4);
	expect_bytes(&blob, &twice);
	strbuf_add_string(&blob, "\x1f\x8bsomething else");
	expect_bytes(&blob, &twice);

	strbuf_reset(&blob);
	strbuf_add(&blob, "\x50\x2a\x4d\x18\x03\0\0\0abc", 11);
	blob_add_zstd(&blob, sample.data, sample.len);
	expect_bytes(&blob, &sample);
	blob_add_zstd(&blob, "", 0);
	blob_add_zstd(&blob, sample.data, sample.len);
	expect_bytes(&blob, &twice);
	strbuf_add_string(&blob, "garbage");
	expect_error(&blob, blob.len, ERR_INVALID, "followed by something");
}

static void
test_truncated(void **state)
{
	auto_strbuf struct strbuf sample, gzip, zstd;
	size_t len;

	(void)state;
	strbuf_init(&sample, BLOB_MAX);
	strbuf_init(&gzip, BLOB_MAX);
	strbuf_init(&zstd, BLOB_MAX);
	add_sample(&sample, 2000);
	blob_add_gzip(&gzip, sample.data, sample.len);
	blob_add_zstd(&zstd, sample.data, sample.len);
	for (len = gzip.len - 1; len >= CODEC_GZIP_MAGIC; len--) {
		strbuf_truncate(&gzip, len);
		expect_error(&gzip, len, ERR_INVALID,
		    "ends in the middle of a gzip member");
	}
	for (len = zstd.len - 1; len >= 4; len--) {
		strbuf_truncate(&zstd, len);
		expect_error(&zstd, len, ERR_INVALID,
		    "ends in the middle of a zstd frame");
	}
}

static void
test_damaged(void **state)
{
	auto_strbuf struct strbuf sample, blob;

	(void)state;
	strbuf_init(&sample, BLOB_MAX);
	strbuf_init(&blob, BLOB_MAX);
	add_sample(&sample, 400000);
	blob_add_gzip(&blob, sample.data, sample.len);
	blob.data[blob.len - 6] ^= 1;
	expect_error(&blob, blob.len, ERR_INVALID, "incorrect data check");
	blob.data[blob.len - 6] ^= 1;
	memset(blob.data + 20, 0xff, 300);
	expect_error(&blob, blob.len, ERR_INVALID, "damaged gzip data");
	strbuf_reset(&blob);
	blob_add_zstd(&blob, sample.data, sample.len);
	memset(blob.data + 20, 0xff, 300);
	expect_error(&blob, blob.len, ERR_INVALID, "damaged zstd data");
}

static void
test_size_and_digest(void **state)
{
	auto_strbuf struct strbuf sample;
	struct blob_source source;
	struct err e;
	size_t i;

	(void)state;
	strbuf_init(&sample, BLOB_MAX);
	add_sample(&sample, 5000);
	expect_error(&sample, 5001, ERR_DIGEST, "5000 of 5001 bytes");
	expect_error(&sample, 4999, ERR_DIGEST, "5000 bytes instead of 4999");
	blob_open(sample.data, sample.len, &source);
	source.digest.bytes[0] ^= 1;
	for (i = 0; i < GZIPS; i++) {
		auto_strbuf struct strbuf got;

		strbuf_init(&got, BLOB_MAX);
		assert_int_equal(inflate_all(&source, gzips[i], &got, &e), -1);
		assert_int_equal(e.code, ERR_DIGEST);
	}
	close(source.fd);
}

static void
test_bomb(void **state)
{
	auto_strbuf struct strbuf blob;
	size_t len = LIMIT_RATIO_FREE + (1u << 20);
	auto_free char *zeros = mem_zalloc(1, len);

	(void)state;
	strbuf_init(&blob, BLOB_MAX);
	blob_add_zstd(&blob, zeros, len);
	expect_error(&blob, blob.len, ERR_LIMIT, "times its size");
}

/* Decodes with one byte of input and three of output at a time. */
static void
decode_bytewise(const struct codec *codec, const struct strbuf *blob,
    const struct strbuf *want)
{
	void *decoder = codec->open();
	auto_strbuf struct strbuf got;
	struct codec_io io = {.in = (const uint8_t *)blob->data};
	const uint8_t *end = io.in + blob->len;
	uint8_t out[3];
	size_t produced;
	struct err e;

	strbuf_init(&got, BLOB_MAX);
	do {
		io.in_left = io.in < end ? 1 : 0;
		io.out = out;
		io.out_left = sizeof(out);
		io.ended = false;
		if (codec->decode(decoder, &io, &e) == -1)
			fail_msg("%s", e.message);
		produced = sizeof(out) - io.out_left;
		strbuf_add(&got, out, produced);
		if (io.ended && io.in < end)
			codec->reset(decoder);
	} while (io.in < end || produced > 0);
	codec->close(decoder);
	assert_int_equal(got.len, want->len);
	assert_memory_equal(got.data, want->data, want->len);
}

static void
test_bytewise(void **state)
{
	auto_strbuf struct strbuf sample, gzip, zstd, twice;
	size_t i;

	(void)state;
	strbuf_init(&sample, BLOB_MAX);
	strbuf_init(&gzip, BLOB_MAX);
	strbuf_init(&zstd, BLOB_MAX);
	strbuf_init(&twice, BLOB_MAX);
	add_sample(&sample, 70000);
	for (i = 0; i < 2; i++) {
		blob_add_gzip(&gzip, sample.data, sample.len);
		blob_add_zstd(&zstd, sample.data, sample.len);
		strbuf_add(&twice, sample.data, sample.len);
	}
	for (i = 0; i < GZIPS; i++)
		decode_bytewise(gzips[i], &gzip, &twice);
	decode_bytewise(&codec_zstd, &zstd, &twice);
}

/* A child that downloads the blob in small pieces, up to `len` bytes. */
static pid_t
download(int fd, int progress_fd, const struct strbuf *blob, size_t len)
{
	const size_t piece = 50021;
	pid_t pid = fork();
	size_t done, n;
	struct err e;

	assert_int_not_equal(pid, -1);
	if (pid > 0)
		return pid;
	for (done = 0; done < len; done += n) {
		n = len - done < piece ? len - done : piece;
		if (fsutil_pwrite_all(
			fd, blob->data + done, n, (off_t)done, &e) == -1 ||
		    write(progress_fd, "", 1) != 1)
			_exit(1);
	}
	_exit(0);
}

/* Inflates a blob of which `len` bytes arrive in the meantime. */
static int
inflate_growing(const struct strbuf *blob, size_t len, int flags,
    struct strbuf *out, struct err *e)
{
	struct blob_source source;
	int pipes[2], status, result;
	pid_t pid;

	blob_open("", 0, &source);
	source.size = blob->len;
	digest_of(blob->data, blob->len, &source.digest);
	assert_int_equal(pipe2(pipes, flags), 0);
	pid = download(source.fd, pipes[1], blob, len);
	close(pipes[1]);
	source.progress_fd = pipes[0];
	result = inflate_all(&source, gzips[GZIPS - 1], out, e);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(pipes[0]);
	close(source.fd);
	return result;
}

static void
test_growing(void **state)
{
	auto_strbuf struct strbuf sample, blob, got;
	struct err e;

	(void)state;
	strbuf_init(&sample, BLOB_MAX);
	strbuf_init(&blob, BLOB_MAX);
	strbuf_init(&got, BLOB_MAX);
	add_sample(&sample, 3000000);
	blob_add_gzip(&blob, sample.data, sample.len);
	assert_int_equal(
	    inflate_growing(&blob, blob.len, O_CLOEXEC, &got, &e), 0);
	assert_int_equal(got.len, sample.len);
	assert_memory_equal(got.data, sample.data, sample.len);
	strbuf_reset(&got);
	assert_int_equal(
	    inflate_growing(&blob, blob.len, O_NONBLOCK, &got, &e), 0);
	assert_int_equal(got.len, sample.len);
	strbuf_reset(&got);
	assert_int_equal(
	    inflate_growing(&blob, blob.len - 1, O_CLOEXEC, &got, &e), -1);
	assert_int_equal(e.code, ERR_DIGEST);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_formats),
	    cmocka_unit_test(test_truncated),
	    cmocka_unit_test(test_damaged),
	    cmocka_unit_test(test_size_and_digest),
	    cmocka_unit_test(test_bomb),
	    cmocka_unit_test(test_bytewise),
	    cmocka_unit_test(test_growing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
