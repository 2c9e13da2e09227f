#include "config.h"

#include "winnow/inflate.h"

#include <string.h>

#include "inflate_input.h"
#include "inflate_private.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

/* The longest magic of a codec. */
#define MAGIC_MAX 4
/* Stays in the cache of the CPU, and is read in few calls. */
#define OUTPUT_SIZE (256u << 10)

enum inflate_phase {
	INFLATE_START, /* nothing read */
	INFLATE_STORED, /* not compressed */
	INFLATE_UNIT, /* in a gzip member or zstd frame */
	INFLATE_BETWEEN, /* behind one */
	INFLATE_END
};

struct inflate {
	struct inflate_input input;
	const struct codec *gzip;
	const struct codec *codec; /* NULL when not compressed */
	void *decoder;
	enum inflate_phase phase;
	uint64_t total;
	uint8_t *output;
};

struct inflate *
inflate_new_with(const struct blob_source *source, const struct codec *gzip)
{
	struct inflate *z = mem_zalloc(1, sizeof(*z));

	inflate_input_init(&z->input, source);
	z->gzip = gzip;
	return z;
}

struct inflate *
inflate_new(const struct blob_source *source)
{
#ifdef HAVE_ISAL
	return inflate_new_with(source, &codec_gzip_isal);
#else
	return inflate_new_with(source, &codec_gzip_zlib);
#endif
}

void
inflate_free(struct inflate *z)
{
	if (z == NULL)
		return;
	if (z->decoder != NULL)
		z->codec->close(z->decoder);
	inflate_input_clear(&z->input);
	free(z->output);
	free(z);
}

static bool
input_starts(const struct inflate_input *in, const struct codec *codec)
{
	return in->left >= codec->magic_len && codec->starts(in->next);
}

/* Chooses the codec by the first bytes. */
static int
start(struct inflate *z, struct err *e)
{
	if (inflate_input_fill(&z->input, MAGIC_MAX, e) == -1)
		return -1;
	if (input_starts(&z->input, z->gzip))
		z->codec = z->gzip;
	else if (input_starts(&z->input, &codec_zstd))
		z->codec = &codec_zstd;
	if (z->codec == NULL) {
		z->phase = INFLATE_STORED;
		return 0;
	}
	z->decoder = z->codec->open();
	z->output = mem_alloc(OUTPUT_SIZE);
	z->phase = INFLATE_UNIT;
	return 0;
}

/* Goes on with the next member or frame, or ends. */
static int
start_next(struct inflate *z, struct err *e)
{
	if (inflate_input_fill(&z->input, z->codec->magic_len, e) == -1)
		return -1;
	if (input_starts(&z->input, z->codec)) {
		z->codec->reset(z->decoder);
		z->phase = INFLATE_UNIT;
		return 0;
	}
	if (z->codec->strict && z->input.left > 0)
		return err_set(e, ERR_INVALID,
		    "the last %s is followed by something else",
		    z->codec->unit);
	z->phase = INFLATE_END;
	return 0;
}

/* Decodes until the output is full, the unit ends or the input is used up. */
static int
decode(struct inflate *z, struct codec_io *io, struct err *e)
{
	size_t had_in, had_out = io->out_left;

	if (inflate_input_fill(&z->input, 1, e) == -1)
		return -1;
	had_in = z->input.left;
	io->in = z->input.next;
	io->in_left = had_in;
	io->ended = false;
	if (z->codec->decode(z->decoder, io, e) == -1)
		return -1;
	z->input.next = io->in;
	z->input.left = io->in_left;
	if (io->ended)
		z->phase = INFLATE_BETWEEN;
	else if (io->in_left == had_in && io->out_left == had_out)
		return err_set(e, ERR_INVALID, "ends in the middle of a %s",
		    z->codec->unit);
	return 0;
}

/* All of the input window, as it is. */
static int
read_stored(struct inflate *z, const void **data, size_t *len, struct err *e)
{
	if (inflate_input_fill(&z->input, 1, e) == -1)
		return -1;
	*data = z->input.next;
	*len = z->input.left;
	z->input.next += z->input.left;
	z->input.left = 0;
	return 0;
}

static int
read_decoded(struct inflate *z, const void **data, size_t *len, struct err *e)
{
	struct codec_io io = {.out = z->output, .out_left = OUTPUT_SIZE};

	while (io.out_left > 0 && z->phase != INFLATE_END) {
		int status = z->phase == INFLATE_BETWEEN ? start_next(z, e)
							 : decode(z, &io, e);

		if (status == -1)
			return -1;
	}
	*data = z->output;
	*len = OUTPUT_SIZE - io.out_left;
	return 0;
}

static int
check_limits(const struct inflate *z, struct err *e)
{
	if (z->total > LIMIT_LAYER_SIZE)
		return err_set(e, ERR_LIMIT, "inflates to more than %llu bytes",
		    (unsigned long long)LIMIT_LAYER_SIZE);
	if (z->total > LIMIT_RATIO_FREE &&
	    z->total / LIMIT_RATIO > inflate_input_consumed(&z->input))
		return err_set(e, ERR_LIMIT,
		    "inflates to more than %d times its size", LIMIT_RATIO);
	return 0;
}

int
inflate_read(struct inflate *z, const void **data, size_t *len, struct err *e)
{
	const void *bytes = NULL;
	size_t count = 0;
	int status;

	if (z->phase == INFLATE_START && start(z, e) == -1)
		return -1;
	status = z->phase == INFLATE_STORED
	    ? read_stored(z, &bytes, &count, e)
	    : read_decoded(z, &bytes, &count, e);
	if (status == -1)
		return -1;
	z->total += count;
	if (check_limits(z, e) == -1)
		return -1;
	*data = bytes;
	*len = count;
	return 0;
}

int
inflate_finish(struct inflate *z, struct err *e)
{
	return inflate_input_verify(&z->input, e);
}
