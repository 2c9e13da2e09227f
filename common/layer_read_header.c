/* What the header of one archive entry says, but for its name. */
#include <archive_entry.h>
#include <string.h>

#include "layer_read_private.h"
#include "winnow/limits.h"
#include "winnow/path.h"

/* Fields of a header block. */
#define MODE_AT 100
#define SUM_AT 148
#define NUMBER_LEN 8

/* The octal number in a field of NUMBER_LEN bytes, behind blanks. */
static void
read_octal(const unsigned char *field, uint64_t *out)
{
	size_t i = 0;

	while (i < NUMBER_LEN && (field[i] == ' ' || field[i] == '\0'))
		i++;
	for (; i < NUMBER_LEN && field[i] >= '0' && field[i] <= '7'; i++)
		*out = *out << 3 | (uint64_t)(field[i] - '0');
}

static int
set_hard_link(struct layer_reader *r, struct layer_entry *entry,
    const char *target, struct err *e)
{
	auto_strbuf struct strbuf link;

	strbuf_init(&link, LIMIT_PATH);
	if (path_normalize(target, strlen(target), &link, e) == -1)
		return err_wrap(e, "hard link target");
	if (link.len == 0)
		return err_set(e, ERR_INVALID, "a hard link to the root");
	entry->type = ENTRY_HARDLINK;
	entry->link = arena_strndup(r->index->arena, link.data, link.len);
	return 0;
}

static int
set_symlink(struct layer_reader *r, struct layer_entry *entry,
    const char *target, struct err *e)
{
	size_t len = target == NULL ? 0 : strlen(target);

	if (len == 0)
		return err_set(e, ERR_INVALID, "a symbolic link to nothing");
	if (len > LIMIT_PATH)
		return err_set(e, ERR_LIMIT,
		    "a symbolic link of more than %d bytes", LIMIT_PATH);
	entry->type = ENTRY_SYMLINK;
	entry->link = arena_strndup(r->index->arena, target, len);
	return 0;
}

static int
set_device(struct layer_entry *entry, struct archive_entry *ae,
    enum entry_type type, struct err *e)
{
	uint64_t major = archive_entry_rdevmajor(ae);
	uint64_t minor = archive_entry_rdevminor(ae);

	if (major > UINT32_MAX || minor > UINT32_MAX)
		return err_set(e, ERR_INVALID, "a device number is too large");
	entry->type = type;
	/* How overlayfs itself writes a whiteout. */
	if (type == ENTRY_CHARDEV && major == 0 && minor == 0)
		entry->type = ENTRY_WHITEOUT;
	entry->dev_major = (uint32_t)major;
	entry->dev_minor = (uint32_t)minor;
	return 0;
}

static int
set_file(struct layer_reader *r, struct layer_entry *entry,
    struct archive_entry *ae, struct err *e)
{
	la_int64_t size = archive_entry_size(ae);

	if (size < 0)
		return err_set(e, ERR_INVALID, "a negative size");
	if ((uint64_t)size > LIMIT_LAYER_SIZE - r->size_total)
		return err_set(e, ERR_LIMIT,
		    "the layer's files exceed %llu bytes",
		    (unsigned long long)LIMIT_LAYER_SIZE);
	r->size_total += (uint64_t)size;
	entry->type = ENTRY_FILE;
	entry->size = (uint64_t)size;
	return 0;
}

/* Type, and what belongs to it. */
static int
set_type(struct layer_reader *r, struct layer_entry *entry,
    struct archive_entry *ae, struct err *e)
{
	const char *target = archive_entry_hardlink(ae);

	if (target != NULL)
		return set_hard_link(r, entry, target, e);
	switch (archive_entry_filetype(ae)) {
	case AE_IFREG:
		return set_file(r, entry, ae, e);
	case AE_IFDIR:
		entry->type = ENTRY_DIRECTORY;
		return 0;
	case AE_IFLNK:
		return set_symlink(r, entry, archive_entry_symlink(ae), e);
	case AE_IFCHR:
		return set_device(entry, ae, ENTRY_CHARDEV, e);
	case AE_IFBLK:
		return set_device(entry, ae, ENTRY_BLOCKDEV, e);
	case AE_IFIFO:
		entry->type = ENTRY_FIFO;
		return 0;
	default:
		return err_set(e, ERR_UNSUPPORTED, "unknown type of entry");
	}
}

/*
 * The header block of the entry that libarchive has just read: false when it
 * is not what stands in front of the content (sparse files have more there).
 */
static bool
find_block(const struct layer_reader *r, unsigned char block[TAR_BLOCK])
{
	uint64_t end = (uint64_t)archive_filter_bytes(r->archive, 0);
	uint64_t chunk_at = r->input_len - r->chunk_len;
	size_t len, i;
	uint64_t sum = 0, promised = 0;

	if (end > r->input_len || end < chunk_at)
		return false;
	len = end - chunk_at < TAR_BLOCK ? (size_t)(end - chunk_at) : TAR_BLOCK;
	memcpy(block, r->before + len, TAR_BLOCK - len);
	if (len > 0)
		memcpy(block + TAR_BLOCK - len,
		    r->chunk + (end - chunk_at) - len, len);
	for (i = 0; i < TAR_BLOCK; i++)
		sum += i >= SUM_AT && i < SUM_AT + NUMBER_LEN ? ' ' : block[i];
	read_octal(block + SUM_AT, &promised);
	return sum == promised;
}

