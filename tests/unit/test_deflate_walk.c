/* deflate_walk: it ends where zlib ends, and refuses what zlib refuses. */
#include <libdeflate.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "../../common/deflate_walk.h"
#include "winnow/mem.h"

#define DATA_MAX ((size_t)2 << 20)
#define OUT_MAX ((size_t)4 << 20)

/* What the bytes are like: each kind makes other blocks of deflate. */
enum kind { ZEROS, TEXT, RANDOM, SKEWED, MIXED, KINDS };

static unsigned char *data, *out;
static struct deflate_walk *walk;

static void
fill(enum kind kind)
{
	uint64_t x = 88172645463325252u;
	size_t i;

	for (i = 0; i < DATA_MAX; i++) {
		enum kind k = kind;

		if (kind == MIXED)
			k = (enum kind)((i >> 15) % MIXED);
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		if (k == ZEROS)
			data[i] = 0;
		else if (k == RANDOM)
			data[i] = (unsigned char)(x >> 32);
		else if (k == SKEWED) /* has codes of all lengths */
			data[i] = (unsigned char)(x == 0
				? 0
				: __builtin_ctzll(x) * 9 + (x >> 61));
		else
			data[i] = (unsigned char)"etaoin shrdlu\nxy"[x >> 60];
	}
}

/* What zlib says of a stream: its own words when it is not one. */
static const char *
walk_by_zlib(const unsigned char *stream, size_t len, struct deflate_end *end)
{
	auto_free unsigned char *in = mem_alloc(len + 1);
	static char why[100];
	z_stream z = {0};
	int r;

	memcpy(in, stream, len);
	assert_int_equal(inflateInit2(&z, -MAX_WBITS), Z_OK);
	z.next_in = in;
	z.avail_in = (uInt)len;
	memset(end, 0, sizeof(*end));
	do {
		z.next_out = out;
		z.avail_out = OUT_MAX;
		r = inflate(&z, Z_BLOCK);
		if (r == Z_OK && z.data_type & 128 && !(z.data_type & 64))
			end->last = z.total_in * 8 - (size_t)(z.data_type & 7);
	} while (r == Z_OK);
	end->end = z.total_in * 8 - (size_t)(z.data_type & 7);
	end->total = z.total_out;
	snprintf(why, sizeof(why), "%s", z.msg == NULL ? "truncated" : z.msg);
	inflateEnd(&z);
	return r == Z_STREAM_END ? NULL : why;
}

/* Both verdicts on the same bytes; in a buffer that ends where they do. */
static void
compare(const unsigned char *stream, size_t len)
{
	auto_free unsigned char *copy = mem_alloc(len + (len == 0));
	struct deflate_end want, have;
	const char *why;
	struct err e;
	int r;

	if (len > 0)
		memcpy(copy, stream, len);
	why = walk_by_zlib(stream, len, &want);
	r = deflate_walk(walk, copy, len, &have, &e);
	if (why == NULL) {
		assert_int_equal(r, 0);
		assert_int_equal(have.total, want.total);
		assert_int_equal(have.last, want.last);
		/* zlib does not say which bits of the last byte it used. */
		assert_int_equal((have.end + 7) / 8, (want.end + 7) / 8);
	} else if (strstr(why, "distance too far back") == NULL) {
		assert_int_equal(r, -1);
		assert_int_equal(e.code, ERR_INVALID);
	}
}

static size_t
deflate_by_zlib(size_t len, int level, int strategy, unsigned char *to)
{
	z_stream z = {0};
	size_t n;

	assert_int_equal(
	    deflateInit2(&z, level, Z_DEFLATED, -MAX_WBITS, 9, strategy), Z_OK);
	z.next_in = data;
	z.avail_in = (uInt)len;
	z.next_out = to;
	z.avail_out = OUT_MAX;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	n = z.total_out;
	deflateEnd(&z);
	return n;
}

