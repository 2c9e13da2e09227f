#include <elf.h>
#include <string.h>

#include "layer_read_private.h"
#include "script_calls.h"
#include "winnow/limits.h"
#include "winnow/path.h"

#define ELF_MAGIC_LEN 4
/* "#!" and the line behind it. */
#define HEAD_MAX (2 + LIMIT_SCRIPT_LINE)
/*
 * What links lead to, interpreters and what goes with a package database is
 * known only when all layers are read.  The small of it is spooled in any case:
 * a second reading of the layer costs more than all of them.
 */
#define SPOOL_SMALL 4096

struct content {
	struct layer_reader *reader;
	struct layer_entry *entry;
	enum spool_want want;
	uint64_t at; /* how far it is read */
	size_t head_len; /* of its first bytes, in reader->head */
	bool spooling;
};

static bool
is_elf(const struct content *c)
{
	return elf_is_magic(c->reader->head, c->head_len);
}

static bool
is_script(const struct content *c)
{
	const char *head = c->reader->head;

	return c->head_len >= 2 && head[0] == '#' && head[1] == '!';
}

/* True for what may be started: all that is looked at of its text. */
static bool
is_started_script(const struct content *c)
{
	return is_script(c) && (c->entry->mode & 0111) != 0;
}

/* Copies to `to` the bytes, or zeros where there are none (a hole). */
static void
copy_piece(char *to, const char *data, size_t len)
{
	if (data != NULL)
		memcpy(to, data, len);
	else
		memset(to, 0, len);
}

/* How many of its first bytes are looked at, as far as these tell. */
static size_t
head_max(const struct content *c)
{
	return is_started_script(c) ? LIMIT_SCRIPT_SIZE : HEAD_MAX;
}

static void
add_to_head(struct content *c, const char *data, uint64_t len)
{
	size_t room;

	while (len > 0 && (room = head_max(c) - c->head_len) > 0) {
		size_t n = len < room ? (size_t)len : room;

		copy_piece(c->reader->head + c->head_len, data, n);
		c->head_len += n;
		data = data == NULL ? NULL : data + n;
		len -= n;
	}
}

/*
 * Takes the next `len` bytes of the content; `data` is NULL for a hole.
 */
static int
take_piece(struct content *c, const char *data, uint64_t len, struct err *e)
{
	struct spool *spool = c->reader->spool;

	if (len > c->entry->size - c->at)
		return err_set(e, ERR_INVALID, "longer than its size");
	add_to_head(c, data, len);
	marks_take(c->reader->marks, data, len);
	if (c->entry->content != NULL)
		copy_piece(c->entry->content + c->at, data, (size_t)len);
	c->at += len;
	if (c->spooling && c->want != SPOOL_YES &&
	    c->head_len >= ELF_MAGIC_LEN && !is_elf(c)) {
		spool_drop(spool);
		c->spooling = false;
	}
	if (!c->spooling)
		return 0;
	return data == NULL ? spool_append_hole(spool, len, e)
			    : spool_append(spool, data, (size_t)len, e);
}

/* True while the bytes to come matter. */
static bool
wants_more(const struct content *c)
{
	if (c->at == c->entry->size)
		return false;
	if (c->spooling || c->entry->content != NULL || c->head_len < 2 ||
	    marks_wants_more(c->reader->marks))
		return true;
	if (is_started_script(c))
		return c->head_len < LIMIT_SCRIPT_SIZE;
	return is_script(c) && c->head_len < HEAD_MAX &&
	    memchr(c->reader->head, '\n', c->head_len) == NULL;
}

static int
read_pieces(struct content *c, struct err *e)
{
	while (wants_more(c)) {
		const void *data = NULL;
		la_int64_t offset = 0;
		size_t len = 0;
		int status;

		status = archive_read_data_block(
		    c->reader->archive, &data, &len, &offset);
		if (status != ARCHIVE_OK && status != ARCHIVE_WARN &&
		    status != ARCHIVE_EOF)
			return layer_reader_fail(c->reader, e);
		if (status == ARCHIVE_EOF) {
			offset = (la_int64_t)c->entry->size;
			len = 0;
		}
		if (offset < 0 || (uint64_t)offset < c->at)
			return err_set(e, ERR_INVALID, "its parts overlap");
		if ((uint64_t)offset > c->at &&
		    take_piece(c, NULL, (uint64_t)offset - c->at, e) == -1)
			return -1;
		if (len > 0 && take_piece(c, data, len, e) == -1)
			return -1;
	}
	return 0;
}

