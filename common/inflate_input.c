#include "inflate_input.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "winnow/fsutil.h"
#include "winnow/mem.h"

/*
 * Copied, hashed and decoded while it is in the second-level cache, together
 * with the output; large enough that system calls do not matter.
 */
#define BUFFER_SIZE (64u << 10)

void
inflate_input_init(struct inflate_input *in, const struct blob_source *source)
{
	*in = (struct inflate_input){
	    .source = *source,
	    .hash = hash_new(),
	    .buffer = mem_alloc(BUFFER_SIZE),
	    .complete = source->progress_fd == -1,
	};
	in->next = in->buffer;
}

void
inflate_input_clear(struct inflate_input *in)
{
	hash_free(in->hash);
	free(in->buffer);
}

uint64_t
inflate_input_consumed(const struct inflate_input *in)
{
	return in->offset - in->left;
}

/* Blocks until the file grew or will not grow any more. */
static int
wait_for_growth(struct inflate_input *in, struct err *e)
{
	struct pollfd pfd = {.fd = in->source.progress_fd, .events = POLLIN};
	char ticks[4096];
	ssize_t n;

	for (;;) {
		n = read(in->source.progress_fd, ticks, sizeof(ticks));
		if (n > 0)
			return 0;
		if (n == 0) {
			in->complete = true;
			return 0;
		}
		if (errno != EINTR && errno != EAGAIN)
			return err_set_errno(e, "cannot read progress");
		if (errno == EAGAIN && poll(&pfd, 1, -1) == -1 &&
		    errno != EINTR)
			return err_set_errno(e, "cannot wait for progress");
	}
}

/* Reads up to `len` bytes; *got is 0 only at the end of a complete file. */
static int
read_some(
    struct inflate_input *in, void *to, size_t len, size_t *got, struct err *e)
{
	for (;;) {
		/* Asked before reading: what came until then is seen. */
		bool complete = in->complete;
		ssize_t n = pread(in->source.fd, to, len,
		    (off_t)(in->source.offset + in->offset));

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_set_errno(e, "cannot read the blob");
		if (n > 0 || complete) {
			*got = (size_t)n;
			return 0;
		}
		if (wait_for_growth(in, e) == -1)
			return -1;
	}
}

int
inflate_input_fill(struct inflate_input *in, size_t want, struct err *e)
{
	if (in->left >= want)
		return 0;
	memmove(in->buffer, in->next, in->left);
	in->next = in->buffer;
	while (in->left < want && in->offset < in->source.size) {
		uint64_t rest = in->source.size - in->offset;
		size_t room = BUFFER_SIZE - in->left, got = 0;
		uint8_t *to = in->buffer + in->left;

		if (room > rest)
			room = (size_t)rest;
		if (read_some(in, to, room, &got, e) == -1)
			return -1;
		if (got == 0)
			return err_set(e, ERR_DIGEST,
			    "the blob ends after %" PRIu64 " of %" PRIu64
			    " bytes",
			    in->offset, in->source.size);
		hash_update(in->hash, to, got);
		if (in->source.on_read != NULL)
			in->source.on_read(in->source.on_read_arg, got);
		in->offset += got;
		in->left += got;
	}
	return 0;
}

int
inflate_input_verify(struct inflate_input *in, struct err *e)
{
	char want[DIGEST_TEXT], have[DIGEST_TEXT];
	struct digest digest;
	uint64_t size = 0;

	do {
		in->left = 0;
		if (inflate_input_fill(in, 1, e) == -1)
			return -1;
	} while (in->left > 0);
	if (fsutil_size(in->source.fd, &size, e) == -1)
		return -1;
	/* In an archive other bytes follow. */
	if (in->source.offset == 0 && size > in->source.size)
		return err_set(e, ERR_DIGEST,
		    "the blob has %" PRIu64 " bytes instead of %" PRIu64, size,
		    in->source.size);
	hash_final(in->hash, &digest);
	if (!digest_equal(&digest, &in->source.digest))
		return err_set(e, ERR_DIGEST,
		    "the blob's digest is %s instead of %s",
		    digest_format(&digest, have),
		    digest_format(&in->source.digest, want));
	return 0;
}
