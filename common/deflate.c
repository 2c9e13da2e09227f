/*
 * Greedy matching through one table of hashes; see
 * doc/internals/canonical-layer.md.  What is written depends on the bytes
 * alone: no table survives a chunk, all words are read in one byte order.
 */
#include "deflate.h"

#include "deflate_codes.h"
#include "winnow/mem.h"

/* A stored block holds no more. */
#define BLOCK_MAX 65535u
#define MATCH_MIN 4u
#define MATCH_MAX 258u
#define DISTANCE_MAX 32768u
/* 128 KiB of positions: a fraction of the second-level cache. */
#define HASH_BITS 15
/* After this many bytes without a match steps grow by one byte. */
#define SKIP_SHIFT 6
#define SYMBOL_END 256
#define SYMBOL_LENGTH 257

/* Bytes as they are, then a copy of what was before (none at the end). */
struct sequence {
	uint32_t literals;
	uint16_t length; /* 0: none */
	uint16_t distance; /* less one */
};

struct deflate {
	uint32_t heads[1u << HASH_BITS]; /* last position of a hash, plus 1 */
	struct sequence sequences[BLOCK_MAX / MATCH_MIN + 1];
	unsigned sequence_count;
	uint32_t literal_counts[DEFLATE_LITERALS];
	uint32_t distance_counts[DEFLATE_DISTANCES];
	struct deflate_codes fixed;
	struct deflate_codes codes;
	struct deflate_header header;
	/* Of each length of a copy its code and extra bits, in one. */
	struct length_bits {
		uint32_t bits;
		uint8_t len;
	} lengths[MATCH_MAX + 1];
	uint8_t length_symbols[MATCH_MAX + 1]; /* less SYMBOL_LENGTH */
	uint8_t distance_symbols[512]; /* see distance_symbol() */
	struct bit_writer out;
};

/* A chunk, and the part of it that becomes a block. */
struct block {
	const uint8_t *chunk;
	uint32_t start;
	uint32_t end;
};

/* RFC 1951, 3.2.5. */
static const uint16_t length_bases[29] = {3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15,
    17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227,
    258};
