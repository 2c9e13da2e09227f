/* gzip through ISA-L: three times as fast as zlib. */
#include "config.h"

#include "inflate_codec.h"

#ifdef HAVE_ISAL
#include <isa-l/igzip_lib.h>
#include <stdint.h>
#include <stdlib.h>

#include "winnow/mem.h"

static void
reset_isal(void *state)
{
	struct inflate_state *z = state;

	isal_inflate_reset(z);
	z->crc_flag = ISAL_GZIP;
}

static void *
open_isal(void)
{
	struct inflate_state *z = mem_alloc(sizeof(*z));

	isal_inflate_init(z);
	reset_isal(z);
	return z;
}

static void
close_isal(void *state)
{
	free(state);
}

static const char *
explain(int status)
{
	switch (status) {
	case ISAL_INVALID_WRAPPER:
		return "invalid gzip header";
	case ISAL_UNSUPPORTED_METHOD:
		return "unknown compression method";
	case ISAL_INCORRECT_CHECKSUM:
		return "incorrect data check";
	case ISAL_INVALID_LOOKBACK:
		return "invalid distance";
	default:
		return "invalid deflate block";
	}
}

static uint32_t
clamp(size_t n)
{
	return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static int
decode_isal(void *state, struct codec_io *io, struct err *e)
{
	struct inflate_state *z = state;
	uint32_t in = clamp(io->in_left), out = clamp(io->out_left);
	int status;

	z->next_in = (uint8_t *)(uintptr_t)io->in;
	z->avail_in = in;
	z->next_out = io->out;
	z->avail_out = out;
	status = isal_inflate(z);
	if (status < ISAL_DECOMP_OK)
		return err_set(
		    e, ERR_INVALID, "damaged gzip data: %s", explain(status));
	io->ended = z->block_state == ISAL_BLOCK_FINISH;
	io->in = z->next_in;
	io->in_left -= in - z->avail_in;
	io->out = z->next_out;
	io->out_left -= out - z->avail_out;
	return 0;
}

const struct codec codec_gzip_isal = {
    .unit = "gzip member",
    .magic_len = CODEC_GZIP_MAGIC,
    .starts = codec_starts_gzip,
    .open = open_isal,
    .close = close_isal,
    .reset = reset_isal,
    .decode = decode_isal,
};
#endif
