#include "config.h"

#include "winnow/gzip_write.h"

#include <fcntl.h>
#include <string.h>
#ifdef HAVE_ISAL
#include <isa-l/crc.h>
#else
#include <zlib.h>
#endif

#include "deflate.h"
#include "winnow/fsutil.h"
#include "winnow/mem.h"

/* A fraction of a second's work, and a write that no disk finds small. */
#define PUSH_SIZE ((uint64_t)4 << 20)

/* RFC 1952: magic, deflate, no flags, no time, no extra flags, system 255. */
static const unsigned char header[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};

enum mode {
	WHOLE, /* a member of what comes in */
	PART, /* pieces of one, without header, trailer and hash */
	JOINED /* a member out of parts */
};

struct gzip_write {
	enum mode mode;
	int fd;
	struct deflate *deflate; /* NULL when JOINED */
	struct hash *hash; /* NULL for a PART */
	uint64_t written;
	uint64_t pushed; /* of it the disk was told to write */
	unsigned char *piece; /* of the stream; NULL when JOINED */
	unsigned char *pending; /* not compressed yet: it may be the last; when
				   JOINED what was read of a part */
	size_t pending_len;
	uint32_t crc; /* of what came in */
	uint32_t total; /* modulo 2^32 */
};

static struct gzip_write *
make(enum mode mode, int fd)
{
	struct gzip_write *w = mem_zalloc(1, sizeof(*w));

	w->mode = mode;
	w->fd = fd;
	w->pending = mem_alloc(GZIP_CHUNK);
	if (mode != PART)
		w->hash = hash_new();
	if (mode != JOINED) {
		w->deflate = deflate_new();
		w->piece = mem_alloc(deflate_bound(GZIP_CHUNK));
	}
	return w;
}

struct gzip_write *
gzip_write_new(int fd)
{
	return make(WHOLE, fd);
}

struct gzip_write *
gzip_write_new_part(int fd)
{
	return make(PART, fd);
}

struct gzip_write *
gzip_write_new_joined(int fd)
{
	return make(JOINED, fd);
}

void
gzip_write_free(struct gzip_write *w)
{
	if (w == NULL)
		return;
	deflate_free(w->deflate);
	hash_free(w->hash);
	free(w->pending);
	free(w->piece);
	free(w);
}

/*
 * Has the disk write while more is compressed: who waits for it in the end
 * (fsync) has little left to wait for.  A part's file is read back and gone.
 */
static void
push(struct gzip_write *w)
{
	if (w->mode == PART || w->written - w->pushed < PUSH_SIZE)
		return;
	(void)sync_file_range(w->fd, (off_t)w->pushed,
	    (off_t)(w->written - w->pushed), SYNC_FILE_RANGE_WRITE);
	w->pushed = w->written;
}

static int
put(struct gzip_write *w, const void *data, size_t len, struct err *e)
{
	if (fsutil_write_all(w->fd, data, len, e) != 0)
		return -1;
	if (w->mode != PART)
		hash_update(w->hash, data, len);
	w->written += len;
	push(w);
	return 0;
}

uint32_t
gzip_crc(uint32_t crc, const void *data, size_t len)
{
#ifdef HAVE_ISAL
	return crc32_gzip_refl(crc, data, len);
#else
	return (uint32_t)crc32_z(crc, data, len);
#endif
}

static int
put_header(struct gzip_write *w, struct err *e)
{
	if (w->mode == PART || w->written > 0)
		return 0;
	return put(w, header, sizeof(header), e);
}

static int
flush(struct gzip_write *w, bool last, struct err *e)
{
	size_t len;

	if (put_header(w, e) != 0)
		return -1;
	len = deflate_chunk(
	    w->deflate, w->pending, w->pending_len, last, w->piece);
	if (w->mode == WHOLE)
		w->crc = gzip_crc(w->crc, w->pending, w->pending_len);
	w->total += (uint32_t)w->pending_len;
	w->pending_len = 0;
	return put(w, w->piece, len, e);
}

int
gzip_write_room(struct gzip_write *w, void **room, size_t *len, struct err *e)
{
	/* Only now it is certain that this chunk is not the last. */
	if (w->pending_len == GZIP_CHUNK && flush(w, false, e) != 0)
		return -1;
	*room = w->pending + w->pending_len;
	*len = GZIP_CHUNK - w->pending_len;
	return 0;
}

void
gzip_write_filled(struct gzip_write *w, size_t len)
{
	w->pending_len += len;
}

int
gzip_write_add(
    struct gzip_write *w, const void *data, size_t len, struct err *e)
{
	const unsigned char *bytes = data;

	while (len > 0) {
		void *room;
		size_t n;

		if (gzip_write_room(w, &room, &n, e) != 0)
			return -1;
		if (n > len)
			n = len;
		memcpy(room, bytes, n);
		gzip_write_filled(w, n);
		bytes += n;
		len -= n;
	}
	return 0;
}

static void
put_le32(unsigned char *at, uint32_t value)
{
	at[0] = (unsigned char)value;
	at[1] = (unsigned char)(value >> 8);
	at[2] = (unsigned char)(value >> 16);
	at[3] = (unsigned char)(value >> 24);
}

/* Writes the trailer. */
static int
finish_member(
    struct gzip_write *w, struct digest *digest, uint64_t *size, struct err *e)
{
	unsigned char trailer[8];

	put_le32(trailer, w->crc);
	put_le32(trailer + 4, w->total);
	if (put(w, trailer, sizeof(trailer), e) != 0)
		return -1;
	hash_final(w->hash, digest);
	*size = w->written;
	return 0;
}

int
gzip_write_finish(
    struct gzip_write *w, struct digest *digest, uint64_t *size, struct err *e)
{
	if (flush(w, true, e) != 0)
		return -1;
	return finish_member(w, digest, size, e);
}

int
gzip_write_finish_part(
    struct gzip_write *w, bool last, uint64_t *size, struct err *e)
{
	if ((last || w->pending_len > 0) && flush(w, last, e) != 0)
		return -1;
	*size = w->written;
	return 0;
}

int
gzip_write_join(
    struct gzip_write *w, const struct gzip_part *part, struct err *e)
{
	uint64_t at = 0;

	if (put_header(w, e) != 0)
		return -1;
	while (at < part->size) {
		size_t n = GZIP_CHUNK;

		if (n > part->size - at)
			n = (size_t)(part->size - at);
		if (fsutil_pread_all(part->fd, w->pending, n, (off_t)at, e) !=
			0 ||
		    put(w, w->pending, n, e) != 0)
			return -1;
		at += n;
	}
	return 0;
}

int
gzip_write_finish_joined(struct gzip_write *w,
    const struct gzip_content *content, struct digest *digest, uint64_t *size,
    struct err *e)
{
	w->crc = content->crc;
	w->total = (uint32_t)content->size;
	return finish_member(w, digest, size, e);
}
