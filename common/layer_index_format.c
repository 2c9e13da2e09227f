/*
 * The serialized form of a layer index.  All numbers are little-endian.
 *
 *	8 bytes magic, u32 version, u32 number of entries, string warnings
 *	entries, one behind the other
 *
 * A string is its u32 length, its bytes and a NUL; so a parsed index points
 * into one copy of the whole.  A string that may be absent has a u8 (0 or 1)
 * in front.  An entry:
 *
 *	u8 type, u32 mode, u64 uid, u64 gid, u64 size, u64 mtime,
 *	u32 mtime_nsec, u32 dev_major, u32 dev_minor, u32 ordinal, u32 marks,
 *	string path, optional strings link, script, calls, content,
 *	u32 number of xattrs; string name, string value of each,
 *	u8 1 and ELF facts, or 0
 *
 * ELF facts:
 *
 *	u8 bits, u8 flags, u8 osabi, u16 machine, u16 type, u32 flags,
 *	optional strings interpreter, soname, rpath, runpath,
 *	u32 number of needed; strings,
 *	u32 number of dlopens; of each: u8 priority, optional string feature,
 *	u32 number of sonames; strings
 */
#include <endian.h>
#include <string.h>

#include "layer_index_bytes.h"
#include "winnow/fsutil.h"
#include "winnow/layer_index.h"
#include "winnow/limits.h"

/* To write an index to a file takes no more memory than this and an entry. */
#define PIECE_SIZE ((size_t)128 << 10)

/* Writes a number to `to`; where the next one begins. */
static char *
set_number(char *to, uint64_t value, size_t bytes)
{
	value = htole64(value);
	memcpy(to, &value, bytes);
	return to + bytes;
}

static void
put_number(struct strbuf *out, uint64_t value, size_t bytes)
{
	char *room = strbuf_extend(out, bytes);

	if (room != NULL)
		set_number(room, value, bytes);
}

static void
put_bytes(struct strbuf *out, const void *bytes, size_t len)
{
	char *room = strbuf_extend(out, 4 + len + 1);

	if (room == NULL)
		return;
	room = set_number(room, len, 4);
	if (len > 0)
		memcpy(room, bytes, len);
	room[len] = '\0';
}

static void
put_string(struct strbuf *out, const char *s)
{
	put_bytes(out, s, strlen(s));
}

static void
put_optional(struct strbuf *out, const char *s, size_t len)
{
	put_number(out, s != NULL, 1);
	if (s != NULL)
		put_bytes(out, s, len);
}

static void
put_optional_string(struct strbuf *out, const char *s)
{
	put_optional(out, s, s == NULL ? 0 : strlen(s));
}

static void
put_strings(struct strbuf *out, char *const *strings, size_t count)
{
	size_t i;

	put_number(out, count, 4);
	for (i = 0; i < count; i++)
		put_string(out, strings[i]);
}

static void
put_elf(struct strbuf *out, const struct elf_facts *facts)
{
	uint8_t flags = 0;
	size_t i;

	if (facts->big_endian)
		flags |= LAYER_ELF_BIG_ENDIAN;
	if (facts->dynamic)
		flags |= LAYER_ELF_DYNAMIC;
	if (facts->uses_iconv)
		flags |= LAYER_ELF_ICONV;
	if (facts->uses_locale)
		flags |= LAYER_ELF_LOCALE;
	if (facts->nodefaultlib)
		flags |= LAYER_ELF_NODEFAULTLIB;
	put_number(out, facts->bits, 1);
	put_number(out, flags, 1);
	put_number(out, facts->osabi, 1);
	put_number(out, facts->machine, 2);
	put_number(out, facts->type, 2);
	put_number(out, facts->flags, 4);
	put_optional_string(out, facts->interpreter);
	put_optional_string(out, facts->soname);
	put_optional_string(out, facts->rpath);
	put_optional_string(out, facts->runpath);
	put_strings(out, facts->needed, facts->needed_count);
	put_number(out, facts->dlopen_count, 4);
	for (i = 0; i < facts->dlopen_count; i++) {
		const struct elf_dlopen *d = &facts->dlopens[i];

		put_number(out, d->priority, 1);
		put_optional_string(out, d->feature);
		put_strings(out, d->sonames, d->count);
	}
}

/* The numbers that every entry has. */
static void
put_numbers(struct strbuf *out, const struct layer_entry *entry)
{
	char *room = strbuf_extend(out, 1 + 4 + 4 * 8 + 5 * 4);

	if (room == NULL)
		return;
	room = set_number(room, entry->type, 1);
	room = set_number(room, entry->mode, 4);
	room = set_number(room, entry->uid, 8);
	room = set_number(room, entry->gid, 8);
	room = set_number(room, entry->size, 8);
	room = set_number(room, (uint64_t)entry->mtime, 8);
	room = set_number(room, entry->mtime_nsec, 4);
	room = set_number(room, entry->dev_major, 4);
	room = set_number(room, entry->dev_minor, 4);
	room = set_number(room, entry->ordinal, 4);
	set_number(room, entry->marks, 4);
}

static void
put_entry(struct strbuf *out, const struct layer_entry *entry)
{
	uint32_t i;

	put_numbers(out, entry);
	put_string(out, entry->path);
	put_optional_string(out, entry->link);
	put_optional_string(out, entry->script);
	put_optional_string(out, entry->calls);
	put_optional(out, entry->content, entry->content_len);
	put_number(out, entry->xattr_count, 4);
	for (i = 0; i < entry->xattr_count; i++) {
		put_string(out, entry->xattrs[i].name);
		put_bytes(
		    out, entry->xattrs[i].value, entry->xattrs[i].value_len);
	}
	put_number(out, entry->elf != NULL, 1);
	if (entry->elf != NULL)
		put_elf(out, entry->elf);
}

static void
put_head(struct strbuf *out, const struct layer_index *index)
{
	strbuf_add(out, LAYER_INDEX_MAGIC, LAYER_INDEX_MAGIC_LEN);
	put_number(out, LAYER_INDEX_VERSION, 4);
	put_number(out, index->count, 4);
	put_string(out, index->warnings == NULL ? "" : index->warnings);
}

void
layer_index_format(const struct layer_index *index, struct strbuf *out)
{
	uint32_t i;

	put_head(out, index);
	for (i = 0; i < index->count; i++)
		put_entry(out, &index->entries[i]);
}

/* Writes out what was formatted, at *at. */
static int
write_piece(struct strbuf *piece, int fd, uint64_t *at, struct err *e)
{
	if (piece->overflow || piece->len > LIMIT_LAYER_INDEX_SIZE - *at)
		return err_set(e, ERR_LIMIT, "its index is too large");
	if (fsutil_pwrite_all(fd, piece->data, piece->len, (off_t)*at, e) == -1)
		return err_wrap(e, "its index");
	*at += piece->len;
	strbuf_reset(piece);
	return 0;
}

int
layer_index_write(const struct layer_index *index, int fd, struct err *e)
{
	auto_strbuf struct strbuf piece;
	uint64_t at = 0;
	uint32_t i;

	strbuf_init(&piece, LIMIT_LAYER_INDEX_SIZE);
	put_head(&piece, index);
	for (i = 0; i < index->count; i++) {
		put_entry(&piece, &index->entries[i]);
		if (piece.len >= PIECE_SIZE &&
		    write_piece(&piece, fd, &at, e) == -1)
			return -1;
	}
	return write_piece(&piece, fd, &at, e);
}
