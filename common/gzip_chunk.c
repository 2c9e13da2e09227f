/*
 * gzip_chunk: a chunk of any stream as a piece of one deflate stream.
 *
 * libdeflate makes complete streams only: their last block says so in its
 * first bit, and they end anywhere in their last byte.  To go on behind one,
 * that bit is cleared and an empty stored block appended, which leads to a
 * whole byte.  Both places are known only to who decodes the stream; zlib
 * stops at every block when asked to (Z_BLOCK).  What it inflates on the way is
 * compared with what went in.
 */
#include <libdeflate.h>
#include <string.h>
#include <zlib.h>

#include "winnow/gzip_write.h"
#include "winnow/mem.h"

/*
 * Measured on 136 MB of PostgreSQL, ICU and other libraries, joining included:
 * 1: 1.7 s, 60.8 MB; 3: 2.5 s, 56.7 MB; 6: 3.6 s, 55.4 MB.  A cold pull waits
 * for this: level 6 would save 2 % of bytes for 40 % more time.
 */
#define GZIP_LEVEL 3

/* Three bits of header, at most seven to the byte, the length twice. */
#define STORED_BLOCK_MAX 6

/* Half of a CPU's second-level cache: what is compared was just written. */
#define SCRATCH_SIZE ((size_t)128 << 10)

struct gzip_chunk {
	struct libdeflate_compressor *compressor;
	unsigned char *out;
	size_t out_size;
	unsigned char *scratch;
	z_stream zlib;
};

struct gzip_chunk *
gzip_chunk_new(void)
{
	struct gzip_chunk *c = mem_zalloc(1, sizeof(*c));

	c->compressor = libdeflate_alloc_compressor(GZIP_LEVEL);
	if (c->compressor == NULL || inflateInit2(&c->zlib, -MAX_WBITS) != Z_OK)
		_exit(MEM_EXIT_STATUS);
	c->out_size =
	    libdeflate_deflate_compress_bound(c->compressor, GZIP_CHUNK);
	c->out = mem_alloc(c->out_size + STORED_BLOCK_MAX);
	c->scratch = mem_alloc(SCRATCH_SIZE);
	return c;
}

void
gzip_chunk_free(struct gzip_chunk *c)
{
	if (c == NULL)
		return;
	libdeflate_free_compressor(c->compressor);
	inflateEnd(&c->zlib);
	free(c->out);
	free(c->scratch);
	free(c);
}

/* Where a deflate stream's last block starts and ends, in bits. */
struct last_block {
	size_t start;
	size_t end;
};

/*
 * Inflates up to the next block's start or a full scratch buffer.  Returns
 * how many bytes came out, or -1 for a broken stream.
 */
static ssize_t
inflate_step(struct gzip_chunk *c)
{
	int r;

	c->zlib.next_out = c->scratch;
	c->zlib.avail_out = (uInt)SCRATCH_SIZE;
	r = inflate(&c->zlib, Z_BLOCK);
	if (r != Z_OK)
		return -1;
	return (ssize_t)(SCRATCH_SIZE - c->zlib.avail_out);
}

/* Finds the last block of the `len` bytes in c->out, made from `data`. */
static int
find_last_block(struct gzip_chunk *c, size_t len, const unsigned char *data,
    size_t data_len, struct last_block *out)
{
	size_t start = 0, done = 0, end;
	ssize_t n;

	inflateReset(&c->zlib);
	c->zlib.next_in = c->out;
	c->zlib.avail_in = (uInt)len;
	while ((n = inflate_step(c)) >= 0) {
		if ((size_t)n > data_len - done ||
		    memcmp(c->scratch, data + done, (size_t)n) != 0)
			return -1;
		done += (size_t)n;
		/* 128: at a block's end; 64: of the last one; 0-7: bits of
		 * the last byte that are not used yet. */
		if (!(c->zlib.data_type & 128))
			continue;
		end = (len - c->zlib.avail_in) * 8 -
		    (size_t)(c->zlib.data_type & 7);
		if (c->zlib.data_type & 64) {
			out->start = start;
			out->end = end;
			return done == data_len ? 0 : -1;
		}
		start = end;
	}
	return -1;
}

/* Opens the stream in c->out at its end; returns its length in bytes. */
static size_t
open_end(struct gzip_chunk *c, const struct last_block *last)
{
	/* Three zero bits, not last and stored, then zeros to the byte. */
	size_t len = (last->end + 3 + 7) / 8;

	c->out[last->start / 8] &= (unsigned char)~(1u << last->start % 8);
	if (last->end % 8 != 0)
		c->out[last->end / 8] &=
		    (unsigned char)((1u << last->end % 8) - 1);
	memset(c->out + (last->end + 7) / 8, 0, len - (last->end + 7) / 8);
	memcpy(c->out + len, "\0\0\xff\xff", 4);
	return len + 4;
}

int
gzip_chunk_deflate(struct gzip_chunk *c, const void *data, size_t len,
    bool last, struct gzip_piece *out, struct err *e)
{
	struct last_block block;
	size_t n = 0;

	if (len <= GZIP_CHUNK)
		n = libdeflate_deflate_compress(
		    c->compressor, data, len, c->out, c->out_size);
	if (n == 0)
		return err_set(
		    e, ERR_INTERNAL, "cannot compress %zu bytes at once", len);
	if (!last) {
		if (find_last_block(c, n, data, len, &block) != 0)
			return err_set(e, ERR_INTERNAL,
			    "compressed bytes do not inflate to what they "
			    "were: libdeflate, zlib or memory is broken");
		n = open_end(c, &block);
	}
	out->data = c->out;
	out->len = n;
	return 0;
}
