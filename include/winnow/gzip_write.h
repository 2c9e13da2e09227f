/*
 * gzip_write: one gzip member (RFC 1952), written as its bytes come.
 *
 * No time, no name, operating system 255 (unknown): the same bytes in give
 * the same bytes out, on every CPU, for one version of libdeflate.  Memory is
 * bounded by GZIP_CHUNK.
 */
#ifndef WINNOW_GZIP_WRITE_H
#define WINNOW_GZIP_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "winnow/auto.h"
#include "winnow/digest.h"
#include "winnow/err.h"

/*
 * What is compressed at once.  Large, since nothing is matched across two
 * chunks; small enough for three buffers of
 * it in every worker.  Part of the output: see LAYER_EMIT_VERSION.
 */
#define GZIP_CHUNK ((size_t)16 << 20)

/*
 * A chunk compressed by itself.  The pieces of successive chunks, one
 * behind the other, are one deflate stream (RFC 1951): each but the last ends
 * with an empty stored block and so at a byte.
 */
struct gzip_chunk;
struct gzip_chunk *gzip_chunk_new(void);
void gzip_chunk_free(struct gzip_chunk *c);

AUTO_DEFINE(gzip_chunk, gzip_chunk_free)
#define auto_gzip_chunk __attribute__((cleanup(auto_gzip_chunk_cleanup)))

struct gzip_piece {
	const void *data; /* borrowed until the next call */
	size_t len;
};

/*
 * Compresses `len` bytes, at most GZIP_CHUNK; `last` ends the stream.
 * ERR_INTERNAL when what was compressed is no stream of that length.
 */
int gzip_chunk_deflate(struct gzip_chunk *c, const void *data, size_t len,
    bool last, struct gzip_piece *out, struct err *e);

struct gzip_write;

/* Writes to `fd` (borrowed) at its position. */
struct gzip_write *gzip_write_new(int fd);
void gzip_write_free(struct gzip_write *w);

AUTO_DEFINE(gzip_write, gzip_write_free)
#define auto_gzip_write __attribute__((cleanup(auto_gzip_write_cleanup)))

int gzip_write_add(
    struct gzip_write *w, const void *data, size_t len, struct err *e);

/* Ends the member: digest and size of all that was written. */
int gzip_write_finish(
    struct gzip_write *w, struct digest *digest, uint64_t *size, struct err *e);

#endif
