/*
 * inflate_input: the compressed bytes of a blob, as they arrive.
 *
 * A window over a regular file that may still grow.  Every byte read is
 * hashed.  Private to inflate.
 */
#ifndef WINNOW_INFLATE_INPUT_H
#define WINNOW_INFLATE_INPUT_H

#include <stdint.h>

#include "winnow/inflate.h"

struct inflate_input {
	struct blob_source source;
	struct hash *hash;
	uint64_t offset; /* in the blob, of what is read next */
	uint8_t *buffer;
	const uint8_t *next; /* what is not consumed yet */
	size_t left;
	bool complete; /* the file does not grow any more */
};

/* Borrows the descriptors of `source`. */
void
inflate_input_init(struct inflate_input *in, const struct blob_source *source);
void inflate_input_clear(struct inflate_input *in);

/*
 * Makes at least `want` bytes (fewer than the buffer holds) available at
 * in->next, or all that is left of the blob.  Blocks while the download has
 * not come so far.  ERR_DIGEST when the file is complete but too short.
 */
int inflate_input_fill(struct inflate_input *in, size_t want, struct err *e);

/* Bytes of the blob consumed so far. */
uint64_t inflate_input_consumed(const struct inflate_input *in);

/*
 * Reads to the end of the blob, then compares size and digest: ERR_DIGEST.
 * May be called once.
 */
int inflate_input_verify(struct inflate_input *in, struct err *e);

#endif
