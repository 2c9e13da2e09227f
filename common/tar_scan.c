#include "winnow/tar_scan.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "winnow/fsutil.h"
#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/num.h"
#include "winnow/path.h"
#include "winnow/strbuf.h"

#define BLOCK 512
/* Where the fields of a ustar header are. */
#define SIZE_AT 124
#define CHECKSUM_AT 148
#define TYPE_AT 156
#define LINK_AT 157
#define MAGIC_AT 257
#define PREFIX_AT 345
#define NAME_LEN 100
#define PREFIX_LEN 155
#define NUMBER_LEN 12

/* What a pax or GNU header says about the next member. */
struct next {
	char *name;
	char *link;
	uint64_t size;
	bool has_size;
};

struct scanner {
	int fd;
	uint64_t offset; /* of the next header */
	uint64_t end; /* of the file */
	struct tar_scan *scan;
	struct next next;
};

static int
refuse(const struct scanner *s, struct err *e, const char *what)
{
	return err_set(e, ERR_INVALID,
	    "not a tar archive as winnow reads it: %s at byte %" PRIu64, what,
	    s->offset);
}

static void
clear_next(struct next *n)
{
	free(n->name);
	free(n->link);
	*n = (struct next){0};
}

/* An octal field, or a base-256 one (GNU); false when it is neither. */
static bool
parse_number(const uint8_t *field, size_t len, uint64_t *out)
{
	uint64_t value = 0;
	size_t i = 0;

	if (field[0] == 0x80) {
		for (i = 1; i < len; i++) {
			if (value >> 55 != 0)
				return false;
			value = value << 8 | field[i];
		}
		*out = value;
		return true;
	}
	while (i < len && field[i] == ' ')
		i++;
	for (; i < len && field[i] >= '0' && field[i] <= '7'; i++)
		value = value << 3 | (uint64_t)(field[i] - '0');
	if (i < len && field[i] != ' ' && field[i] != '\0')
		return false;
	*out = value;
	return true;
}

static bool
has_checksum(const uint8_t *h)
{
	uint64_t want, sum = 0;
	size_t i;

	for (i = 0; i < BLOCK; i++)
		sum += i >= CHECKSUM_AT && i < CHECKSUM_AT + 8 ? ' ' : h[i];
	return parse_number(h + CHECKSUM_AT, 8, &want) && want == sum;
}

static bool
is_zero(const uint8_t *h)
{
	size_t i;

	for (i = 0; i < BLOCK; i++)
		if (h[i] != 0)
			return false;
	return true;
}

/* A field of a header as a string; the caller frees. */
static char *
field_string(const uint8_t *field, size_t max)
{
	return mem_strndup(
	    (const char *)field, strnlen((const char *)field, max));
}

/* The name of a header without what pax says; the caller frees. */
static char *
header_name(const uint8_t *h)
{
	auto_free char *name = field_string(h, NAME_LEN), *prefix = NULL;

	if (memcmp(h + MAGIC_AT, "ustar", 6) != 0 || h[PREFIX_AT] == '\0')
		return steal(&name);
	prefix = field_string(h + PREFIX_AT, PREFIX_LEN);
	return mem_printf("%s/%s", prefix, name);
}

/* The contents of a header that describes the next one; the caller frees. */
static int
read_extension(
    const struct scanner *s, uint64_t size, char **out, struct err *e)
{
	auto_free char *data = NULL;

	/* Names, and what else a pax header says. */
	if (size > LIMIT_XATTRS_SIZE)
		return refuse(s, e, "a header too long");
	data = mem_zalloc(size + 1, 1);
	if (fsutil_pread_all(
		s->fd, data, size, (off_t)(s->offset + BLOCK), e) == -1)
		return err_wrap(e, "the archive");
	*out = steal(&data);
	return 0;
}

/* One record "KEY=VALUE" of a pax header; `len` bytes of value. */
static int
take_record(struct scanner *s, const char *key, const char *value, size_t len,
    struct err *e)
{
	char **text = strcmp(key, "path") == 0 ? &s->next.name
	    : strcmp(key, "linkpath") == 0     ? &s->next.link
					       : NULL;

