#include "winnow/tar_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "winnow/limits.h"
#include "winnow/path.h"

/* The largest numbers of 7 and 11 octal digits. */
#define OCTAL_7 07777777u
#define OCTAL_11 077777777777ull

/* POSIX "ustar Header Block". */
struct ustar {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char checksum[8];
	char type;
	char link[100];
	char magic[6];
	char version[2];
	char uname[32];
	char gname[32];
	char dev_major[8];
	char dev_minor[8];
	char prefix[155];
	char unused[12];
};
_Static_assert(sizeof(struct ustar) == TAR_BLOCK, "a ustar header is a block");

/* Indexed by entry_type. */
static const char type_flags[] = {
    [ENTRY_FILE] = '0',
    [ENTRY_HARDLINK] = '1',
    [ENTRY_SYMLINK] = '2',
    [ENTRY_CHARDEV] = '3',
    [ENTRY_BLOCKDEV] = '4',
    [ENTRY_DIRECTORY] = '5',
    [ENTRY_FIFO] = '6',
};

size_t
tar_padding(uint64_t size)
{
	return (size_t)(-size % TAR_BLOCK);
}

/* Octal digits over the whole field but its NUL; 0 for what does not fit. */
static void
put_octal(char *field, size_t size, uint64_t value)
{
	size_t i = size - 1;

	if (value >> (3 * i) != 0)
		value = 0;
	field[i] = '\0';
	while (i-- > 0) {
		field[i] = (char)('0' + (value & 7));
		value >>= 3;
	}
}

/* True when the field of 100 bytes cannot hold the name as it is. */
static bool
needs_pax(const char *name)
{
	size_t len = 0;

	for (; name[len] != '\0'; len++)
		if ((unsigned char)name[len] >= 0x80)
			return true;
	return len > sizeof(((struct ustar *)NULL)->name);
}

/* As much of the name as fits, in ASCII; readers of pax do not use it then. */
static void
put_name(char field[100], const char *name)
{
	size_t len = strlen(name), i;

	for (i = 0; i < len && i < 100; i++)
		field[i] = (unsigned char)name[i] < 0x80 ? name[i] : '_';
	/* Old readers know a directory by its slash. */
	if (len > 100 && name[len - 1] == '/')
		field[99] = '/';
}

static void
put_checksum(struct ustar *h)
{
	const unsigned char *bytes = (const unsigned char *)h;
	unsigned sum = 0;
	size_t i;

	memset(h->checksum, ' ', sizeof(h->checksum));
	for (i = 0; i < sizeof(*h); i++)
		sum += bytes[i];
	put_octal(h->checksum, 7, sum);
}

static void
init_header(struct ustar *h)
{
	memset(h, 0, sizeof(*h));
	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	put_octal(h->mode, sizeof(h->mode), 0644);
	put_octal(h->uid, sizeof(h->uid), 0);
	put_octal(h->gid, sizeof(h->gid), 0);
	put_octal(h->size, sizeof(h->size), 0);
	put_octal(h->mtime, sizeof(h->mtime), 0);
	put_octal(h->dev_major, sizeof(h->dev_major), 0);
	put_octal(h->dev_minor, sizeof(h->dev_minor), 0);
}

/* "LENGTH KEY=VALUE\n", where the length counts its own digits too. */
static void
add_record(struct strbuf *pax, const char *key, const void *value, size_t len)
{
	size_t rest = strlen(key) + len + 3, total = rest, digits = 0;

	while (total != rest + digits || digits == 0) {
		size_t n;

		total = rest + digits;
		digits = 0;
		for (n = total; n > 0; n /= 10)
			digits++;
	}
	strbuf_add_format(pax, "%zu %s=", total, key);
	strbuf_add(pax, value, len);
	strbuf_add_char(pax, '\n');
}

static void
add_text(struct strbuf *pax, const char *key, const char *value)
{
	add_record(pax, key, value, strlen(value));
}

static void
add_number(struct strbuf *pax, const char *key, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	add_text(pax, key, text);
}

/*
 * Seconds with as many decimals as there are.  A time before 1970 is counted
 * from the second before it, but written by its distance to 1970:
 * -2 s and 750000000 ns is "-1.25".
 */
static void
add_mtime(struct strbuf *pax, int64_t seconds, uint32_t nsec)
{
	bool negative = seconds < 0;
	uint64_t whole = (uint64_t)seconds;
	char text[40];
	size_t len;

	if (negative) {
		whole = -whole;
		if (nsec != 0) {
			whole--;
			nsec = 1000000000 - nsec;
		}
	}
	len = (size_t)snprintf(text, sizeof(text), "%s%" PRIu64 ".%09" PRIu32,
	    negative ? "-" : "", whole, nsec);
	while (text[len - 1] == '0')
		len--;
	if (text[len - 1] == '.')
		len--;
	add_record(pax, "mtime", text, len);
}

static int
add_xattrs(struct strbuf *pax, const struct layer_entry *entry, struct err *e)
{
	char key[300];
	uint32_t i;

	for (i = 0; i < entry->xattr_count; i++) {
		const struct layer_xattr *x = &entry->xattrs[i];

		if (strlen(x->name) > LIMIT_COMPONENT)
			return err_set(e, ERR_LIMIT,
			    "the name of an extended attribute is longer than "
			    "%d bytes",
			    LIMIT_COMPONENT);
		if (x->name[0] == '\0' || strchr(x->name, '=') != NULL)
			return err_set(e, ERR_UNSUPPORTED,
			    "an archive cannot hold an extended attribute of "
			    "the name \"%s\"",
			    x->name);
		snprintf(key, sizeof(key), "SCHILY.xattr.%s", x->name);
		add_record(pax, key, x->value, x->value_len);
	}
	return 0;
}

