#include "deflate_codes.h"

/* Symbols that describe lengths of codes, and the most bits of theirs. */
#define ITEMS 19
#define ITEM_MAX 7
#define REPEAT_LAST 16
#define REPEAT_ZERO 17
#define REPEAT_ZERO_LONG 18

/* A symbol that occurs: how often, and which; sorted as one number. */
static uint64_t
make_key(uint32_t count, unsigned symbol)
{
	return (uint64_t)count << 16 | symbol;
}

/* Sorts by count, byte by byte; keys of one count stay as they are. */
static void
sort_keys(uint64_t *keys, unsigned n)
{
	uint64_t sorted[DEFLATE_LITERALS], counts = 0;
	unsigned i, shift;

	for (i = 0; i < n; i++)
		counts |= keys[i] >> 16;
	for (shift = 16; counts > 0; counts >>= 8, shift += 8) {
		unsigned next[257] = {0};

		for (i = 0; i < n; i++)
			next[(keys[i] >> shift & 255) + 1]++;
		for (i = 1; i < 256; i++)
			next[i] += next[i - 1];
		for (i = 0; i < n; i++)
			sorted[next[keys[i] >> shift & 255]++] = keys[i];
		memcpy(keys, sorted, n * sizeof(*keys));
	}
}

/*
 * Turns ascending weights into the lengths of an optimal code, in place and
 * descending: Moffat and Katajainen, "In-place calculation of
 * minimum-redundancy codes", 1995.
 */
static void
weights_to_lengths(uint32_t *a, unsigned n)
{
	unsigned root = 0, leaf = 2, next, used, available, depth = 0;
	unsigned top = n - 2, at = n;

	/* Joins the two lightest; a joined node points to its parent. */
	a[0] += a[1];
	for (next = 1; next < n - 1; next++) {
		if (leaf >= n || a[root] < a[leaf]) {
			a[next] = a[root];
			a[root++] = next;
		} else {
			a[next] = a[leaf++];
		}
		if (leaf >= n || (root < next && a[root] < a[leaf])) {
			a[next] += a[root];
			a[root++] = next;
		} else {
			a[next] += a[leaf++];
		}
	}
	/* Parents become depths of joined nodes. */
	a[top] = 0;
	for (next = top; next-- > 0;)
		a[next] = a[a[next]] + 1;
	/* What is not a joined node at a depth is a leaf there. */
	available = 1;
	next = top + 1;
	while (available > 0) {
		used = 0;
		while (next > 0 && a[next - 1] == depth) {
			used++;
			next--;
		}
		while (available > used) {
			a[--at] = depth;
			available--;
		}
		available = 2 * used;
		depth++;
	}
}

/*
 * Counts codes by length, none longer than `max`: what was longer gets it, and
 * as much as that is too much is made up for by lengthening shorter ones.
 */
static void
limit_lengths(
    const uint32_t *lengths, unsigned n, unsigned max, unsigned *counts)
{
	uint32_t total = 0, whole = 1u << max;
	unsigned i;

	for (i = 0; i < n; i++)
		counts[lengths[i] < max ? lengths[i] : max]++;
	for (i = 1; i <= max; i++)
		total += counts[i] << (max - i);
	while (total > whole) {
		/* One of the longest goes beside one that was shorter. */
		counts[max]--;
		for (i = max - 1; counts[i] == 0; i--)
			;
		counts[i]--;
		counts[i + 1] += 2;
		total--;
	}
}

/* The bits of a code, of at most 15, last one first. */
static uint16_t
reverse(unsigned code, unsigned len)
{
	code = (code & 0x5555) << 1 | (code >> 1 & 0x5555);
	code = (code & 0x3333) << 2 | (code >> 2 & 0x3333);
	code = (code & 0x0f0f) << 4 | (code >> 4 & 0x0f0f);
	code = (code & 0x00ff) << 8 | (code >> 8 & 0x00ff);
	return (uint16_t)(code >> (16 - len));
}

/* Gives each symbol the code that follows from the lengths alone. */
static void
set_codes(struct deflate_code *codes, unsigned count, const unsigned *counts)
{
	unsigned next[16] = {0}, code = 0, i;

	for (i = 1; i < 16; i++) {
		code = (code + (i == 1 ? 0 : counts[i - 1])) << 1;
		next[i] = code;
	}
	for (i = 0; i < count; i++)
		if (codes[i].len > 0)
			codes[i].bits =
			    reverse(next[codes[i].len]++, codes[i].len);
}

void
deflate_make_code(const uint32_t *counts, unsigned count, unsigned max,
    struct deflate_code *out)
{
	uint64_t keys[DEFLATE_LITERALS];
	uint32_t lengths[DEFLATE_LITERALS];
	unsigned by_length[16] = {0}, used = 0, i, length;

