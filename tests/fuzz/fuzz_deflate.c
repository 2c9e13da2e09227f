/*
 * Fuzz target: what is compressed, in two pieces, inflates to what it was.  An
 * input is taken as it is, and as instructions, which make several blocks.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "../../common/deflate.h"
#include "winnow/mem.h"

/* Four blocks of deflate. */
#define EXPANDED_MAX ((size_t)256 << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const uint8_t *data, size_t size, unsigned char *stream, size_t len)
{
	auto_free unsigned char *out = mem_alloc(size + 1);
	z_stream z = {0};

	if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
		return;
	z.next_in = stream;
	z.avail_in = (uInt)len;
	z.next_out = out;
	z.avail_out = (uInt)size + 1;
	if (inflate(&z, Z_FINISH) != Z_STREAM_END || z.avail_in != 0 ||
	    z.total_out != size || memcmp(out, data, size) != 0)
		__builtin_trap();
	inflateEnd(&z);
}

/* Compresses two pieces, of which `part` says how large the first is. */
static void
try_pieces(const uint8_t *data, size_t size, uint8_t part)
{
	auto_deflate struct deflate *d = deflate_new();
	size_t first = size * part / 256, len, whole;
	size_t bound = deflate_bound(first) + deflate_bound(size - first);
	auto_free unsigned char *stream = mem_alloc(bound);

	whole = deflate_chunk(d, data, first, false, stream);
	if (whole > deflate_bound(first))
		__builtin_trap();
	len =
	    deflate_chunk(d, data + first, size - first, true, stream + whole);
	if (len > deflate_bound(size - first))
		__builtin_trap();
	check(data, size, stream, whole + len);
}

/*
 * A byte below 128 is followed by one byte more than it says; another one says
 * how long a copy is, and the next two how far back it begins.
 */
static size_t
expand(const uint8_t *in, size_t size, uint8_t *to)
{
	const uint8_t *end = in + size;
	size_t at = 0, n, back, i;

	while (end - in > 128 && at <= EXPANDED_MAX - 128 * 64) {
		n = *in++;
		if (n < 128) {
			memcpy(to + at, in, n + 1);
			in += n + 1;
			at += n + 1;
			continue;
		}
		n = (n - 127) * 64;
		back = 1 + ((size_t)in[0] << 8 | in[1]);
		in += 2;
		for (i = 0; i < n; i++, at++)
			to[at] = back <= at ? to[at - back] : 0;
	}
	return at;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free uint8_t *expanded = mem_alloc(EXPANDED_MAX);
	uint8_t part = size == 0 ? 0 : data[0];

	try_pieces(data, size, part);
	try_pieces(expanded, expand(data, size, expanded), part);
	return 0;
}