/* The records that an entry needs, in the order of their keys. */
static int
add_records(struct strbuf *pax, const struct layer_entry *entry,
    const char *name, struct err *e)
{
	if (entry->gid > OCTAL_7)
		add_number(pax, "gid", entry->gid);
	if (entry->link != NULL && needs_pax(entry->link))
		add_text(pax, "linkpath", entry->link);
	if (entry->mtime_nsec != 0 || entry->mtime < 0 ||
	    entry->mtime > (int64_t)OCTAL_11)
		add_mtime(pax, entry->mtime, entry->mtime_nsec);
	if (needs_pax(name))
		add_text(pax, "path", name);
	if (entry->type == ENTRY_FILE && entry->size > OCTAL_11)
		add_number(pax, "size", entry->size);
	if (entry->uid > OCTAL_7)
		add_number(pax, "uid", entry->uid);
	return add_xattrs(pax, entry, e);
}

/* The extended header and its records, as an entry of its own. */
static void
put_pax(struct strbuf *out, const struct strbuf *pax)
{
	static const char zeros[TAR_BLOCK];
	struct ustar h;

	init_header(&h);
	put_name(h.name, "././@PaxHeader");
	put_octal(h.size, sizeof(h.size), pax->len);
	h.type = 'x';
	put_checksum(&h);
	strbuf_add(out, &h, sizeof(h));
	strbuf_add(out, pax->data, pax->len);
	strbuf_add(out, zeros, tar_padding(pax->len));
}

static void
put_ustar(struct strbuf *out, const struct layer_entry *entry, const char *name)
{
	struct ustar h;

	init_header(&h);
	put_name(h.name, name);
	put_octal(h.mode, sizeof(h.mode), entry->mode & 07777);
	put_octal(h.uid, sizeof(h.uid), entry->uid);
	put_octal(h.gid, sizeof(h.gid), entry->gid);
	if (entry->type == ENTRY_FILE)
		put_octal(h.size, sizeof(h.size), entry->size);
	if (entry->mtime >= 0)
		put_octal(h.mtime, sizeof(h.mtime), (uint64_t)entry->mtime);
	h.type = type_flags[entry->type];
	if (entry->link != NULL)
		put_name(h.link, entry->link);
	if (entry->type == ENTRY_CHARDEV || entry->type == ENTRY_BLOCKDEV) {
		put_octal(h.dev_major, sizeof(h.dev_major), entry->dev_major);
		put_octal(h.dev_minor, sizeof(h.dev_minor), entry->dev_minor);
	}
	put_checksum(&h);
	strbuf_add(out, &h, sizeof(h));
}

/* What no archive can say, or only one that means something else. */
static int
check_entry(const struct layer_entry *entry, struct err *e)
{
	bool is_link =
	    entry->type == ENTRY_SYMLINK || entry->type == ENTRY_HARDLINK;

	if (entry->type == ENTRY_WHITEOUT || entry->type == ENTRY_OPAQUE ||
	    entry->type >= ENTRY_TYPES)
		return err_set(e, ERR_INTERNAL,
		    "a derived layer cannot hold an entry of type %d",
		    (int)entry->type);
	if (is_link != (entry->link != NULL && entry->link[0] != '\0'))
		return err_set(e, ERR_INVALID, "%s",
		    is_link ? "a link without a target"
			    : "a target without a link");
	if (entry->mtime_nsec >= 1000000000)
		return err_set(e, ERR_INVALID, "a time with %u nanoseconds",
		    entry->mtime_nsec);
	if (entry->dev_major > OCTAL_7 || entry->dev_minor > OCTAL_7)
		return err_set(e, ERR_UNSUPPORTED,
		    "an archive cannot hold the device numbers %u, %u",
		    entry->dev_major, entry->dev_minor);
	return 0;
}

static int
write_header(const struct layer_entry *entry, struct strbuf *pax,
    struct strbuf *out, struct err *e)
{
	char name[LIMIT_PATH + 2];

	if (check_entry(entry, e) != 0)
		return -1;
	if (strlen(entry->path) > LIMIT_PATH)
		return err_set(
		    e, ERR_LIMIT, "a path longer than %d bytes", LIMIT_PATH);
	snprintf(name, sizeof(name), "%s%s",
	    entry->path[0] == '\0' ? "." : entry->path,
	    entry->type == ENTRY_DIRECTORY ? "/" : "");
	if (add_records(pax, entry, name, e) != 0)
		return -1;
	if (pax->len > 0)
		put_pax(out, pax);
	put_ustar(out, entry, name);
	if (pax->overflow || out->overflow)
		return err_set(e, ERR_LIMIT,
		    "headers longer than %u bytes: too many extended "
		    "attributes",
		    TAR_HEADER_MAX);
	return 0;
}

int
tar_write_header(
    const struct layer_entry *entry, struct strbuf *out, struct err *e)
{
	auto_strbuf struct strbuf pax, path;

	strbuf_init(&pax, TAR_HEADER_MAX);
	strbuf_init(&path, LIMIT_PATH * 4);
	if (write_header(entry, &pax, out, e) == 0)
		return 0;
	path_escape(entry->path, &path);
	return err_wrap(e, "%s", strbuf_string(&path));
}
