/* zstd, with libzstd's own bound of 128 MiB on the window. */
#include "config.h"

#include <unistd.h>
#include <zstd.h>

#include "inflate_codec.h"
#include "winnow/mem.h"

/* A frame, or a skippable one (RFC 8878 section 3.1). */
static bool
starts_zstd(const uint8_t *bytes)
{
	uint32_t magic = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 |
	    (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;

	return magic == ZSTD_MAGICNUMBER ||
	    (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

static void *
open_zstd(void)
{
	ZSTD_DStream *z = ZSTD_createDStream();

	if (z == NULL)
		_exit(MEM_EXIT_STATUS);
	return z;
}

static void
close_zstd(void *state)
{
	ZSTD_freeDStream(state);
}

/* libzstd goes from frame to frame by itself. */
static void
reset_zstd(void *state)
{
	(void)state;
}

static int
decode_zstd(void *state, struct codec_io *io, struct err *e)
{
	ZSTD_inBuffer in = {.src = io->in, .size = io->in_left};
	ZSTD_outBuffer out = {.dst = io->out, .size = io->out_left};
	size_t status = ZSTD_decompressStream(state, &out, &in);

	if (ZSTD_isError(status))
		return err_set(e, ERR_INVALID, "damaged zstd data: %s",
		    ZSTD_getErrorName(status));
	io->ended = status == 0;
	io->in += in.pos;
	io->in_left -= in.pos;
	io->out += out.pos;
	io->out_left -= out.pos;
	return 0;
}

const struct codec codec_zstd = {
    .unit = "zstd frame",
    .magic_len = 4,
    .starts = starts_zstd,
    .strict = true,
    .open = open_zstd,
    .close = close_zstd,
    .reset = reset_zstd,
    .decode = decode_zstd,
};
