/* gzip through zlib: where ISA-L is absent. */
#include "config.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "inflate_codec.h"
#include "winnow/mem.h"

bool
codec_starts_gzip(const uint8_t *bytes)
{
	return bytes[0] == 0x1f && bytes[1] == 0x8b && bytes[2] == Z_DEFLATED;
}

static void *
open_zlib(void)
{
	z_stream *z = mem_zalloc(1, sizeof(*z));

	if (inflateInit2(z, MAX_WBITS + 16) != Z_OK)
		_exit(MEM_EXIT_STATUS);
	return z;
}

static void
close_zlib(void *state)
{
	inflateEnd(state);
	free(state);
}

static void
reset_zlib(void *state)
{
	inflateReset(state);
}

static uInt
clamp(size_t n)
{
	return n > UINT_MAX ? UINT_MAX : (uInt)n;
}

static int
decode_zlib(void *state, struct codec_io *io, struct err *e)
{
	z_stream *z = state;
	uInt in = clamp(io->in_left), out = clamp(io->out_left);
	int status;

	z->next_in = (z_const Bytef *)(uintptr_t)io->in;
	z->avail_in = in;
	z->next_out = io->out;
	z->avail_out = out;
	status = inflate(z, Z_NO_FLUSH);
	if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
		return err_set(e, ERR_INVALID, "damaged gzip data: %s",
		    z->msg == NULL ? zError(status) : z->msg);
	io->ended = status == Z_STREAM_END;
	io->in = z->next_in;
	io->in_left -= in - z->avail_in;
	io->out = z->next_out;
	io->out_left -= out - z->avail_out;
	return 0;
}

const struct codec codec_gzip_zlib = {
    .unit = "gzip member",
    .magic_len = CODEC_GZIP_MAGIC,
    .starts = codec_starts_gzip,
    .open = open_zlib,
    .close = close_zlib,
    .reset = reset_zlib,
    .decode = decode_zlib,
};
