/*
 * The fast path looks up one symbol at a time in a table that is indexed by
 * the next bits of the stream; the rare longer codes continue in a second
 * table behind it.  An entry says all that is to know of a symbol: how many
 * bits it takes, those behind the code included, and how many bytes it stands
 * for.
 */
#include "deflate_walk.h"

#include <endian.h>
#include <stdbool.h>
#include <string.h>

#include "winnow/mem.h"

#define CODE_MAX 15 /* bits */
#define LITERALS 288
#define DISTANCES 32
#define LENGTHS 19

#define SYMBOL_END 256
#define SYMBOL_LENGTH 257 /* the first of those with bits behind them */

/* Bits that index the first tables. */
#define LITERAL_ROOT 11
#define DISTANCE_ROOT 9
#define LENGTH_ROOT 7

/* In a complete code at least two symbols share each second table. */
#define TABLE_SIZE(root, symbols) \
	((1u << (root)) + ((symbols) / 2 << (CODE_MAX - (root))))

/*
 * An entry: bits to consume (0-7), of those the code (8-11), what it is
 * (12-15), bytes that it stands for (16-31).  0: no symbol has this code.
 */
#define IS_LITERAL (1u << 12)
#define IS_COPY (1u << 13)
#define IS_END (1u << 14)
/* The code is longer: the second table starts at the entry's upper half. */
#define IS_LONG (1u << 15)
#define ENTRY_BITS(entry) ((entry)&0xff)
#define ENTRY_CODE(entry) ((entry) >> 8 & 0xf)
#define ENTRY_VALUE(entry) ((entry) >> 16)

/* The stream's bits, the first one lowest. */
struct bits {
	const uint8_t *data;
	size_t len;
	size_t at; /* byte to load next; past the end zeros are loaded */
	uint64_t buffer;
	unsigned count; /* of valid bits in the buffer */
};

struct deflate_walk {
	uint32_t literal_symbols[LITERALS]; /* entries without their codes */
	uint32_t distance_symbols[DISTANCES];
	uint32_t length_symbols[LENGTHS];
	uint32_t literals[TABLE_SIZE(LITERAL_ROOT, LITERALS)];
	uint32_t distances[TABLE_SIZE(DISTANCE_ROOT, DISTANCES)];
	uint32_t lengths[1u << LENGTH_ROOT];
	struct bits bits;
	uint64_t total;
};

/* How a code becomes a table. */
struct code {
	const uint32_t *symbols;
	unsigned count;
	unsigned root;
	uint32_t *table;
};

static void
set_symbols(struct deflate_walk *w)
{
	uint32_t i, extra;

	for (i = 0; i < SYMBOL_END; i++)
		w->literal_symbols[i] = IS_LITERAL | 1u << 16;
	w->literal_symbols[SYMBOL_END] = IS_END;
	/* RFC 1951, 3.2.5: four lengths, and two distances, for each number
	 * of extra bits; 286 and 287, and 30 and 31, are never used. */
	for (i = 0; i < 28; i++) {
		extra = i < 8 ? 0 : i / 4 - 1;
		w->literal_symbols[SYMBOL_LENGTH + i] = IS_COPY | extra |
		    (3 + (i < 8 ? i : (4 + i % 4) << extra)) << 16;
	}
	w->literal_symbols[285] = IS_COPY | 258u << 16;
	for (i = 0; i < 30; i++)
		w->distance_symbols[i] = IS_COPY | (i < 4 ? 0 : i / 2 - 1);
	for (i = 0; i < LENGTHS; i++)
		w->length_symbols[i] = IS_LITERAL | i << 16;
}

struct deflate_walk *
deflate_walk_new(void)
{
	struct deflate_walk *w = mem_zalloc(1, sizeof(*w));

	set_symbols(w);
	return w;
}

void
deflate_walk_free(struct deflate_walk *w)
{
	free(w);
}

/* Loads until there are at least 56 bits; false far behind the end. */
static inline bool
refill(struct bits *b)
{
	uint64_t word = 0;

	if (b->at + sizeof(word) <= b->len)
		memcpy(&word, b->data + b->at, sizeof(word));
	else if (b->at < b->len)
		memcpy(&word, b->data + b->at, b->len - b->at);
	else if (b->at > b->len + sizeof(word))
		return false;
	/* What does not fit is loaded again, to the same place. */
	b->buffer |= le64toh(word) << b->count;
	b->at += (63 - b->count) / 8;
	b->count |= 56;
	return true;
}

static inline void
consume(struct bits *b, unsigned count)
{
	b->buffer >>= count;
	b->count -= count;
}

