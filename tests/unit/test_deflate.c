/* deflate: zlib inflates it to what it was; pinned bytes; codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "../../common/deflate.h"
#include "../../common/deflate_codes.h"
#include "winnow/digest.h"
#include "winnow/mem.h"

#define DATA_MAX ((size_t)1 << 20)
#define GUARD 0xa5

/* What the bytes are like: each kind makes other blocks of deflate. */
enum kind { ZEROS, TEXT, RANDOM, SKEWED, CLOSE, DISTANT, MIXED, KINDS };

static unsigned char *data, *out;
static struct deflate *deflate_state;

static unsigned char
make_byte(enum kind kind, uint64_t x, size_t i)
{
	switch (kind) {
	case ZEROS:
		return 0;
	case RANDOM:
		return (unsigned char)(x >> 32);
	case SKEWED: /* wants codes longer than there are */
		return (unsigned char)(x == 0 ? 0 : __builtin_ctzll(x));
	case CLOSE: /* copies from one byte back on, of all lengths */
		return (unsigned char)(x % 100 == 0 ? x >> 32
			: i == 0                    ? 7
						    : data[i - 1]);
	case DISTANT: /* copies from as far as may be, and from just behind */
		return i % 65000 < 32769 - (i / 65000 % 3)
		    ? (unsigned char)(x >> 40)
		    : data[i - 32768 + (i / 65000 % 3) - 1];
	case TEXT:
	case MIXED:
	case KINDS:
		break;
	}
	return (unsigned char)"etaoin shrdlu\nxy"[x >> 60];
}

static void
fill(enum kind kind)
{
	uint64_t x = 88172645463325252u;
	size_t i;

	for (i = 0; i < DATA_MAX; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		data[i] = make_byte(
		    kind == MIXED ? (enum kind)((i >> 15) % CLOSE) : kind, x,
		    i);
	}
}

/* Compresses to out + at; nothing is written behind the bound. */
static size_t
compress_at(size_t at, const unsigned char *from, size_t len, bool last)
{
	size_t bound = deflate_bound(len), n;

	out[at + bound] = GUARD;
	n = deflate_chunk(deflate_state, from, len, last, out + at);
	assert_true(n <= bound);
	assert_int_equal(out[at + bound], GUARD);
	return n;
}

/* Inflates with zlib: one stream, to its last byte. */
static void
check_stream(size_t len, size_t data_len)
{
	auto_free unsigned char *back = mem_alloc(data_len + 1);
	z_stream z = {0};

	assert_int_equal(inflateInit2(&z, -MAX_WBITS), Z_OK);
	z.next_in = out;
	z.avail_in = (uInt)len;
	z.next_out = back;
	z.avail_out = (uInt)data_len + 1;
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.avail_in, 0);
	assert_int_equal(z.total_out, data_len);
	assert_memory_equal(back, data, data_len);
	inflateEnd(&z);
}

static void
test_round_trip(void **state)
{
	static const size_t lens[] = {0, 1, 2, 3, 4, 5, 17, 300, 4000, 65534,
	    65535, 65536, 131070, 131071, DATA_MAX};
	enum kind kind;
	size_t i;

	(void)state;
	for (kind = ZEROS; kind < KINDS; kind++) {
		fill(kind);
		for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
			check_stream(
			    compress_at(0, data, lens[i], true), lens[i]);
	}
}

/*
 * The last block of a piece ends at any of the eight bits of a byte: many
 * small pieces joined meet them all.
 */
static void
test_join(void **state)
{
	size_t len = 0, done = 0, n;

	(void)state;
	fill(MIXED);
	for (n = 0; n < 600; n++) {
		len += compress_at(len, data + done, n, n == 599);
		done += n;
	}
	check_stream(len, done);
}

static uint64_t
next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x >> 8;
}

/*
 * A block that begins with two copies of 28 bits each, in the codes of RFC
 * 1951, wherever in a byte the block before it ends.
 */
static void
test_copies_begin_block(void **state)
{
	enum { BLOCK = 65535, LENGTH = 100 };
	uint64_t x = 88172645463325252u;
	unsigned char *second = data + BLOCK;
	size_t i;
	int n;

	(void)state;
	for (n = 0; n < 64; n++) {
		for (i = 0; i < BLOCK; i++) {
			uint64_t letter = next_random(&x) >> 50;

			/* Copies keep the compressor from skipping. */
			data[i] = i % 32 < 24 ? (unsigned char)(' ' + letter)
					      : data[i - 24];
		}
		memcpy(second, second - 9000, LENGTH);
		memcpy(second + LENGTH, second - 10000, LENGTH);
		check_stream(compress_at(0, data, BLOCK + 2 * LENGTH, true),
		    BLOCK + 2 * LENGTH);
	}
}