static const uint8_t length_extras[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2,
    2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static const uint16_t distance_bases[30] = {0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32,
    48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096,
    6144, 8192, 12288, 16384, 24576};
static const uint8_t distance_extras[30] = {0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4,
    5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};

static void
set_symbols(struct deflate *d)
{
	unsigned i, symbol = 0;

	for (i = 3; i <= MATCH_MAX; i++) {
		while (symbol < 28 && length_bases[symbol + 1] <= i)
			symbol++;
		d->length_symbols[i] = (uint8_t)symbol;
	}
	for (i = 0, symbol = 0; i < 256; i++) {
		while (distance_bases[symbol + 1] <= i)
			symbol++;
		d->distance_symbols[i] = (uint8_t)symbol;
	}
	for (i = 2; i < 256; i++) {
		while (symbol < 29 && distance_bases[symbol + 1] <= i << 7)
			symbol++;
		d->distance_symbols[256 + i] = (uint8_t)symbol;
	}
}

struct deflate *
deflate_new(void)
{
	struct deflate *d = mem_zalloc(1, sizeof(*d));

	set_symbols(d);
	deflate_fixed_codes(&d->fixed);
	return d;
}

void
deflate_free(struct deflate *d)
{
	free(d);
}

size_t
deflate_bound(size_t len)
{
	/* All stored, the empty block at the end, and what a flush writes. */
	return len + (len / BLOCK_MAX + 2) * 5 + sizeof(uint64_t);
}

/* The symbol of a distance less one. */
static inline unsigned
distance_symbol(const struct deflate *d, unsigned distance)
{
	return d->distance_symbols[distance < 256 ? distance
						  : 256 + (distance >> 7)];
}

static inline uint32_t
load32(const uint8_t *p)
{
	uint32_t word;

	memcpy(&word, p, sizeof(word));
	return le32toh(word);
}

static inline uint64_t
load64(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return le64toh(word);
}

static inline uint32_t
hash(uint32_t word)
{
	return word * 0x9E3779B1u >> (32 - HASH_BITS);
}

/* How many bytes at `a` and `b` are equal, of `max`. */
static inline unsigned
match_length(const uint8_t *a, const uint8_t *b, unsigned max)
{
	unsigned n = 0;

	while (n + 8 <= max) {
		uint64_t difference = load64(a + n) ^ load64(b + n);

		if (difference != 0)
			return n + (unsigned)__builtin_ctzll(difference) / 8;
		n += 8;
	}
	while (n < max && a[n] == b[n])
		n++;
	return n;
}

static inline void
count_literals(struct deflate *d, const uint8_t *from, const uint8_t *to)
{
	while (from < to)
		d->literal_counts[*from++]++;
}

static inline void
add_sequence(struct deflate *d, const uint8_t *literals, size_t count,
    unsigned length, unsigned distance)
{
	struct sequence *s = &d->sequences[d->sequence_count++];

	s->literals = (uint32_t)count;
	s->length = (uint16_t)length;
	s->distance = (uint16_t)distance;
	count_literals(d, literals, literals + count);
	if (length == 0)
		return;
	d->literal_counts[SYMBOL_LENGTH + d->length_symbols[length]]++;
	d->distance_counts[distance_symbol(d, distance)]++;
}

/* Divides a block into sequences. */
static void
find_sequences(struct deflate *d, const struct block *b)
{
	const uint8_t *chunk = b->chunk, *end = chunk + b->end;
	const uint8_t *at = chunk + b->start, *anchor = at;

	while ((size_t)(end - at) >= MATCH_MIN) {
		uint32_t word = load32(at), position = (uint32_t)(at - chunk);
		uint32_t *head = &d->heads[hash(word)];
		uint32_t before = *head;
		const uint8_t *match = chunk + before - 1;
		unsigned length;

		*head = position + 1;
		if (before == 0 || position - before >= DISTANCE_MAX ||
		    load32(match) != word) {
			size_t step = 1 + ((size_t)(at - anchor) >> SKIP_SHIFT);

			if (step > (size_t)(end - at))
				break;
			at += step;
			continue;
		}
		while (at > anchor && match > chunk && at[-1] == match[-1]) {
			at--;
			match--;
		}
		length = (size_t)(end - at) < MATCH_MAX ? (unsigned)(end - at)
							: MATCH_MAX;
		length = match_length(at, match, length);
		add_sequence(d, anchor, (size_t)(at - anchor), length,
		    (unsigned)(at - match) - 1);
		at += length;
		anchor = at;
		if ((size_t)(end - at) >= MATCH_MIN) {
			d->heads[hash(load32(at - 2))] =
			    (uint32_t)(at - 2 - chunk) + 1;
		}
	}
	add_sequence(d, anchor, (size_t)(end - anchor), 0, 0);
}

/* Bits of a block's symbols, under these codes. */
static uint64_t
count_bits(const struct deflate *d, const struct deflate_codes *codes)
{
	uint64_t bits = 0;
	unsigned i;

	for (i = 0; i < DEFLATE_LITERALS; i++)
		bits += (uint64_t)d->literal_counts[i] * codes->literals[i].len;
	for (i = 0; i < DEFLATE_DISTANCES; i++)
		bits +=
		    (uint64_t)d->distance_counts[i] * codes->distances[i].len;
	/* Extra bits are the same under all codes. */
	for (i = 0; i < 29; i++)
		bits += (uint64_t)d->literal_counts[SYMBOL_LENGTH + i] *
		    length_extras[i];
	for (i = 0; i < DEFLATE_DISTANCES; i++)
		bits += (uint64_t)d->distance_counts[i] * distance_extras[i];
	return bits;
}

static void
set_lengths(struct deflate *d, const struct deflate_codes *codes)
{
	unsigned i;

	for (i = MATCH_MIN; i <= MATCH_MAX; i++) {
		unsigned symbol = d->length_symbols[i];
		struct deflate_code code =
		    codes->literals[SYMBOL_LENGTH + symbol];

		d->lengths[i].bits = code.bits |
		    (uint32_t)(i - length_bases[symbol]) << code.len;
		d->lengths[i].len = (uint8_t)(code.len + length_extras[symbol]);
	}
}

static inline void
put_literal(struct bit_writer *w, const struct deflate_code *codes, uint8_t c)
{
	bit_put(w, codes[c].bits, codes[c].len);
}

static inline const uint8_t *
put_literals(struct bit_writer *w, const struct deflate_code *codes,
    const uint8_t *at, uint32_t count)
{
	for (; count >= 4; count -= 4, at += 4) {
		put_literal(w, codes, at[0]);
		put_literal(w, codes, at[1]);
		put_literal(w, codes, at[2]);
		put_literal(w, codes, at[3]);
		bit_flush(w);
	}
	for (; count > 0; count--)
		put_literal(w, codes, *at++);
	bit_flush(w);
	return at;
}

static void
put_symbols(
    struct deflate *d, const struct deflate_codes *codes, const uint8_t *at)
{
	struct bit_writer w = d->out; /* in registers */
	unsigned i;

	set_lengths(d, codes);
	for (i = 0; i < d->sequence_count; i++) {
		const struct sequence *s = &d->sequences[i];
		const struct length_bits *length = &d->lengths[s->length];
		unsigned symbol;

		at = put_literals(&w, codes->literals, at, s->literals);
		if (s->length == 0)
			break;
		at += s->length;
		symbol = distance_symbol(d, s->distance);
		bit_put(&w, length->bits, length->len);
		bit_put(&w, codes->distances[symbol].bits,
		    codes->distances[symbol].len);
		bit_put(&w, s->distance - distance_bases[symbol],
		    distance_extras[symbol]);
		bit_flush(&w);
	}
	bit_put(&w, codes->literals[SYMBOL_END].bits,
	    codes->literals[SYMBOL_END].len);
	bit_flush(&w);
	d->out = w;
}

/* A stored block; `len` may be 0. */
static void
put_stored(struct deflate *d, const uint8_t *data, uint32_t len, bool last)
{
	struct bit_writer *w = &d->out;

	bit_put(w, last, 3);
	if (w->count % 8 != 0)
		bit_put(w, 0, 8 - w->count % 8);
	bit_flush(w);
	bit_put(w, len | (uint64_t)(len ^ 0xffff) << 16, 32);
	bit_flush(w);
	memcpy(w->next, data, len);
	w->next += len;
}

/* Writes a block in the shortest of the three forms. */
static void
put_block(struct deflate *d, const struct block *b, bool last)
{
	const uint8_t *data = b->chunk + b->start;
	uint64_t dynamic, fixed, stored = 40 + 8ull * (b->end - b->start);

	deflate_make_code(d->literal_counts, DEFLATE_LITERALS, DEFLATE_CODE_MAX,
	    d->codes.literals);
	deflate_make_code(d->distance_counts, DEFLATE_DISTANCES,
	    DEFLATE_CODE_MAX, d->codes.distances);
	deflate_make_header(&d->codes, &d->header);
	dynamic = d->header.bits + count_bits(d, &d->codes);
	fixed = count_bits(d, &d->fixed);
	if (stored <= dynamic && stored <= fixed) {
		put_stored(d, data, b->end - b->start, last);
	} else if (fixed <= dynamic) {
		bit_put(&d->out, last | 1u << 1, 3);
		put_symbols(d, &d->fixed, data);
	} else {
		bit_put(&d->out, last | 2u << 1, 3);
		deflate_put_header(&d->header, &d->out);
		put_symbols(d, &d->codes, data);
	}
}

static void
deflate_block(struct deflate *d, const struct block *b, bool last)
{
	d->sequence_count = 0;
	memset(d->literal_counts, 0, sizeof(d->literal_counts));
	memset(d->distance_counts, 0, sizeof(d->distance_counts));
	d->literal_counts[SYMBOL_END] = 1;
	find_sequences(d, b);
	put_block(d, b, last);
}

size_t
deflate_chunk(
    struct deflate *d, const void *data, size_t len, bool last, void *out)
{
	struct block b = {.chunk = data};

	memset(d->heads, 0, sizeof(d->heads));
	d->out = (struct bit_writer){.next = out};
	do {
		b.start = b.end;
		b.end = len - b.start < BLOCK_MAX ? (uint32_t)len
						  : b.start + BLOCK_MAX;
		deflate_block(d, &b, last && b.end == len);
	} while (b.end < len);
	if (!last)
		put_stored(d, (const uint8_t *)"", 0, false);
	else if (d->out.count > 0)
		bit_put(&d->out, 0, 8 - d->out.count);
	bit_flush(&d->out);
	return (size_t)(d->out.next - (uint8_t *)out);
}
