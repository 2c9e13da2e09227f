/*
 * deflate_codes: Huffman codes as deflate wants them (RFC 1951, 3.2.2), and
 * the description of a block's codes.  Private to deflate and its test.
 */
#ifndef WINNOW_DEFLATE_CODES_H
#define WINNOW_DEFLATE_CODES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define DEFLATE_LITERALS 286
#define DEFLATE_DISTANCES 30
/* Shorter than allowed (15): four literals so fit the bit buffer. */
#define DEFLATE_CODE_MAX 14

/* The code of a symbol, its first bit lowest. */
struct deflate_code {
	uint16_t bits;
	uint8_t len; /* 0: the symbol does not occur */
};

/* The codes of a block. */
struct deflate_codes {
	struct deflate_code literals[DEFLATE_LITERALS];
	struct deflate_code distances[DEFLATE_DISTANCES];
};

/* Bits on their way out, the first one lowest. */
struct bit_writer {
	uint8_t *next;
	uint64_t buffer;
	unsigned count; /* in the buffer; below 8 after a flush */
};

/* As many bits may be put between two flushes. */
#define BIT_ROOM 56

static inline void
bit_put(struct bit_writer *w, uint64_t bits, unsigned count)
{
	w->buffer |= bits << w->count;
	w->count += count;
}

/* Writes whole bytes; needs room for eight. */
static inline void
bit_flush(struct bit_writer *w)
{
	uint64_t word = htole64(w->buffer);

	memcpy(w->next, &word, sizeof(word));
	w->next += w->count / 8;
	w->buffer >>= w->count & ~7u;
	w->count &= 7;
}

/*
 * Makes a code of at most `max` bits (at most 15) from how often each of
 * `count` symbols (at most DEFLATE_LITERALS) occurs.  A code has two symbols
 * at least: those that are missing are taken from the first ones.
 */
void deflate_make_code(const uint32_t *counts, unsigned count, unsigned max,
    struct deflate_code *out);

/* The codes of RFC 1951, 3.2.6, as far as they are used. */
void deflate_fixed_codes(struct deflate_codes *out);

/* A block's description of its codes (RFC 1951, 3.2.7). */
struct deflate_header {
	uint8_t items[DEFLATE_LITERALS + DEFLATE_DISTANCES];
	uint8_t extra[DEFLATE_LITERALS + DEFLATE_DISTANCES];
	unsigned count; /* of items */
	unsigned literals; /* codes described */
	unsigned distances;
	unsigned lengths; /* of the code for items that are described */
	struct deflate_code code[19];
	unsigned bits; /* in all */
};

void deflate_make_header(
    const struct deflate_codes *codes, struct deflate_header *out);
void
deflate_put_header(const struct deflate_header *header, struct bit_writer *w);

#endif