/*
 * The permission bits, setuid, setgid and sticky of the header.  libarchive
 * lets the access list of a pax record (SCHILY.acl.access, as tar --acls
 * writes it) change them; clients do not know such records.
 */
static uint32_t
find_mode(const struct layer_reader *r, struct archive_entry *ae)
{
	unsigned char block[TAR_BLOCK];
	uint64_t mode = 0;

	if (!find_block(r, block))
		return archive_entry_perm(ae) & 07777;
	if ((block[MODE_AT] & 0x80) != 0) /* base 256 */
		mode = (uint64_t)block[MODE_AT + NUMBER_LEN - 2] << 8 |
		    block[MODE_AT + NUMBER_LEN - 1];
	else
		read_octal(block + MODE_AT, &mode);
	return mode & 07777;
}

static int
set_metadata(const struct layer_reader *r, struct layer_entry *entry,
    struct archive_entry *ae, struct err *e)
{
	la_int64_t uid = archive_entry_uid(ae), gid = archive_entry_gid(ae);
	int64_t mtime = archive_entry_mtime(ae);
	long nsec = archive_entry_mtime_nsec(ae);

	if (uid < 0 || gid < 0)
		return err_set(e, ERR_INVALID, "a negative owner");
	/* libarchive clamps what it cannot hold. */
	if (nsec < 0 || nsec > 999999999 || mtime <= -INT64_MAX ||
	    mtime == INT64_MAX)
		return err_set(e, ERR_INVALID, "an impossible time");
	entry->mode = find_mode(r, ae);
	entry->uid = (uint64_t)uid;
	entry->gid = (uint64_t)gid;
	entry->mtime = mtime;
	/* libarchive reads "-1.25" as -1 and 250000000; we mean -2 and
	 * 750000000. */
	if (entry->mtime < 0 && nsec > 0) {
		entry->mtime--;
		nsec = 1000000000 - nsec;
	}
	entry->mtime_nsec = (uint32_t)nsec;
	return 0;
}

/* Puts the xattr in its place by name; of equal names the first stays. */
static void
insert_xattr(struct layer_entry *entry, const struct layer_xattr *xattr)
{
	uint32_t i = entry->xattr_count;

	while (i > 0 && strcmp(entry->xattrs[i - 1].name, xattr->name) > 0)
		i--;
	if (i > 0 && strcmp(entry->xattrs[i - 1].name, xattr->name) == 0)
		return;
	memmove(&entry->xattrs[i + 1], &entry->xattrs[i],
	    (entry->xattr_count - i) * sizeof(*xattr));
	entry->xattrs[i] = *xattr;
	entry->xattr_count++;
}

/*
 * libarchive lists the last record of the archive first, and both forms
 * (SCHILY.xattr, LIBARCHIVE.xattr) of the same attribute.
 */
static int
set_xattrs(struct layer_reader *r, struct layer_entry *entry,
    struct archive_entry *ae, struct err *e)
{
	struct arena *arena = r->index->arena;
	int count = archive_entry_xattr_reset(ae);
	const void *value;
	const char *name;
	size_t len, total = 0;

	if (count == 0)
		return 0;
	if (count > LIMIT_XATTRS)
		return err_set(e, ERR_LIMIT, "more than %d extended attributes",
		    LIMIT_XATTRS);
	entry->xattrs =
	    arena_zalloc(arena, (size_t)count, sizeof(*entry->xattrs));
	while (
	    archive_entry_xattr_next(ae, &name, &value, &len) == ARCHIVE_OK) {
		struct layer_xattr xattr;

		if (name == NULL || name[0] == '\0')
			return err_set(e, ERR_INVALID,
			    "an extended attribute without a name");
		if (strlen(name) > LIMIT_XATTR_NAME)
			return err_set(e, ERR_LIMIT,
			    "an extended attribute's name is longer than %d "
			    "bytes",
			    LIMIT_XATTR_NAME);
		total += len;
		if (total > LIMIT_XATTRS_SIZE)
			return err_set(e, ERR_LIMIT,
			    "extended attributes of more than %d bytes",
			    LIMIT_XATTRS_SIZE);
		xattr.name = arena_strndup(arena, name, strlen(name));
		xattr.value = arena_strndup(arena, value, len);
		xattr.value_len = (uint32_t)len;
		insert_xattr(entry, &xattr);
	}
	return 0;
}

int
layer_read_header(struct layer_reader *r, struct layer_entry *entry,
    struct archive_entry *ae, struct err *e)
{
	if (set_type(r, entry, ae, e) == -1)
		return -1;
	if (entry->path[0] == '\0' && entry->type != ENTRY_DIRECTORY)
		return err_set(e, ERR_INVALID,
		    "the root is not a directory but a %s",
		    entry_type_name(entry->type));
	/* A whiteout has none. */
	if (entry->type == ENTRY_WHITEOUT)
		return 0;
	if (set_metadata(r, entry, ae, e) == -1)
		return -1;
	return set_xattrs(r, entry, ae, e);
}
