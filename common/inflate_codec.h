/*
 * inflate_codec: the decompressors behind inflate, under one interface.
 * Private to inflate and its tests.
 */
#ifndef WINNOW_INFLATE_CODEC_H
#define WINNOW_INFLATE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "winnow/err.h"

/* What a decoder reads and writes; it moves the pointers on. */
struct codec_io {
	const uint8_t *in;
	size_t in_left;
	uint8_t *out;
	size_t out_left;
	bool ended; /* set at the end of a member (gzip) or frame (zstd) */
};

struct codec {
	const char *unit; /* "gzip member", for messages */
	/* How many bytes `starts` looks at, and whether a unit begins there. */
	size_t magic_len;
	bool (*starts)(const uint8_t *bytes);
	/* True when what follows the last unit must be another one. */
	bool strict;
	void *(*open)(void);
	void (*close)(void *state);
	/* Prepares for the next unit. */
	void (*reset)(void *state);
	/*
	 * Decodes until the input is used up, the output is full or a unit
	 * ended.  ERR_INVALID for a damaged stream.
	 */
	int (*decode)(void *state, struct codec_io *io, struct err *e);
};

/* One of these inflates gzip; with ISA-L the other is for tests. */
extern const struct codec codec_gzip_zlib;
#ifdef HAVE_ISAL
extern const struct codec codec_gzip_isal;
#endif
extern const struct codec codec_zstd;

bool codec_starts_gzip(const uint8_t *bytes);
#define CODEC_GZIP_MAGIC 3

#endif