/* The next bits as a number; at most 13, after a refill. */
static inline unsigned
take(struct bits *b, unsigned count)
{
	unsigned value = (unsigned)(b->buffer & ((1u << count) - 1));

	consume(b, count);
	return value;
}

/* Bits consumed so far. */
static size_t
position(const struct bits *b)
{
	return b->at * 8 - b->count;
}

/* The entry of the next symbol. */
static inline uint32_t
look_up(const struct bits *b, const uint32_t *table, unsigned root)
{
	uint32_t entry = table[b->buffer & ((1u << root) - 1)];

	if (entry & IS_LONG)
		entry = table[ENTRY_VALUE(entry) +
		    (b->buffer >> root & ((1u << (CODE_MAX - root)) - 1))];
	return entry;
}

/* Codes stand in the stream with their first bit lowest. */
static unsigned
reverse(unsigned code, unsigned len)
{
	unsigned i, reversed = 0;

	for (i = 0; i < len; i++)
		reversed |= (code >> i & 1) << (len - 1 - i);
	return reversed;
}

/*
 * Sets the first code of each length.  False unless each sequence of bits has
 * one meaning; a single code of one bit may leave the other without.
 */
static bool
first_codes(const uint8_t *lengths, unsigned count, unsigned *next)
{
	unsigned counts[CODE_MAX + 1] = {0}, i, code = 0, used = 0;
	int left = 1;

	for (i = 0; i < count; i++)
		counts[lengths[i]]++;
	counts[0] = 0;
	for (i = 1; i <= CODE_MAX; i++) {
		code = (code + counts[i - 1]) << 1;
		next[i] = code;
		used += counts[i];
		left = left * 2 - (int)counts[i];
	}
	return left == 0 || used == 0 || (used == 1 && counts[1] == 1);
}

/* Puts an entry wherever the code's bits are the lowest of the index. */
static void
put_entry(
    uint32_t *table, unsigned size, unsigned code, unsigned len, uint32_t entry)
{
	unsigned i;

	for (i = code; i < size; i += 1u << len)
		table[i] = entry;
}

/* Builds the table of a code from the lengths of its symbols' codes. */
static bool
build_table(const struct code *c, const uint8_t *lengths)
{
	unsigned next[CODE_MAX + 1], size = 1u << c->root, end = size, i;
	unsigned rest = CODE_MAX - c->root;

	if (!first_codes(lengths, c->count, next))
		return false;
	memset(c->table, 0, size * sizeof(*c->table));
	for (i = 0; i < c->count; i++) {
		unsigned len = lengths[i], code;
		uint32_t entry = c->symbols[i], *root;

		if (len == 0)
			continue;
		code = reverse(next[len]++, len);
		if (entry != 0)
			entry = (entry + len) | len << 8;
		if (len <= c->root) {
			put_entry(c->table, size, code, len, entry);
			continue;
		}
		root = &c->table[code & (size - 1)];
		if (*root == 0) {
			*root = IS_LONG | end << 16;
			end += 1u << rest;
		}
		put_entry(c->table + ENTRY_VALUE(*root), 1u << rest,
		    code >> c->root, len - c->root, entry);
	}
	return true;
}

/* Builds the tables for literals and lengths, and for distances. */
static bool
build_tables(
    struct deflate_walk *w, const uint8_t *literals, const uint8_t *distances)
{
	const struct code literal = {
	    w->literal_symbols, LITERALS, LITERAL_ROOT, w->literals};
	const struct code distance = {
	    w->distance_symbols, DISTANCES, DISTANCE_ROOT, w->distances};

	return literals[SYMBOL_END] != 0 && build_table(&literal, literals) &&
	    build_table(&distance, distances);
}

/* Reads `count` lengths of codes, themselves coded (RFC 1951, 3.2.7). */
static bool
read_lengths(struct deflate_walk *w, uint8_t *lengths, unsigned count)
{
	struct bits *b = &w->bits;
	unsigned i = 0, repeat, value;
	uint32_t entry;

	while (i < count) {
		if (!refill(b))
			return false;
		entry = look_up(b, w->lengths, LENGTH_ROOT);
		if (entry == 0)
			return false;
		consume(b, ENTRY_BITS(entry));
		value = ENTRY_VALUE(entry);
		if (value < 16) {
			lengths[i++] = (uint8_t)value;
			continue;
		}
		if (value == 16 && i == 0)
			return false;
		repeat = value == 16 ? 3 + take(b, 2)
		    : value == 17    ? 3 + take(b, 3)
				     : 11 + take(b, 7);
		if (repeat > count - i)
			return false;
		memset(lengths + i, value == 16 ? lengths[i - 1] : 0, repeat);
		i += repeat;
	}
	return true;
}

