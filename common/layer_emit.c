/*
 * layer_emit: see doc/internals/canonical-layer.md.  The archive is written
 * here and in tar_write, not by libarchive, so that no library's release
 * changes digests that winnow has published.
 */
#include "winnow/layer_emit.h"

#include <string.h>

#include "winnow/fsutil.h"
#include "winnow/gzip_write.h"
#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/path.h"
#include "winnow/tar_write.h"

/* What is read of contents at once: a fraction of the second-level cache. */
#define READ_SIZE ((size_t)256 << 10)

/*
 * What is written of the archive: bytes from `from` to `to`, compressed,
 * hashed, or both; without either it is measured.
 */
struct emitter {
	const struct layer_index *plan;
	const struct spool *spool;
	struct gzip_write *gzip; /* or NULL */
	struct hash *hash; /* or NULL; then with the CRC */
	uint32_t crc; /* when there is no gzip to count it */
	uint64_t from, to;
	uint64_t at; /* how far the archive has come */
	struct strbuf header;
	char *buffer; /* READ_SIZE, without gzip */
};

/* "PATH: TEXT". */
static int
refuse(struct err *e, enum err_code code, const char *path, const char *text)
{
	auto_strbuf struct strbuf escaped;

	strbuf_init(&escaped, LIMIT_PATH * 4);
	path_escape(path, &escaped);
	return err_set(e, code, "%s: %s", strbuf_string(&escaped), text);
}

/* How many of the next `len` bytes stand before `from`, and are wanted. */
static void
clip(const struct emitter *em, uint64_t len, uint64_t *skip, uint64_t *wanted)
{
	uint64_t end = em->at + len;

	*skip = em->from <= em->at ? 0
	    : em->from < end       ? em->from - em->at
				   : len;
	if (end > em->to)
		end = em->to > em->at ? em->to : em->at;
	*wanted = end - em->at > *skip ? end - em->at - *skip : 0;
}

static void
note_bytes(struct emitter *em, const void *data, size_t len)
{
	if (em->hash == NULL)
		return;
	hash_update(em->hash, data, len);
	if (em->gzip == NULL)
		em->crc = gzip_crc(em->crc, data, len);
}

static int
put(struct emitter *em, const void *data, size_t len, struct err *e)
{
	uint64_t skip, wanted;

	clip(em, len, &skip, &wanted);
	em->at += len;
	data = (const char *)data + skip;
	note_bytes(em, data, (size_t)wanted);
	if (em->gzip == NULL)
		return 0;
	return gzip_write_add(em->gzip, data, (size_t)wanted, e);
}

static int
put_zeros(struct emitter *em, size_t len, struct err *e)
{
	static const char zeros[TAR_END];

	return put(em, zeros, len, e);
}

/* Reads up to `len` bytes of the spool to where they go; *got of them. */
static int
put_piece(struct emitter *em, uint64_t offset, uint64_t len, size_t *got,
    struct err *e)
{
	void *room = em->buffer;
	size_t n = READ_SIZE;

	if (em->gzip != NULL && gzip_write_room(em->gzip, &room, &n, e) != 0)
		return -1;
	if (n > READ_SIZE)
		n = READ_SIZE;
	if (n > len)
		n = (size_t)len;
	if (fsutil_pread_all(spool_fd(em->spool), room, n, (off_t)offset, e) !=
	    0)
		return -1;
	note_bytes(em, room, n);
	if (em->gzip != NULL)
		gzip_write_filled(em->gzip, n);
	*got = n;
	return 0;
}

static int
put_spooled(struct emitter *em, const struct layer_entry *entry, struct err *e)
{
	uint64_t offset, size, skip, wanted;
	size_t got;

	if (em->spool == NULL ||
	    !spool_find(em->spool, entry->ordinal, &offset, &size))
		return refuse(e, ERR_NOT_FOUND, entry->path,
		    "its contents are not spooled");
	if (size != entry->size)
		return refuse(e, ERR_INVALID, entry->path,
		    "its contents are not of the size that it says");
	clip(em, size, &skip, &wanted);
	em->at += size;
	offset += skip;
	for (; wanted > 0; wanted -= got, offset += got)
		if (put_piece(em, offset, wanted, &got, e) != 0)
			return -1;
	return 0;
}