	if (text != NULL) {
		free(*text);
		*text = mem_strndup(value, len);
		return strlen(*text) == len ? 0
					    : refuse(s, e, "a NUL in a name");
	}
	if (strcmp(key, "size") == 0) {
		auto_free char *number = mem_strndup(value, len);

		s->next.has_size = true;
		if (num_parse(number, 0, INT64_MAX, "size", &s->next.size, e) ==
		    -1)
			return refuse(s, e, "a bad size");
	}
	/* A sparse file's contents are not what lies in the archive. */
	if (strncmp(key, "GNU.sparse.", 11) == 0)
		return refuse(s, e, "a sparse file");
	return 0;
}

/*
 * The length of the record at `at`, itself included, before the end of the
 * header; *space is behind the number.  0: it is no record.
 */
static size_t
record_length(char *at, const char *end, char **space)
{
	size_t len = 0;
	char *p = at;

	while (p < end && *p >= '0' && *p <= '9' && len <= LIMIT_XATTRS_SIZE)
		len = len * 10 + (size_t)(*p++ - '0');
	*space = p;
	if (p == at || p == end || *p != ' ' || len > (size_t)(end - at) ||
	    at + len < p + 2 || at[len - 1] != '\n')
		return 0;
	return len;
}

/* The records "LENGTH KEY=VALUE\n" of a pax header. */
static int
parse_pax(struct scanner *s, char *data, size_t size, struct err *e)
{
	char *end = data + size, *at = data, *space, *equals;
	size_t len;

	while (at < end) {
		len = record_length(at, end, &space);
		if (len == 0)
			return refuse(s, e, "a bad pax record");
		equals = memchr(space, '=', (size_t)(at + len - space));
		if (equals == NULL)
			return refuse(s, e, "a bad pax record");
		*equals = '\0';
		if (take_record(s, space + 1, equals + 1,
			(size_t)(at + len - 1 - (equals + 1)), e) == -1)
			return -1;
		at += len;
	}
	return 0;
}

/* A header that describes the next one; *taken: it was one. */
static int
take_extension(
    struct scanner *s, char type, uint64_t size, bool *taken, struct err *e)
{
	auto_free char *data = NULL;

	*taken = type == 'x' || type == 'L' || type == 'K';
	if (!*taken)
		return 0;
	if (read_extension(s, size, &data, e) == -1)
		return -1;
	if (type == 'x')
		return parse_pax(s, data, size, e);
	if (type == 'L') {
		free(s->next.name);
		s->next.name = steal(&data);
	} else {
		free(s->next.link);
		s->next.link = steal(&data);
	}
	return 0;
}

/* With the bytes up to the next header; `size` is that of a part of a file. */
static uint64_t
padded(uint64_t size)
{
	return (size + BLOCK - 1) / BLOCK * BLOCK;
}

static enum tar_kind
kind_of(char type)
{
	if (type == '0' || type == '\0' || type == '7')
		return TAR_FILE;
	if (type == '2')
		return TAR_SYMLINK;
	return type == '1' ? TAR_HARDLINK : TAR_OTHER;
}

static int
add_member(struct scanner *s, const uint8_t *h, uint64_t size, struct err *e)
{
	struct tar_member m = {.kind = kind_of((char)h[TYPE_AT]),
	    .offset = s->offset + BLOCK,
	    .size = size};
	auto_free char *name =
	    s->next.name != NULL ? steal(&s->next.name) : header_name(h);
	auto_strbuf struct strbuf plain;

	strbuf_init(&plain, LIMIT_PATH + 1);
	if (path_normalize(name, strlen(name), &plain, e) == -1)
		return err_wrap(e, "a name in the archive");
	if (s->scan->count == LIMIT_ARCHIVE_MEMBERS)
		return err_set(e, ERR_LIMIT,
		    "more than %d files in the archive", LIMIT_ARCHIVE_MEMBERS);
	if (m.kind == TAR_SYMLINK || m.kind == TAR_HARDLINK)
		m.link = s->next.link != NULL
		    ? steal(&s->next.link)
		    : field_string(h + LINK_AT, NAME_LEN);
	m.name = mem_strdup(strbuf_string(&plain));
	s->scan->members = mem_grow(
	    s->scan->members, s->scan->count, &s->scan->capacity, sizeof(m));
	s->scan->members[s->scan->count++] = m;
	return 0;
}

