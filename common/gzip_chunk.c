/*
 * gzip_chunk: a chunk of any stream as a piece of one deflate stream.
 *
 * libdeflate makes complete streams only: their last block says so in its
 * first bit, and they end anywhere in their last byte.  To go on behind one,
 * that bit is cleared and an empty stored block appended, which leads to a
 * whole byte.  Both places are known only to who decodes the stream:
 * deflate_walk finds them.
 */
#include <libdeflate.h>
#include <string.h>

#include "deflate_walk.h"
#include "winnow/gzip_write.h"
#include "winnow/mem.h"

/* A cold pull waits for this; see doc/internals/canonical-layer.md. */
#define GZIP_LEVEL 1

/* Three bits of header, at most seven to the byte, the length twice. */
#define STORED_BLOCK_MAX 6

struct gzip_chunk {
	struct libdeflate_compressor *compressor;
	unsigned char *out;
	size_t out_size;
	struct deflate_walk *walk;
};

struct gzip_chunk *
gzip_chunk_new(void)
{
	struct gzip_chunk *c = mem_zalloc(1, sizeof(*c));

	c->compressor = libdeflate_alloc_compressor(GZIP_LEVEL);
	if (c->compressor == NULL)
		_exit(MEM_EXIT_STATUS);
	c->out_size =
	    libdeflate_deflate_compress_bound(c->compressor, GZIP_CHUNK);
	c->out = mem_alloc(c->out_size + STORED_BLOCK_MAX);
	c->walk = deflate_walk_new();
	return c;
}

void
gzip_chunk_free(struct gzip_chunk *c)
{
	if (c == NULL)
		return;
	libdeflate_free_compressor(c->compressor);
	deflate_walk_free(c->walk);
	free(c->out);
	free(c);
}

/* Finds the last block of the `len` bytes in c->out, made of `data_len`. */
static int
find_end(const struct gzip_chunk *c, size_t len, size_t data_len,
    struct deflate_end *out, struct err *e)
{
	if (deflate_walk(c->walk, c->out, len, out, e) == 0 &&
	    out->total == data_len && (out->end + 7) / 8 == len)
		return 0;
	return err_set(e, ERR_INTERNAL,
	    "compressed bytes are not as long as they should be: libdeflate "
	    "or memory is broken");
}

/* Opens the stream in c->out at its end; returns its length in bytes. */
static size_t
open_end(struct gzip_chunk *c, const struct deflate_end *at)
{
	/* Three zero bits, not last and stored, then zeros to the byte. */
	size_t len = (at->end + 3 + 7) / 8;

	c->out[at->last / 8] &= (unsigned char)~(1u << at->last % 8);
	if (at->end % 8 != 0)
		c->out[at->end / 8] &= (unsigned char)((1u << at->end % 8) - 1);
	memset(c->out + (at->end + 7) / 8, 0, len - (at->end + 7) / 8);
	memcpy(c->out + len, "\0\0\xff\xff", 4);
	return len + 4;
}

int
gzip_chunk_deflate(struct gzip_chunk *c, const void *data, size_t len,
    bool last, struct gzip_piece *out, struct err *e)
{
	struct deflate_end end;
	size_t n = 0;

	if (len <= GZIP_CHUNK)
		n = libdeflate_deflate_compress(
		    c->compressor, data, len, c->out, c->out_size);
	if (n == 0)
		return err_set(
		    e, ERR_INTERNAL, "cannot compress %zu bytes at once", len);
	if (!last) {
		if (find_end(c, n, len, &end, e) != 0)
			return -1;
		n = open_end(c, &end);
	}
	out->data = c->out;
	out->len = n;
	return 0;
}