/* Runs of new bytes, of which there are `variety`, and copies of what was. */
static void
fill_at_random(size_t len, unsigned variety, uint64_t *x)
{
	size_t i = 0, run, back;

	while (i < len) {
		run = 1 + next_random(x) % (next_random(x) % 8 == 0 ? 300 : 20);
		back = next_random(x) % 3 == 0 ? 0 : next_random(x) % 40000;
		if (back > i)
			back = 0;
		for (; run > 0 && i < len; run--, i++)
			data[i] = back == 0
			    ? (unsigned char)(next_random(x) % variety)
			    : data[i - back];
	}
}

/* Blocks of every kind begin at every bit, with whatever comes first. */
static void
test_random(void **state)
{
	uint64_t x = 88172645463325252u;
	int n;

	(void)state;
	for (n = 0; n < 400; n++) {
		/* The last block is a short one. */
		size_t len =
		    next_random(&x) % 3 * 65535 + next_random(&x) % 600;

		fill_at_random(len, 1 + next_random(&x) % 256, &x);
		check_stream(compress_at(0, data, len, true), len);
	}
}

/*
 * Who changes these digests changes those of derived layers:
 * LAYER_EMIT_VERSION must grow with it.
 */
static void
test_pinned(void **state)
{
	static const struct {
		enum kind kind;
		size_t len;
		const char *digest;
	} rows[] = {
	    {ZEROS, 1274,
		"4a7c9cf7ee17526f9d96b07100a6b2e54bc167df9466e2d26651073cdb3717"
		"61"},
	    {TEXT, 552959,
		"d59fb9d3831eb5c26209152f44c4140f4ddf4dff930ebfe0f18642b6f120bf"
		"42"},
	    {RANDOM, 1048659,
		"d70c64ce739884bc044fd2ed4d676236db783d206430aabcbdb5b012413c47"
		"d4"},
	    {SKEWED, 359498,
		"7ef0d1fabb852d8a7f0d477028d2e275194b09fc5e61e897d71456a1ac8bd4"
		"59"},
	    {CLOSE, 34662,
		"7bc6e89b4d84ef4cf79e21ce7a2030e1f5aa8561dc1d693720f6dfd179b29b"
		"b8"},
	    {DISTANT, 849177,
		"e1aa2bf64514c065176471a9bfa9c04f5ee4d797e9573faba3ca21ffb7a98b"
		"a1"},
	    {MIXED, 524844,
		"9102b0877b8ea42ee7160a8d95a2b442e25ab670d00a51d17f89c3977a677f"
		"fd"},
	};
	struct digest digest;
	char text[DIGEST_TEXT];
	size_t i, len;

	(void)state;
	for (i = 0; i < KINDS; i++) {
		fill(rows[i].kind);
		len = compress_at(0, data, DATA_MAX, true);
		digest_of(out, len, &digest);
		assert_string_equal(
		    digest_format_hex(&digest, text), rows[i].digest);
		assert_int_equal(len, rows[i].len);
	}
}

/* Weights of Fibonacci make an optimal code as deep as it has symbols. */
static void
test_limit(void **state)
{
	static const unsigned limits[] = {7, 14, 15};
	uint32_t counts[30] = {1, 1}, used;
	struct deflate_code codes[30];
	size_t i, j;

	(void)state;
	for (i = 2; i < 30; i++)
		counts[i] = counts[i - 1] + counts[i - 2];
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		deflate_make_code(counts, 30, limits[i], codes);
		for (j = 0, used = 0; j < 30; j++) {
			assert_in_range(codes[j].len, 1, limits[i]);
			used += 1u << (limits[i] - codes[j].len);
		}
		/* Complete: each sequence of bits means something. */
		assert_int_equal(used, 1u << limits[i]);
		assert_true(codes[0].len >= codes[29].len);
	}
}

/* One symbol, or none, still gives a code that all readers take. */
static void
test_few_symbols(void **state)
{
	uint32_t counts[30] = {0};
	struct deflate_code codes[30];

	(void)state;
	deflate_make_code(counts, 30, 14, codes);
	assert_int_equal(codes[0].len + codes[1].len, 2);
	counts[20] = 5;
	deflate_make_code(counts, 30, 14, codes);
	assert_int_equal(codes[0].len, 1);
	assert_int_equal(codes[20].len, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_join),
	    cmocka_unit_test(test_copies_begin_block),
	    cmocka_unit_test(test_random),
	    cmocka_unit_test(test_pinned),
	    cmocka_unit_test(test_limit),
	    cmocka_unit_test(test_few_symbols),
	};
	int r;

	data = mem_alloc(DATA_MAX);
	out = mem_alloc(2 * DATA_MAX);
	deflate_state = deflate_new();
	r = cmocka_run_group_tests_name("deflate", tests, NULL, NULL);
	deflate_free(deflate_state);
	free(data);
	free(out);
	return r;
}