/* Room in the index for the contents that the pipeline reads. */
static int
reserve_indexed(
    struct layer_reader *r, struct layer_entry *entry, struct err *e)
{
	if (!layer_index_wants_content(entry->path))
		return 0;
	if (entry->size > LIMIT_INDEXED_CONTENT)
		return err_set(e, ERR_LIMIT, "larger than %u bytes",
		    LIMIT_INDEXED_CONTENT);
	r->indexed_total += entry->size;
	if (r->indexed_total > LIMIT_INDEXED_CONTENT_TOTAL)
		return err_set(e, ERR_LIMIT,
		    "package databases and the like exceed %u bytes",
		    LIMIT_INDEXED_CONTENT_TOTAL);
	entry->content = arena_bytes(r->index->arena, (size_t)entry->size + 1);
	entry->content[entry->size] = '\0';
	entry->content_len = entry->size;
	return 0;
}

/* What stands behind "#!" on the first line, right-trimmed. */
static void
set_script(struct content *c)
{
	const char *line = c->reader->head + 2, *end;
	size_t len = (c->head_len < HEAD_MAX ? c->head_len : HEAD_MAX) - 2;

	end = memchr(line, '\n', len);
	if (end != NULL)
		len = (size_t)(end - line);
	len = strnlen(line, len);
	while (len > 0 && strchr(" \t\r", line[len - 1]) != NULL)
		len--;
	c->entry->script = arena_strndup(c->reader->index->arena, line, len);
}

/* What dpkg alone runs is not worth the room. */
#define MAINTAINER_SCRIPTS "var/lib/dpkg/info/"

/* What the script calls, if it is one of a shell. */
static void
set_calls(struct content *c)
{
	struct layer_reader *r = c->reader;
	auto_strbuf struct strbuf calls;

	strbuf_init(&calls, LIMIT_SCRIPT_CALLS);
	if (!is_started_script(c) || !script_is_shell(c->entry->script) ||
	    strncmp(c->entry->path, MAINTAINER_SCRIPTS,
		strlen(MAINTAINER_SCRIPTS)) == 0)
		return;
	script_calls_read(r->head, c->head_len, &calls);
	if (calls.len > 0)
		c->entry->calls =
		    arena_strndup(r->index->arena, calls.data, calls.len);
}

/* A file that cannot be used as ELF stays a file; the report says so. */
static int
read_elf(struct content *c, struct err *e)
{
	struct layer_reader *r = c->reader;
	const void *image = NULL;
	struct err why = {0};
	size_t size = 0;

	if (c->entry->size > LIMIT_ELF_SIZE) {
		layer_reader_warn(r, c->entry->path,
		    "not a usable ELF file: larger than 1.5 GiB");
		return 0;
	}
	if (spool_map(r->spool, &image, &size, e) == -1)
		return -1;
	if (elf_read_into(image, size, r->index->arena, &c->entry->elf, &why) ==
	    -1) {
		err_wrap(&why, "not a usable ELF file");
		layer_reader_warn(r, c->entry->path, why.message);
	}
	spool_unmap(r->spool);
	return 0;
}

static bool
is_library_name(const char *name)
{
	return name != NULL &&
	    (strncmp(name, "lib", 3) == 0 || strncmp(name, "ld", 2) == 0);
}

/*
 * What other files need is called so.  Modules, which are opened by their
 * names, are kept by rules; where a rule reaches one through a link only, its
 * layer is read again.
 */
static bool
is_library(const struct layer_entry *entry)
{
	const struct elf_facts *elf = entry->elf;
	const char *base = path_base(entry->path);

	if (is_library_name(base) && strstr(base, ".so") != NULL)
		return true;
	return elf != NULL && elf->type == ET_DYN &&
	    (is_library_name(elf->soname) ||
		(is_library_name(base) && elf->interpreter == NULL));
}

static int
finish_content(struct content *c, struct err *e)
{
	struct spool *spool = c->reader->spool;
	bool keep = c->want == SPOOL_YES;

	c->entry->marks = marks_finish(c->reader->marks);
	if (is_script(c)) {
		set_script(c);
		set_calls(c);
	}
	if (!c->spooling)
		return 0;
	if (is_elf(c)) {
		if (read_elf(c, e) == -1)
			return -1;
		if (c->want == SPOOL_IF_LIKELY)
			keep = is_library(c->entry);
	}
	if (keep)
		spool_keep(spool, c->entry->ordinal);
	else
		spool_drop(spool);
	return 0;
}

int
layer_read_content(
    struct layer_reader *r, struct layer_entry *entry, struct err *e)
{
	struct content c = {
	    .reader = r, .entry = entry, .want = SPOOL_NO, .spooling = true};

	if (reserve_indexed(r, entry, e) == -1)
		return -1;
	if (r->filter != NULL)
		c.want = r->filter->want(r->filter->arg, entry);
	if (c.want == SPOOL_IF_LIKELY && entry->size <= SPOOL_SMALL)
		c.want = SPOOL_YES;
	marks_start(r->marks, entry->path, entry->size);
	spool_begin(r->spool, entry->size);
	if (read_pieces(&c, e) == -1)
		return -1;
	return finish_content(&c, e);
}
