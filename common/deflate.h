/*
 * deflate: compresses a chunk of any stream to a piece of one deflate stream
 * (RFC 1951), fast, and to the same bytes on every machine and for ever.
 *
 * Libraries are as fast or as stable, not both; what a digest is published
 * of must not change with their releases or with the CPU.  See
 * doc/internals/canonical-layer.md.
 */
#ifndef WINNOW_DEFLATE_H
#define WINNOW_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "winnow/auto.h"

/* The tables of a compressor; used for any number of chunks. */
struct deflate;
struct deflate *deflate_new(void);
void deflate_free(struct deflate *d);

AUTO_DEFINE(deflate, deflate_free)
#define auto_deflate __attribute__((cleanup(auto_deflate_cleanup)))

/* The room that deflate_chunk() needs for `len` bytes. */
size_t deflate_bound(size_t len);

/*
 * Compresses `len` bytes (less than 4 GiB) by themselves to `out`, and returns
 * the length of the piece.  Pieces end at whole bytes: the last one with the
 * last block, others with an empty stored block.
 */
size_t deflate_chunk(
    struct deflate *d, const void *data, size_t len, bool last, void *out);

#endif
