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
/* 8 KiB of positions: a quarter of the first-level cache. */
#define HASH_BITS 12
/* After 2^8 bytes without a copy steps grow by one place. */
#define SKIP_SHIFT 8
#define SYMBOL_END 256
#define SYMBOL_LENGTH 257

/*
 * What a block is made of: a byte, or a copy of what was before.  Its bits
 * from the lowest: 10 for the unit (the byte, or UNIT_COPY + length), 5 for
 * the symbol of the distance (NO_DISTANCE for a byte), 13 for its extra bits.
 */
#define UNIT_COPY 256u
#define UNITS (UNIT_COPY + MATCH_MAX + 1)
#define UNIT_MASK 1023u
#define NO_DISTANCE DEFLATE_DISTANCES
#define DISTANCE_SHIFT 10
#define DISTANCE_MASK 31u
#define EXTRA_SHIFT 15

/* A code with the extra bits of what it stands for, in one. */
struct unit_code {
	uint32_t bits;
	uint32_t len;
};

/* The code of a distance. */
struct distance_code {
	uint16_t bits;
	uint8_t len;
	uint8_t all; /* with the extra bits behind it */
};

struct deflate {
	/* The last position of a hash, modulo 2^16. */
	uint16_t heads[1u << HASH_BITS];
	uint32_t tokens[BLOCK_MAX];
	size_t token_count;
	uint32_t unit_counts[UNITS];
	uint32_t literal_counts[DEFLATE_LITERALS];
	uint32_t distance_counts[DEFLATE_DISTANCES];
	struct deflate_codes fixed;
	struct deflate_codes codes;
	struct deflate_header header;
	struct unit_code units[UNITS];
	struct distance_code distances[DEFLATE_DISTANCES + 1];
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

/*
 * How many bytes before `end` are the same at `a` and `b`, of which four are
 * known to be; at most what one copy holds.
 */
static inline unsigned
match_length(const uint8_t *a, const uint8_t *b, const uint8_t *end)
{
	unsigned n = MATCH_MIN, max = MATCH_MAX;

	if ((size_t)(end - a) < MATCH_MAX)
		max = (unsigned)(end - a);
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

/*
 * How far before `at`, which is at `position` of the chunk and begins with
 * `word`, the last place with its hash is, if that has the same four bytes and
 * can be copied from; else 0.  Notes `at` as the last place.
 */
static inline unsigned
find_copy(
    struct deflate *d, const uint8_t *at, uint32_t position, uint32_t word)
{
	uint16_t *head = &d->heads[hash(word)];
	/*
	 * What is further back than 2^16, and what never was, looks like
	 * another place of the chunk, and is compared like any.
	 */
	uint16_t distance = (uint16_t)(position - *head);

	*head = (uint16_t)position;
	if ((uint16_t)(distance - 1) >= DISTANCE_MAX ||
	    load32(at - distance) != word)
		return 0;
	return distance;
}

static inline uint32_t *
add_byte(struct deflate *d, uint32_t *token, uint8_t byte)
{
	d->unit_counts[byte]++;
	*token = byte | (uint32_t)NO_DISTANCE << DISTANCE_SHIFT;
	return token + 1;
}

static inline uint32_t *
add_copy(struct deflate *d, uint32_t *token, unsigned length, unsigned distance)
{
	unsigned symbol = distance_symbol(d, distance - 1);
	uint32_t extra = distance - 1 - distance_bases[symbol];

	d->unit_counts[UNIT_COPY + length]++;
	d->distance_counts[symbol]++;
	*token = (UNIT_COPY + length) | symbol << DISTANCE_SHIFT |
	    extra << EXTRA_SHIFT;
	return token + 1;
}

/* Adds `count` bytes, or what there are of them. */
static inline uint32_t *
add_bytes(struct deflate *d, uint32_t *token, const uint8_t **at,
    const uint8_t *end, size_t count)
{
	for (; count > 0 && *at < end; count--)
		token = add_byte(d, token, *(*at)++);
	return token;
}

/* Divides a block into tokens. */
static void
find_tokens(struct deflate *d, const struct block *b)
{
	const uint8_t *chunk = b->chunk, *end = chunk + b->end;
	const uint8_t *at = chunk + b->start, *behind_copy = at;
	uint32_t *token = d->tokens;

	/* Two places at a time: mostly neither has a copy. */
	while ((size_t)(end - at) >= sizeof(uint64_t)) {
		uint64_t bytes = load64(at);
		uint32_t position = (uint32_t)(at - chunk);
		unsigned distance, second, length;

		distance = find_copy(d, at, position, (uint32_t)bytes);
		second =
		    find_copy(d, at + 1, position + 1, (uint32_t)(bytes >> 8));
		if ((distance | second) == 0) {
			size_t skip = (size_t)(at - behind_copy) >> SKIP_SHIFT;

			token = add_byte(d, token, *at++);
			token = add_byte(d, token, *at++);
			if (skip > 0)
				token = add_bytes(d, token, &at, end, 2 * skip);
			continue;
		}
		if (distance == 0) {
			token = add_byte(d, token, *at++);
			distance = second;
		}
		/* It may have begun one byte before: take that back. */
		if (at > behind_copy && at - distance > chunk &&
		    at[-1] == *(at - distance - 1)) {
			d->unit_counts[*--at]--;
			token--;
		}
		length = match_length(at, at - distance, end);
		token = add_copy(d, token, length, distance);
		at += length;
		behind_copy = at;
		if ((size_t)(end - at) >= MATCH_MIN) {
			d->heads[hash(load32(at - 2))] =
			    (uint16_t)(at - 2 - chunk);
			d->heads[hash(load32(at - 1))] =
			    (uint16_t)(at - 1 - chunk);
		}
	}
	token = add_bytes(d, token, &at, end, sizeof(uint64_t));
	d->token_count = (size_t)(token - d->tokens);
}

/* How often each symbol of deflate's occurs. */
static void
count_symbols(struct deflate *d)
{
	unsigned i;

	memcpy(d->literal_counts, d->unit_counts, 256 * sizeof(uint32_t));
	memset(&d->literal_counts[256], 0, 30 * sizeof(uint32_t));
	d->literal_counts[SYMBOL_END] = 1;
	for (i = MATCH_MIN; i <= MATCH_MAX; i++)
		d->literal_counts[SYMBOL_LENGTH + d->length_symbols[i]] +=
		    d->unit_counts[UNIT_COPY + i];
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
set_units(struct deflate *d, const struct deflate_codes *codes)
{
	struct deflate_code code;
	unsigned i;

	for (i = 0; i < 256; i++) {
		code = codes->literals[i];
		d->units[i] = (struct unit_code){code.bits, code.len};
	}
	for (i = MATCH_MIN; i <= MATCH_MAX; i++) {
		unsigned symbol = d->length_symbols[i];
		uint32_t extra = i - length_bases[symbol];

		code = codes->literals[SYMBOL_LENGTH + symbol];
		d->units[UNIT_COPY + i] =
		    (struct unit_code){code.bits | extra << code.len,
			code.len + length_extras[symbol]};
	}
	for (i = 0; i < DEFLATE_DISTANCES; i++) {
		code = codes->distances[i];
		d->distances[i] = (struct distance_code){code.bits, code.len,
		    (uint8_t)(code.len + distance_extras[i])};
	}
}

/* The bits of a token, *len of them, at most 46. */
static inline uint64_t
token_bits(const struct deflate *d, uint32_t token, unsigned *len)
{
	const struct unit_code *unit = &d->units[token & UNIT_MASK];
	const struct distance_code *distance =
	    &d->distances[token >> DISTANCE_SHIFT & DISTANCE_MASK];
	uint64_t extra = token >> EXTRA_SHIFT;

	*len = unit->len + distance->all;
	return unit->bits |
	    (distance->bits | extra << distance->len) << unit->len;
}

/* The writer has been flushed: a pair may need all the room there is. */
static void
put_tokens(struct deflate *d, const struct deflate_codes *codes)
{
	struct bit_writer w = d->out; /* in registers */
	const uint32_t *token = d->tokens, *end = token + d->token_count;
	uint64_t first, second;
	unsigned len, second_len;

	set_units(d, codes);
	/*
	 * Each step waits for the last one's flush, so two at a time.  The same
	 * steps for bytes and copies: branches would be guessed wrong, but for
	 * that of two long copies, which are rare.
	 */
	for (; end - token >= 2; token += 2) {
		first = token_bits(d, token[0], &len);
		second = token_bits(d, token[1], &second_len);
		if (len + second_len > BIT_ROOM) {
			bit_put(&w, first, len);
			bit_flush(&w);
			bit_put(&w, second, second_len);
		} else {
			bit_put(&w, first | second << len, len + second_len);
		}
		bit_flush(&w);
	}
	if (token < end) {
		first = token_bits(d, *token, &len);
		bit_put(&w, first, len);
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
		bit_flush(&d->out);
		put_tokens(d, &d->fixed);
	} else {
		bit_put(&d->out, last | 2u << 1, 3);
		deflate_put_header(&d->header, &d->out);
		put_tokens(d, &d->codes);
	}
}

static void
deflate_block(struct deflate *d, const struct block *b, bool last)
{
	memset(d->unit_counts, 0, sizeof(d->unit_counts));
	memset(d->distance_counts, 0, sizeof(d->distance_counts));
	find_tokens(d, b);
	count_symbols(d);
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