static void
test_zlib_streams(void **state)
{
	static const struct {
		int level, strategy;
	} ways[] = {
	    {0, Z_DEFAULT_STRATEGY},
	    {1, Z_DEFAULT_STRATEGY},
	    {6, Z_DEFAULT_STRATEGY},
	    {1, Z_HUFFMAN_ONLY},
	    {1, Z_RLE},
	    {6, Z_FIXED},
	};
	auto_free unsigned char *stream = mem_alloc(OUT_MAX);
	enum kind kind;
	size_t i;

	(void)state;
	for (kind = ZEROS; kind < KINDS; kind++) {
		fill(kind);
		for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
			compare(stream,
			    deflate_by_zlib(DATA_MAX / 4, ways[i].level,
				ways[i].strategy, stream));
	}
}

static void
test_libdeflate_streams(void **state)
{
	static const int levels[] = {0, 1, 3, 6, 12};
	static const size_t lens[] = {0, 1, 2, 3, 300, 65535, DATA_MAX};
	auto_free unsigned char *stream = mem_alloc(OUT_MAX);
	struct libdeflate_compressor *c;
	enum kind kind;
	size_t i, j, n;

	(void)state;
	for (kind = ZEROS; kind < KINDS; kind++) {
		fill(kind);
		for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
			c = libdeflate_alloc_compressor(levels[i]);
			for (j = 0; j < sizeof(lens) / sizeof(lens[0]); j++) {
				n = libdeflate_deflate_compress(
				    c, data, lens[j], stream, OUT_MAX);
				assert_true(n > 0);
				compare(stream, n);
			}
			libdeflate_free_compressor(c);
		}
	}
}

/* Cut anywhere, and with any one bit of the first and last bytes changed. */
static void
test_damaged_streams(void **state)
{
	static const int levels[] = {0, 1, 6};
	auto_free unsigned char *stream = mem_alloc(OUT_MAX);
	size_t i, bit, n;

	(void)state;
	fill(MIXED);
	memmove(data, data + ((size_t)3 << 15) - 4000, 8000);
	for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		n = deflate_by_zlib(
		    8000, levels[i], Z_DEFAULT_STRATEGY, stream);
		for (bit = 0; bit < n; bit++)
			compare(stream, bit);
		for (bit = 0; bit < n * 8; bit += bit < 2000 ? 1 : 7) {
			stream[bit / 8] ^= (unsigned char)(1u << bit % 8);
			compare(stream, n);
			stream[bit / 8] ^= (unsigned char)(1u << bit % 8);
		}
	}
}

static void
test_refuses(void **state)
{
	static const struct {
		const char *flaw;
		const char *bytes;
		size_t len;
	} cases[] = {
	    {"no bytes", "", 0},
	    {"reserved type", "\x07\0\0\0", 4},
	    {"stored, no length", "\x01", 1},
	    {"stored, wrong check", "\x01\x01\0\0\0x", 6},
	    {"stored, too short", "\x01\x02\0\xfd\xffx", 6},
	    {"no last block", "\0\0\0\xff\xff", 5},
	    {"fixed, no end", "\x03", 1},
	    {"fixed, symbol 287", "\x1b\x03", 2},
	    {"too many lengths", "\xfd\xff\xff\xff\xff\xff", 6},
	    {"codes without an end", "\x05\xc0\x81\x08\0\0\0\0\0\0", 10},
	};
	struct deflate_end end;
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const unsigned char *bytes =
		    (const unsigned char *)cases[i].bytes;

		compare(bytes, cases[i].len);
		if (deflate_walk(walk, bytes, cases[i].len, &end, &e) == 0)
			fail_msg("accepted: %s", cases[i].flaw);
	}
}

/* Noise behind every kind of block header. */
static void
test_noise(void **state)
{
	size_t i;

	(void)state;
	fill(RANDOM);
	for (i = 0; i < 20000; i++)
		compare(data + i * 7, i % 300);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_zlib_streams),
	    cmocka_unit_test(test_libdeflate_streams),
	    cmocka_unit_test(test_damaged_streams),
	    cmocka_unit_test(test_refuses),
	    cmocka_unit_test(test_noise),
	};
	int r;

	data = mem_alloc(DATA_MAX);
	out = mem_alloc(OUT_MAX);
	walk = deflate_walk_new();
	r = cmocka_run_group_tests_name("deflate_walk", tests, NULL, NULL);
	deflate_walk_free(walk);
	free(data);
	free(out);
	return r;
}