/* Reads the header at s->offset; *end: it is the last. */
static int
scan_header(struct scanner *s, bool *end, struct err *e)
{
	uint8_t h[BLOCK];
	uint64_t size = 0, left;
	bool taken;

	if (s->end - s->offset < BLOCK)
		return refuse(s, e, "it ends inside a header");
	if (fsutil_pread_all(s->fd, h, BLOCK, (off_t)s->offset, e) == -1)
		return err_wrap(e, "the archive");
	*end = is_zero(h);
	if (*end)
		return 0;
	if (!has_checksum(h))
		return refuse(s, e, "no header");
	if (!parse_number(h + SIZE_AT, NUMBER_LEN, &size))
		return refuse(s, e, "a bad size");
	/* A size in pax belongs to the member, not to a header before it. */
	if (s->next.has_size && strchr("xgLK", h[TYPE_AT]) == NULL)
		size = s->next.size;
	left = s->end - s->offset - BLOCK;
	if (size > left || padded(size) > left)
		return refuse(s, e, "it ends inside the member");
	if (take_extension(s, (char)h[TYPE_AT], size, &taken, e) == -1)
		return -1;
	if (!taken && h[TYPE_AT] != 'g') {
		if (h[TYPE_AT] == 'S')
			return refuse(s, e, "a sparse file");
		if (add_member(s, h, size, e) == -1)
			return -1;
		clear_next(&s->next);
	}
	s->offset += BLOCK + padded(size);
	return 0;
}

int
tar_scan_new(int fd, struct tar_scan **out, struct err *e)
{
	auto_tar_scan struct tar_scan *scan = mem_zalloc(1, sizeof(*scan));
	struct scanner s = {.fd = fd, .scan = scan};
	bool end = false;
	int r = 0;

	if (fsutil_size(fd, &s.end, e) == -1)
		return -1;
	/* Some writers leave out the blocks of zeros at the end. */
	while (r == 0 && !end && (s.offset < s.end || scan->count == 0))
		r = scan_header(&s, &end, e);
	clear_next(&s.next);
	if (r == 0)
		*out = steal(&scan);
	return r;
}

void
tar_scan_free(struct tar_scan *scan)
{
	size_t i;

	if (scan == NULL)
		return;
	for (i = 0; i < scan->count; i++) {
		free(scan->members[i].name);
		free(scan->members[i].link);
	}
	free(scan->members);
	free(scan);
}

/* The one member of a name. */
static int
find_one(const struct tar_scan *scan, const char *name,
    const struct tar_member **out, struct err *e)
{
	const struct tar_member *found = NULL;
	size_t i;

	for (i = 0; i < scan->count; i++) {
		if (strcmp(scan->members[i].name, name) != 0)
			continue;
		if (found != NULL)
			return err_set(e, ERR_INVALID,
			    "the archive has %.200s twice", name);
		found = &scan->members[i];
	}
	if (found == NULL)
		return err_set(
		    e, ERR_NOT_FOUND, "the archive has no %.200s", name);
	*out = found;
	return 0;
}

/* Where a link leads: a symbolic one from its directory, inside the archive. */
static int
link_target(const struct tar_member *m, struct strbuf *out, struct err *e)
{
	auto_strbuf struct strbuf joined;

	strbuf_init(&joined, 2 * LIMIT_PATH);
	if (m->link[0] == '/')
		return err_set(e, ERR_INVALID,
		    "%.200s is a link out of the archive", m->name);
	if (m->kind == TAR_SYMLINK)
		strbuf_add(
		    &joined, m->name, (size_t)(path_base(m->name) - m->name));
	strbuf_add_string(&joined, m->link);
	strbuf_reset(out);
	return path_normalize(strbuf_string(&joined), joined.len, out, e);
}

int
tar_scan_find(const struct tar_scan *scan, const char *name,
    const struct tar_member **out, struct err *e)
{
	auto_strbuf struct strbuf at;
	const struct tar_member *m = NULL;
	int hops;

	strbuf_init(&at, LIMIT_PATH + 1);
	if (path_normalize(name, strlen(name), &at, e) == -1)
		return -1;
	for (hops = 0; hops <= LIMIT_SYMLINK_HOPS; hops++) {
		if (find_one(scan, strbuf_string(&at), &m, e) == -1)
			return -1;
		if (m->kind == TAR_FILE) {
			*out = m;
			return 0;
		}
		if (m->kind == TAR_OTHER)
			return err_set(e, ERR_INVALID,
			    "%.200s in the archive is no file", m->name);
		if (link_target(m, &at, e) == -1)
			return -1;
	}
	return err_set(
	    e, ERR_INVALID, "%.200s is a link that leads around", name);
}
