/*
 * Reads a layer: inflate, tar through libarchive, entry by entry.
 *
 * libarchive runs in the C locale here: in a UTF-8 locale it normalizes the
 * Unicode of pax names; in the C locale it fails to convert them, says so,
 * and leaves the bytes alone.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <iconv.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <string.h>

#include "layer_read_private.h"
#include "winnow/fsutil.h"
#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/path.h"

/* Enough for any honest layer; further ones are left out. */
#define WARNINGS_MAX (1u << 20)

#define WHITEOUT ".wh."
#define WHITEOUT_META ".wh..wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

int
layer_reader_fail(const struct layer_reader *r, struct err *e)
{
	const char *text = archive_error_string(r->archive);

	if (r->input_failed) {
		*e = r->input_error;
		return -1;
	}
	return err_set(e, ERR_INVALID, "damaged tar archive: %s",
	    text == NULL ? "unknown error" : text);
}

void
layer_reader_warn(struct layer_reader *r, const char *path, const char *text)
{
	size_t len = r->warnings.len;

	path_escape(path, &r->warnings);
	strbuf_add_string(&r->warnings, ": ");
	path_escape(text, &r->warnings);
	strbuf_add_char(&r->warnings, '\n');
	if (r->warnings.overflow)
		strbuf_truncate(&r->warnings, len);
}

/* Puts the entry's name in front of the message. */
static int
wrap_name(const char *name, struct err *e)
{
	auto_strbuf struct strbuf text;

	strbuf_init(&text, 4 * LIMIT_PATH);
	path_escape(name[0] == '\0' ? "/" : name, &text);
	return err_wrap(e, "%.300s", strbuf_string(&text));
}

/*
 * Completes the last block of an archive that lacks the padding behind its
 * last file: umoci insert writes such layers, and the clients unpack them.
 */
static la_ssize_t
pad_input(struct layer_reader *r, const void **data)
{
	static const char zeros[TAR_BLOCK];

	if (r->padded || r->input_len % TAR_BLOCK == 0)
		return 0;
	r->padded = true;
	*data = zeros;
	return TAR_BLOCK - (la_ssize_t)(r->input_len % TAR_BLOCK);
}

/* Remembers the end of the chunk that libarchive is done with. */
static void
keep_end(struct layer_reader *r)
{
	size_t len = r->chunk_len < TAR_BLOCK ? r->chunk_len : TAR_BLOCK;

	memmove(r->before, r->before + len, TAR_BLOCK - len);
	if (len > 0)
		memcpy(r->before + TAR_BLOCK - len,
		    r->chunk + r->chunk_len - len, len);
}

/* libarchive's read callback: hands out the inflated bytes, not copied. */
static la_ssize_t
read_input(struct archive *a, void *arg, const void **data)
{
	struct layer_reader *r = arg;
	size_t len = 0;

	keep_end(r);
	r->chunk_len = 0;
	if (inflate_read(r->inflate, data, &len, &r->input_error) == -1) {
		r->input_failed = true;
		archive_set_error(a, EIO, "cannot inflate");
		return -1;
	}
	r->input_len += len;
	r->chunk = *data;
	r->chunk_len = len;
	return len == 0 ? pad_input(r, data) : (la_ssize_t)len;
}

enum name_kind { NAME_PLAIN, NAME_WHITEOUT, NAME_OPAQUE, NAME_IGNORED };

static bool
starts_with(const char *s, size_t len, const char *prefix)
{
	size_t prefix_len = strlen(prefix);

	return len >= prefix_len && memcmp(s, prefix, prefix_len) == 0;
}

/*
 * What the name makes of an entry, whatever its type: clients look at the
 * name alone, too (image-spec layer.md, "Whiteouts").  Other names of aufs
 * are metadata that no one reads any more.
 */
static int
classify_name(const char *path, enum name_kind *kind, struct err *e)
{
	const char *cursor = path, *name, *base = path_base(path);
	size_t len;

	*kind = NAME_PLAIN;
	if (strcmp(base, WHITEOUT_OPAQUE) == 0)
		*kind = NAME_OPAQUE;
	else if (starts_with(base, strlen(base), WHITEOUT))
		*kind = NAME_WHITEOUT;
	while ((name = path_next(&cursor, &len)) != NULL) {
		if (starts_with(name, len, WHITEOUT_META) &&
		    (name != base || *kind != NAME_OPAQUE)) {
			*kind = NAME_IGNORED;
			return 0;
		}
		if (starts_with(name, len, WHITEOUT) && name != base)
			return err_set(
			    e, ERR_INVALID, "lies below a whiteout's name");
	}
	base += strlen(WHITEOUT);
	if (*kind == NAME_WHITEOUT &&
	    (base[0] == '\0' || strcmp(base, ".") == 0 ||
		strcmp(base, "..") == 0))
		return err_set(e, ERR_INVALID, "a whiteout of no name");
	return 0;
}

