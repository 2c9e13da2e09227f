/*
 * inflate: the bytes of a layer blob, decompressed as they arrive.
 *
 * The blob is a regular file that may still grow while it is downloaded; a
 * progress pipe tells when.  The compression is found by its magic bytes,
 * whatever the media type said: gzip (any number of members), zstd, or none.
 * Everything read is hashed; inflate_finish() compares.
 */
#ifndef WINNOW_INFLATE_H
#define WINNOW_INFLATE_H

#include <stdint.h>

#include "winnow/auto.h"
#include "winnow/digest.h"
#include "winnow/err.h"

/* Where a blob's bytes are. */
struct blob_source {
	int fd; /* regular file, read with pread() */
	int progress_fd; /* pipe: readable when the file grew, end-of-file
			    when it will not grow any more; -1: complete */
	uint64_t offset; /* of the blob in the file: not 0 where the file is
			    an archive that holds the blob */
	uint64_t size; /* the size that the descriptor promises */
	struct digest digest; /* and its digest */
	/* Called, or NULL, with the number of bytes just read. */
	void (*on_read)(void *arg, uint64_t bytes);
	void *on_read_arg;
};

struct inflate;

/* Borrows the descriptors of `source` until inflate_free(). */
struct inflate *inflate_new(const struct blob_source *source);
void inflate_free(struct inflate *z);

AUTO_DEFINE(inflate, inflate_free)
#define auto_inflate __attribute__((cleanup(auto_inflate_cleanup)))

/*
 * The next decompressed bytes: *data is borrowed until the next call, *len is
 * 0 at the end.  Blocks while the download has not come so far.
 * ERR_INVALID for a damaged stream, ERR_LIMIT past LIMIT_LAYER_SIZE or
 * LIMIT_RATIO, ERR_DIGEST when the file stops short of or exceeds its size.
 * Bytes behind the last gzip member are ignored, but hashed.
 */
int
inflate_read(struct inflate *z, const void **data, size_t *len, struct err *e);

/*
 * Reads what is left of the blob (undecoded, to hash it) and compares size and
 * digest: ERR_DIGEST.  Nothing of the blob may be used before this succeeds.
 */
int inflate_finish(struct inflate *z, struct err *e);

#endif
