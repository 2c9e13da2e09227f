/* Fuzz target: what is compressed, in two pieces, inflates to what it was. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "../../common/deflate.h"
#include "winnow/mem.h"

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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_deflate struct deflate *d = deflate_new();
	size_t first = size == 0 ? 0 : size * data[0] / 256, len, whole;
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
	return 0;
}