/* Adds a whiteout: `path` is its name in the archive. */
static void
add_whiteout(struct layer_reader *r, enum name_kind kind, uint32_t ordinal)
{
	const char *path = strbuf_string(&r->path), *base = path_base(path);
	size_t dir_len = (size_t)(base - path);
	struct layer_entry *entry = layer_index_add(r->index);

	entry->ordinal = ordinal;
	if (kind == NAME_OPAQUE) {
		entry->type = ENTRY_OPAQUE;
		entry->path = arena_strndup(
		    r->index->arena, path, dir_len == 0 ? 0 : dir_len - 1);
		return;
	}
	entry->type = ENTRY_WHITEOUT;
	base += strlen(WHITEOUT);
	entry->path =
	    arena_strndup(r->index->arena, path, dir_len + strlen(base));
	memcpy(entry->path + dir_len, base, strlen(base));
}

/* Adds the entry whose normalized name is in r->path. */
static int
add_entry(struct layer_reader *r, struct archive_entry *ae, uint32_t ordinal,
    struct err *e)
{
	struct layer_entry entry = {.ordinal = ordinal};

	entry.path = arena_strndup(
	    r->index->arena, strbuf_string(&r->path), r->path.len);
	if (layer_read_header(r, &entry, ae, e) == -1)
		return -1;
	if (entry.type == ENTRY_FILE && layer_read_content(r, &entry, e) == -1)
		return -1;
	*layer_index_add(r->index) = entry;
	return 0;
}

static int
read_entry(struct layer_reader *r, struct archive_entry *ae, struct err *e)
{
	const char *name = archive_entry_pathname(ae);
	enum name_kind kind = NAME_PLAIN;
	uint32_t ordinal = r->ordinals++;

	if (ordinal == LIMIT_LAYER_ENTRIES)
		return err_set(
		    e, ERR_LIMIT, "more than %d entries", LIMIT_LAYER_ENTRIES);
	if (name == NULL)
		return err_set(
		    e, ERR_INVALID, "entry %" PRIu32 " has no name", ordinal);
	strbuf_reset(&r->path);
	if (path_normalize(name, strlen(name), &r->path, e) == -1 ||
	    classify_name(strbuf_string(&r->path), &kind, e) == -1)
		return wrap_name(name, e);
	if (kind == NAME_PLAIN && add_entry(r, ae, ordinal, e) == -1)
		return wrap_name(name, e);
	if (kind == NAME_WHITEOUT || kind == NAME_OPAQUE)
		add_whiteout(r, kind, ordinal);
	return 0;
}

/*
 * Notes what libarchive could not read of an entry's header.  Pax records
 * that it gave up on may have held the entry's name: that is damage.
 */
static int
note_warning(struct layer_reader *r, struct archive_entry *ae, struct err *e)
{
	const char *text = archive_error_string(r->archive);
	const char *name = archive_entry_pathname(ae);

	/* Of names, which we wanted not to be converted. */
	if (text == NULL || strstr(text, "can't be converted") != NULL)
		return 0;
	if (name == NULL)
		name = "";
	if (strstr(text, "malformed pax") != NULL) {
		err_set(e, ERR_INVALID, "damaged tar archive: %s", text);
		return wrap_name(name, e);
	}
	layer_reader_warn(r, name, text);
	return 0;
}

/* The archive's headers could not be read further. */
static int
fail_header(const struct layer_reader *r, struct err *e)
{
	layer_reader_fail(r, e);
	if (r->input_failed)
		return -1;
	if (archive_format(r->archive) == 0)
		return err_set(e, ERR_INVALID, "not a tar archive");
	if (r->index->count > 0) {
		err_wrap(e, "after");
		wrap_name(r->index->entries[r->index->count - 1].path, e);
	}
	return -1;
}

/* Notes where an entry's content ends; of a sparse file that is not known. */
static void
note_end(struct layer_reader *r, struct archive_entry *ae)
{
	uint64_t size = archive_entry_size_is_set(ae)
	    ? (uint64_t)archive_entry_size(ae)
	    : 0;

	r->last_end = (uint64_t)archive_filter_bytes(r->archive, 0);
	if (archive_entry_sparse_reset(ae) > 0 ||
	    __builtin_add_overflow(r->last_end, size, &r->last_end))
		r->last_end = UINT64_MAX;
}

