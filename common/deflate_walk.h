/*
 * deflate_walk: finds its way through a deflate stream (RFC 1951) without
 * inflating it: blocks and symbols are decoded, bytes are only counted.
 */
#ifndef WINNOW_DEFLATE_WALK_H
#define WINNOW_DEFLATE_WALK_H

#include <stddef.h>
#include <stdint.h>

#include "winnow/auto.h"
#include "winnow/err.h"

/* What a walk found. */
struct deflate_end {
	size_t last; /* where the last block starts, in bits */
	size_t end; /* where the stream ends, in bits */
	uint64_t total; /* bytes that it inflates to */
};

/* The tables of a walk; used for any number of them. */
struct deflate_walk;
struct deflate_walk *deflate_walk_new(void);
void deflate_walk_free(struct deflate_walk *w);

AUTO_DEFINE(deflate_walk, deflate_walk_free)
#define auto_deflate_walk __attribute__((cleanup(auto_deflate_walk_cleanup)))

/*
 * Walks the stream that starts `data`, to its end.  Any input is safe:
 * ERR_INVALID for what is no stream or a truncated one.  One flaw is not seen:
 * a distance that leads before the stream's first byte.
 */
int deflate_walk(struct deflate_walk *w, const void *data, size_t len,
    struct deflate_end *out, struct err *e);

#endif