/* The plan's entry of that path, or NULL. */
static const struct layer_entry *
find_entry(const struct layer_index *plan, const char *path)
{
	uint32_t low = 0, high = plan->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = path_compare(path, plan->entries[middle].path);

		if (order == 0)
			return &plan->entries[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/*
 * A hard link says what its first name says: clients set owner, mode and time
 * by every header, and attributes too: those that are written in Go change the
 * owner of a link, by which the kernel takes away file capabilities.
 */
static int
put_link(struct emitter *em, const struct layer_entry *link, struct err *e)
{
	const struct layer_entry *first = NULL;
	struct layer_entry entry = *link;

	if (link->link != NULL)
		first = find_entry(em->plan, link->link);
	if (first == NULL || first >= link || first->type == ENTRY_DIRECTORY ||
	    first->type == ENTRY_HARDLINK)
		return refuse(e, ERR_INTERNAL, link->path,
		    "a hard link in a plan to what is no file before it");
	entry.mode = first->mode;
	entry.uid = first->uid;
	entry.gid = first->gid;
	entry.mtime = first->mtime;
	entry.mtime_nsec = first->mtime_nsec;
	entry.xattrs = first->xattrs;
	entry.xattr_count = first->xattr_count;
	if (tar_write_header(&entry, &em->header, e) != 0)
		return -1;
	return put(em, em->header.data, em->header.len, e);
}

static int
put_file(struct emitter *em, const struct layer_entry *entry, struct err *e)
{
	struct layer_entry file = *entry;
	int r = 0;

	if (entry->content != NULL)
		file.size = entry->content_len;
	if (tar_write_header(&file, &em->header, e) != 0 ||
	    put(em, em->header.data, em->header.len, e) != 0)
		return -1;
	if (entry->content != NULL)
		r = put(em, entry->content, file.size, e);
	else if (file.size > 0)
		r = put_spooled(em, entry, e);
	return r != 0 ? r : put_zeros(em, tar_padding(file.size), e);
}

static int
put_entry(struct emitter *em, const struct layer_entry *entry, struct err *e)
{
	strbuf_reset(&em->header);
	if (entry->type == ENTRY_HARDLINK)
		return put_link(em, entry, e);
	if (entry->type == ENTRY_FILE)
		return put_file(em, entry, e);
	if (tar_write_header(entry, &em->header, e) != 0)
		return -1;
	return put(em, em->header.data, em->header.len, e);
}

/* In canonical order, each path once, the root a directory. */
static int
check_plan(const struct layer_index *plan, struct err *e)
{
	uint32_t i;

	for (i = 0; i < plan->count; i++) {
		const struct layer_entry *entry = &plan->entries[i];

		if (entry->path[0] == '\0' && entry->type != ENTRY_DIRECTORY)
			return err_set(e, ERR_INTERNAL,
			    "the root in a plan is not a directory");
		if (i > 0 && path_compare(entry[-1].path, entry->path) >= 0)
			return refuse(e, ERR_INTERNAL, entry->path,
			    "twice or out of order in a plan");
	}
	return 0;
}

static int
put_all(struct emitter *em, struct err *e)
{
	uint32_t i;

	for (i = 0; i < em->plan->count; i++)
		if (put_entry(em, &em->plan->entries[i], e) != 0)
			return -1;
	return put_zeros(em, TAR_END, e);
}

static int
emitter_init(struct emitter *em, const struct layer_index *plan,
    const struct spool *spool, struct err *e)
{
	*em = (struct emitter){.plan = plan, .spool = spool};
	strbuf_init(&em->header, TAR_HEADER_MAX);
	return check_plan(plan, e);
}

static void
emitter_clear(struct emitter *em)
{
	gzip_write_free(em->gzip);
	hash_free(em->hash);
	free(em->buffer);
	strbuf_clear(&em->header);
}
#define auto_emitter __attribute__((cleanup(emitter_clear)))

static int
rewind_file(int fd, struct err *e)
{
	if (lseek(fd, 0, SEEK_SET) != 0)
		return err_set_errno(e, "cannot rewind a layer's file");
	return 0;
}

int
layer_emit(const struct layer_index *plan, const struct spool *spool,
    int out_fd, struct layer_emitted *out, struct err *e)
{
	auto_emitter struct emitter em;
	struct layer_emitted result;

	if (emitter_init(&em, plan, spool, e) != 0 ||
	    rewind_file(out_fd, e) != 0)
		return -1;
	em.to = UINT64_MAX;
	em.gzip = gzip_write_new(out_fd);
	em.hash = hash_new();
	if (put_all(&em, e) != 0 ||
	    gzip_write_finish(em.gzip, &result.digest, &result.size, e) != 0)
		return -1;
	hash_final(em.hash, &result.diff_id);
	result.tar_size = em.at;
	*out = result;
	return 0;
}

int
layer_emit_archive(const struct layer_index *plan, const struct spool *spool,
    struct layer_archive *out, struct err *e)
{
	auto_emitter struct emitter em;

	if (emitter_init(&em, plan, spool, e) != 0)
		return -1;
	em.to = UINT64_MAX;
	em.hash = hash_new();
	em.buffer = mem_alloc(READ_SIZE);
	if (put_all(&em, e) != 0)
		return -1;
	hash_final(em.hash, &out->diff_id);
	out->content = (struct gzip_content){.size = em.at, .crc = em.crc};
	return 0;
}

/* The bytes of the archive that are the part's: whole chunks. */
static int
find_part(struct emitter *em, size_t part, size_t count, struct err *e)
{
	uint64_t chunks;

	if (put_all(em, e) != 0)
		return -1;
	chunks = (em->at + GZIP_CHUNK - 1) / GZIP_CHUNK;
	em->from = chunks * part / count * GZIP_CHUNK;
	em->to = chunks * (part + 1) / count * GZIP_CHUNK;
	em->at = 0;
	return 0;
}

int
layer_emit_part(const struct layer_index *plan, const struct spool *spool,
    size_t part, size_t count, struct gzip_part *out, struct err *e)
{
	auto_emitter struct emitter em;

	if (emitter_init(&em, plan, spool, e) != 0 ||
	    rewind_file(out->fd, e) != 0 || find_part(&em, part, count, e) != 0)
		return -1;
	em.gzip = gzip_write_new_part(out->fd);
	if (put_all(&em, e) != 0)
		return -1;
	return gzip_write_finish_part(
	    em.gzip, part + 1 == count, &out->size, e);
}

int
layer_emit_joined(const struct layer_archive *archive, struct gzip_write *blob,
    struct layer_emitted *out, struct err *e)
{
	if (gzip_write_finish_joined(
		blob, &archive->content, &out->digest, &out->size, e) != 0)
		return -1;
	out->diff_id = archive->diff_id;
	out->tar_size = archive->content.size;
	return 0;
}