/* Padding may stand for padding only, not for a header or a content. */
static int
check_end(const struct layer_reader *r, struct err *e)
{
	if (!r->padded || r->last_end <= r->input_len)
		return 0;
	err_set(e, ERR_INVALID,
	    "damaged tar archive: it ends after %" PRIu64
	    " bytes, inside its last entry",
	    r->input_len);
	return r->index->count == 0
	    ? -1
	    : wrap_name(r->index->entries[r->index->count - 1].path, e);
}

static int
read_entries(struct layer_reader *r, struct err *e)
{
	for (;;) {
		struct archive_entry *ae = NULL;
		int status = archive_read_next_header(r->archive, &ae);

		if (status == ARCHIVE_EOF)
			return check_end(r, e);
		if (status < ARCHIVE_WARN || status == ARCHIVE_RETRY)
			return fail_header(r, e);
		if (status == ARCHIVE_WARN && note_warning(r, ae, e) == -1)
			return -1;
		note_end(r, ae);
		if (read_entry(r, ae, e) == -1)
			return -1;
	}
}

/* What follows the archive's end is decoded too, so that damage shows. */
static int
drain(struct layer_reader *r, struct err *e)
{
	const void *data = NULL;
	size_t len = 0;

	do {
		if (inflate_read(r->inflate, &data, &len, e) == -1)
			return -1;
	} while (len > 0);
	return 0;
}

static int
read_archive(struct layer_reader *r, struct err *e)
{
	int status;

	r->archive = archive_read_new();
	if (r->archive == NULL)
		_exit(MEM_EXIT_STATUS);
	archive_read_support_format_tar(r->archive);
	archive_read_support_format_empty(r->archive);
	/* Files named "._x" are files. */
	archive_read_set_format_option(r->archive, "tar", "mac-ext", NULL);
	if (archive_read_open(r->archive, r, NULL, read_input, NULL) !=
	    ARCHIVE_OK)
		status = fail_header(r, e);
	else
		status = read_entries(r, e);
	if (status == 0)
		status = drain(r, e);
	archive_read_free(r->archive);
	return status;
}

/*
 * Reads and verifies.  Damage in transit explains any other damage, so the
 * digest has the first word.
 */
static int
read_and_verify(struct layer_reader *r, struct err *e)
{
	struct err digest_error;

	if (read_archive(r, e) == 0)
		return inflate_finish(r->inflate, e);
	if (e->code == ERR_INVALID &&
	    inflate_finish(r->inflate, &digest_error) == -1 &&
	    digest_error.code == ERR_DIGEST)
		*e = digest_error;
	return -1;
}

static locale_t
c_locale(void)
{
	locale_t c = newlocale(LC_CTYPE_MASK, "C", (locale_t)0);

	if (c == (locale_t)0)
		_exit(MEM_EXIT_STATUS);
	return c;
}

/* The same in the C locale, whatever the program set. */
static int
read_in_c_locale(struct layer_reader *r, struct err *e)
{
	locale_t c = c_locale(), old = uselocale(c);
	int status = read_and_verify(r, e);

	uselocale(old);
	freelocale(c);
	return status;
}

/* libarchive converts pax records from UTF-8 by iconv. */
void
layer_read_prepare(void)
{
	locale_t c = c_locale(), old = uselocale(c);
	iconv_t conversion = iconv_open(nl_langinfo(CODESET), "UTF-8");

	if (conversion != (iconv_t)-1)
		iconv_close(conversion);
	uselocale(old);
	freelocale(c);
}

int
layer_index_read(const struct blob_source *source,
    const struct spool_filter *filter, struct spool *spool,
    struct layer_index **out, struct err *e)
{
	auto_layer_index struct layer_index *index = NULL;
	auto_inflate struct inflate *inflate = NULL;
	auto_marks struct marks *marks = marks_new();
	auto_spool struct spool *own = NULL;
	struct layer_reader r = {.filter = spool == NULL ? NULL : filter};
	auto_free char *head = mem_alloc(LIMIT_SCRIPT_SIZE);
	auto_fd int own_fd = -1;
	int status;

	if (spool == NULL) {
		if (fsutil_open_memory("elf", &own_fd, e) == -1)
			return -1;
		spool = own = spool_new(own_fd);
	}
	r.spool = spool;
	r.inflate = inflate = inflate_new(source);
	r.index = index = layer_index_new();
	r.marks = marks;
	r.head = head;
	strbuf_init(&r.path, 2 * LIMIT_PATH);
	strbuf_init(&r.warnings, WARNINGS_MAX);
	status = read_in_c_locale(&r, e);
	if (r.warnings.len > 0)
		index->warnings = strbuf_steal(&r.warnings);
	strbuf_clear(&r.warnings);
	strbuf_clear(&r.path);
	if (status == -1)
		return -1;
	*out = steal(&index);
	return 0;
}