	memset(out, 0, count * sizeof(*out));
	for (i = 0; i < count; i++)
		if (counts[i] > 0)
			keys[used++] = make_key(counts[i], i);
	for (i = 0; used < 2; i++)
		if (counts[i] == 0)
			keys[used++] = make_key(1, i);
	sort_keys(keys, used);
	for (i = 0; i < used; i++)
		lengths[i] = (uint32_t)(keys[i] >> 16);
	weights_to_lengths(lengths, used);
	limit_lengths(lengths, used, max, by_length);
	/* The rarest get the longest. */
	for (i = 0, length = max; length > 0; length--) {
		unsigned left = by_length[length];

		for (; left > 0; left--)
			out[keys[i++] & 0xffff].len = (uint8_t)length;
	}
	set_codes(out, count, by_length);
}

void
deflate_fixed_codes(struct deflate_codes *out)
{
	static const struct {
		unsigned from, to;
		uint8_t len;
		unsigned first;
	} ranges[] = {
	    {0, 144, 8, 0x30},
	    {144, 256, 9, 0x190},
	    {256, 280, 7, 0},
	    {280, DEFLATE_LITERALS, 8, 0xc0},
	};
	unsigned i, symbol;

	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		for (symbol = ranges[i].from; symbol < ranges[i].to; symbol++)
			out->literals[symbol] = (struct deflate_code){
			    reverse(ranges[i].first + symbol - ranges[i].from,
				ranges[i].len),
			    ranges[i].len};
	for (symbol = 0; symbol < DEFLATE_DISTANCES; symbol++)
		out->distances[symbol] =
		    (struct deflate_code){reverse(symbol, 5), 5};
}

static void
add_item(struct deflate_header *h, unsigned item, unsigned extra)
{
	h->items[h->count] = (uint8_t)item;
	h->extra[h->count++] = (uint8_t)extra;
}

/* A run of one length; `first` is what stands before may be repeated. */
static void
add_run(struct deflate_header *h, unsigned length, unsigned run)
{
	unsigned n;

	if (length != 0) {
		add_item(h, length, 0);
		run--;
	}
	while (run >= 3) {
		if (length != 0) {
			n = run < 6 ? run : 6;
			add_item(h, REPEAT_LAST, n - 3);
		} else if (run < 11) {
			n = run;
			add_item(h, REPEAT_ZERO, n - 3);
		} else {
			n = run < 138 ? run : 138;
			add_item(h, REPEAT_ZERO_LONG, n - 11);
		}
		run -= n;
	}
	for (; run > 0; run--)
		add_item(h, length, 0);
}

static unsigned
extra_bits(unsigned item)
{
	return item == REPEAT_LAST     ? 2
	    : item == REPEAT_ZERO      ? 3
	    : item == REPEAT_ZERO_LONG ? 7
				       : 0;
}

/* In this order are the lengths of the items' codes. */
static const uint8_t item_order[ITEMS] = {
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

void
deflate_make_header(const struct deflate_codes *codes, struct deflate_header *h)
{
	uint8_t lengths[DEFLATE_LITERALS + DEFLATE_DISTANCES];
	uint32_t counts[ITEMS] = {0};
	unsigned i, n = 0, run;

	h->count = 0;
	h->literals = DEFLATE_LITERALS;
	while (codes->literals[h->literals - 1].len == 0)
		h->literals--;
	h->distances = DEFLATE_DISTANCES;
	while (codes->distances[h->distances - 1].len == 0)
		h->distances--;
	for (i = 0; i < h->literals; i++)
		lengths[n++] = codes->literals[i].len;
	for (i = 0; i < h->distances; i++)
		lengths[n++] = codes->distances[i].len;
	for (i = 0; i < n; i += run) {
		for (run = 1; i + run < n && lengths[i + run] == lengths[i];)
			run++;
		add_run(h, lengths[i], run);
	}
	for (i = 0; i < h->count; i++)
		counts[h->items[i]]++;
	deflate_make_code(counts, ITEMS, ITEM_MAX, h->code);
	h->lengths = ITEMS;
	while (h->code[item_order[h->lengths - 1]].len == 0)
		h->lengths--;
	h->bits = 5 + 5 + 4 + 3 * h->lengths;
	for (i = 0; i < h->count; i++)
		h->bits += h->code[h->items[i]].len + extra_bits(h->items[i]);
}

void
deflate_put_header(const struct deflate_header *h, struct bit_writer *w)
{
	unsigned i;

	bit_put(w, h->literals - 257, 5);
	bit_put(w, h->distances - 1, 5);
	bit_put(w, h->lengths - 4, 4);
	for (i = 0; i < h->lengths; i++) {
		bit_put(w, h->code[item_order[i]].len, 3);
		bit_flush(w);
	}
	for (i = 0; i < h->count; i++) {
		unsigned item = h->items[i];

		bit_put(w, h->code[item].bits, h->code[item].len);
		bit_put(w, h->extra[i], extra_bits(item));
		bit_flush(w);
	}
}