/* The head of a block with codes of its own. */
static bool
read_codes(struct deflate_walk *w)
{
	static const uint8_t order[LENGTHS] = {
	    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
	const struct code code = {
	    w->length_symbols, LENGTHS, LENGTH_ROOT, w->lengths};
	uint8_t lengths[LITERALS + DISTANCES] = {0};
	uint8_t literals[LITERALS] = {0}, distances[DISTANCES] = {0};
	unsigned literal_count, distance_count, length_count, i;

	if (!refill(&w->bits))
		return false;
	literal_count = 257 + take(&w->bits, 5);
	distance_count = 1 + take(&w->bits, 5);
	length_count = 4 + take(&w->bits, 4);
	if (literal_count > 286 || distance_count > 30)
		return false;
	for (i = 0; i < length_count; i++) {
		if (!refill(&w->bits))
			return false;
		lengths[order[i]] = (uint8_t)take(&w->bits, 3);
	}
	if (!build_table(&code, lengths) ||
	    !read_lengths(w, lengths, literal_count + distance_count))
		return false;
	memcpy(literals, lengths, literal_count);
	memcpy(distances, lengths + literal_count, distance_count);
	return build_tables(w, literals, distances);
}

/* The codes that RFC 1951, 3.2.6 fixes. */
static bool
set_fixed_codes(struct deflate_walk *w)
{
	uint8_t literals[LITERALS], distances[DISTANCES];

	memset(literals, 8, 144);
	memset(literals + 144, 9, 112);
	memset(literals + 256, 7, 24);
	memset(literals + 280, 8, 8);
	memset(distances, 5, DISTANCES);
	return build_tables(w, literals, distances);
}

/* Counts what the symbols of a block stand for. */
static bool
walk_symbols(struct deflate_walk *w)
{
	struct bits b = w->bits; /* in registers */
	uint64_t total = 0;
	uint32_t entry = 0, distance = IS_COPY;

	while (refill(&b)) {
		entry = look_up(&b, w->literals, LITERAL_ROOT);
		if (entry & IS_LITERAL) {
			consume(&b, ENTRY_BITS(entry));
			total++;
			/* 41 bits are left: enough for one more code. */
			entry = look_up(&b, w->literals, LITERAL_ROOT);
			if (entry & IS_LITERAL) {
				consume(&b, ENTRY_BITS(entry));
				total++;
				continue;
			}
			refill(&b);
		}
		if (!(entry & IS_COPY))
			break;
		total += ENTRY_VALUE(entry) +
		    (((b.buffer & ((1u << ENTRY_BITS(entry)) - 1))) >>
			ENTRY_CODE(entry));
		consume(&b, ENTRY_BITS(entry));
		distance = look_up(&b, w->distances, DISTANCE_ROOT);
		if (distance == 0)
			return false;
		consume(&b, ENTRY_BITS(distance));
	}
	if (!(entry & IS_END))
		return false;
	consume(&b, ENTRY_BITS(entry));
	w->bits = b;
	w->total += total;
	return true;
}

/* Steps over a block that is not compressed. */
static bool
walk_stored(struct deflate_walk *w)
{
	struct bits *b = &w->bits;
	size_t at = (position(b) + 7) / 8;
	unsigned len, check;

	if (at > b->len || b->len - at < 4)
		return false;
	len = b->data[at] | (unsigned)b->data[at + 1] << 8;
	check = b->data[at + 2] | (unsigned)b->data[at + 3] << 8;
	if ((len ^ check) != 0xffff || b->len - at - 4 < len)
		return false;
	b->at = at + 4 + len;
	b->buffer = 0;
	b->count = 0;
	w->total += len;
	return true;
}

static bool
walk_block(struct deflate_walk *w, unsigned type)
{
	switch (type) {
	case 0:
		return walk_stored(w);
	case 1:
		return set_fixed_codes(w) && walk_symbols(w);
	case 2:
		return read_codes(w) && walk_symbols(w);
	default:
		return false;
	}
}

int
deflate_walk(struct deflate_walk *w, const void *data, size_t len,
    struct deflate_end *out, struct err *e)
{
	struct bits *b = &w->bits;
	size_t start;
	bool last;

	*b = (struct bits){.data = data, .len = len};
	w->total = 0;
	do {
		start = position(b);
		if (!refill(b))
			return err_set(e, ERR_INVALID, "no deflate stream");
		last = take(b, 1) == 1;
		if (!walk_block(w, take(b, 2)) || position(b) > len * 8)
			return err_set(e, ERR_INVALID,
			    "damaged deflate block at bit %zu", start);
	} while (!last);
	*out = (struct deflate_end){start, position(b), w->total};
	return 0;
}
