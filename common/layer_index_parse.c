/*
 * Parses the form that layer_index_format.c describes.  Nothing of it is
 * trusted: a worker that read a hostile layer wrote it.  What is allocated is
 * a small multiple of the input, since every element of an array takes bytes
 * of it.
 */
#include <endian.h>
#include <string.h>

#include "layer_index_bytes.h"
#include "script_calls.h"
#include "winnow/layer_index.h"
#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/path.h"

/* The least bytes of a string, an xattr and a dlopen note. */
#define STRING_BYTES_MIN 5
#define XATTR_BYTES_MIN 10
#define DLOPEN_BYTES_MIN 6

/* What is left to parse; `failed` stays set, and numbers read 0 then. */
struct parser {
	char *next;
	size_t left;
	bool failed;
	struct arena *arena;
};

static uint64_t
get_number(struct parser *p, size_t bytes)
{
	uint64_t value = 0;

	if (p->failed || p->left < bytes) {
		p->failed = true;
		return 0;
	}
	memcpy(&value, p->next, bytes);
	p->next += bytes;
	p->left -= bytes;
	return le64toh(value);
}

static uint32_t
get_u32(struct parser *p)
{
	return (uint32_t)get_number(p, 4);
}

static bool
get_flag(struct parser *p)
{
	uint64_t value = get_number(p, 1);

	if (value > 1)
		p->failed = true;
	return value == 1 && !p->failed;
}

/* Bytes with a NUL behind them, in place; "" after a failure. */
static char *
get_bytes(struct parser *p, size_t *len)
{
	size_t count = get_u32(p);
	char *bytes = p->next;

	*len = 0;
	if (p->failed || count >= p->left || bytes[count] != '\0') {
		p->failed = true;
		return NULL;
	}
	p->next += count + 1;
	p->left -= count + 1;
	*len = count;
	return bytes;
}

static char *
get_string(struct parser *p)
{
	size_t len;
	char *s = get_bytes(p, &len);

	if (s != NULL && strlen(s) != len)
		p->failed = true;
	return s;
}

static char *
get_optional_string(struct parser *p)
{
	return get_flag(p) ? get_string(p) : NULL;
}

/* A count of elements that take at least `bytes` bytes each. */
static uint32_t
get_count(struct parser *p, size_t bytes, uint32_t max)
{
	uint32_t count = get_u32(p);

	if (count > max || count > p->left / bytes) {
		p->failed = true;
		return 0;
	}
	return count;
}

static char **
get_strings(struct parser *p, size_t *count)
{
	size_t i, n = get_count(p, STRING_BYTES_MIN, LIMIT_ELF_NEEDED);
	char **strings;

	*count = n;
	if (n == 0)
		return NULL;
	strings = arena_zalloc(p->arena, n, sizeof(*strings));
	for (i = 0; i < n; i++)
		strings[i] = get_string(p);
	return strings;
}

static void
get_dlopens(struct parser *p, struct elf_facts *facts)
{
	size_t i, n = get_count(p, DLOPEN_BYTES_MIN, LIMIT_ELF_NEEDED);

	if (n == 0)
		return;
	facts->dlopens = arena_zalloc(p->arena, n, sizeof(*facts->dlopens));
	facts->dlopen_count = n;
	for (i = 0; i < n; i++) {
		struct elf_dlopen *d = &facts->dlopens[i];
		uint64_t priority = get_number(p, 1);

		if (priority > ELF_SUGGESTED)
			p->failed = true;
		d->priority = (enum elf_priority)priority;
		d->feature = get_optional_string(p);
		d->sonames = get_strings(p, &d->count);
	}
}

static struct elf_facts *
get_elf(struct parser *p)
{
	struct elf_facts *facts = arena_zalloc(p->arena, 1, sizeof(*facts));
	uint64_t flags;

	facts->bits = (uint8_t)get_number(p, 1);
	flags = get_number(p, 1);
	facts->big_endian = (flags & LAYER_ELF_BIG_ENDIAN) != 0;
	facts->dynamic = (flags & LAYER_ELF_DYNAMIC) != 0;
	facts->nodefaultlib = (flags & LAYER_ELF_NODEFAULTLIB) != 0;
	facts->uses_iconv = (flags & LAYER_ELF_ICONV) != 0;
	facts->uses_locale = (flags & LAYER_ELF_LOCALE) != 0;
	facts->osabi = (uint8_t)get_number(p, 1);
	facts->machine = (uint16_t)get_number(p, 2);
	facts->type = (uint16_t)get_number(p, 2);
	facts->flags = get_u32(p);
	facts->interpreter = get_optional_string(p);
	facts->soname = get_optional_string(p);
	facts->rpath = get_optional_string(p);
	facts->runpath = get_optional_string(p);
	facts->needed = get_strings(p, &facts->needed_count);
	get_dlopens(p, facts);
	if ((facts->bits != 32 && facts->bits != 64) || flags > LAYER_ELF_FLAGS)
		p->failed = true;
	return facts;
}

/* Names are not empty and rise. */
static void
get_xattrs(struct parser *p, struct layer_entry *entry)
{
	uint32_t i, n = get_count(p, XATTR_BYTES_MIN, LIMIT_XATTRS);
	size_t total = 0, len;

	if (n == 0)
		return;
	entry->xattrs = arena_zalloc(p->arena, n, sizeof(*entry->xattrs));
	entry->xattr_count = n;
	for (i = 0; i < n && !p->failed; i++) {
		struct layer_xattr *x = &entry->xattrs[i];

		x->name = get_string(p);
		x->value = get_bytes(p, &len);
		x->value_len = (uint32_t)len;
		total += len;
		if (p->failed || x->name[0] == '\0' ||
		    total > LIMIT_XATTRS_SIZE ||
		    (i > 0 && strcmp(x[-1].name, x->name) >= 0))
			p->failed = true;
	}
}

static bool
is_normalized(const char *path)
{
	const char *cursor = path, *name, *end = path;
	size_t len;

	while ((name = path_next(&cursor, &len)) != NULL) {
		/* One slash between components, none before the first. */
		if (name != (end == path ? path : end + 1))
			return false;
		if (len > LIMIT_COMPONENT || (len == 1 && name[0] == '.') ||
		    (len == 2 && name[0] == '.' && name[1] == '.'))
			return false;
		end = name + len;
	}
	return *end == '\0' && end - path <= LIMIT_PATH;
}

static bool
is_link_valid(const struct layer_entry *entry)
{
	if (entry->type == ENTRY_SYMLINK)
		return entry->link != NULL && entry->link[0] != '\0' &&
		    strlen(entry->link) <= LIMIT_PATH;
	if (entry->type == ENTRY_HARDLINK)
		return entry->link != NULL && entry->link[0] != '\0' &&
		    is_normalized(entry->link);
	return entry->link == NULL;
}

/* What only files have is with files, and so on. */
static bool
is_entry_valid(const struct layer_entry *entry)
{
	bool is_file = entry->type == ENTRY_FILE;
	bool is_device =
	    entry->type == ENTRY_CHARDEV || entry->type == ENTRY_BLOCKDEV;

	if (entry->type >= ENTRY_TYPES || entry->mode > 07777 ||
	    entry->mtime_nsec > 999999999 || entry->size > LIMIT_LAYER_SIZE)
		return false;
	if (!is_normalized(entry->path) || !is_link_valid(entry))
		return false;
	if (entry->path[0] == '\0' && entry->type != ENTRY_DIRECTORY &&
	    entry->type != ENTRY_OPAQUE)
		return false;
	if (!is_file &&
	    (entry->size != 0 || entry->script != NULL || entry->marks != 0 ||
		entry->content != NULL || entry->elf != NULL))
		return false;
	if (entry->marks >= MARK_BIT(MARKS))
		return false;
	if (entry->calls != NULL &&
	    (entry->script == NULL || !script_calls_are_valid(entry->calls)))
		return false;
	if (entry->content != NULL && entry->content_len != entry->size)
		return false;
	return is_device || (entry->dev_major == 0 && entry->dev_minor == 0);
}

static void
get_entry(struct parser *p, struct layer_entry *entry)
{
	size_t content_len = 0;

	entry->type = (enum entry_type)get_number(p, 1);
	entry->mode = get_u32(p);
	entry->uid = get_number(p, 8);
	entry->gid = get_number(p, 8);
	entry->size = get_number(p, 8);
	entry->mtime = (int64_t)get_number(p, 8);
	entry->mtime_nsec = get_u32(p);
	entry->dev_major = get_u32(p);
	entry->dev_minor = get_u32(p);
	entry->ordinal = get_u32(p);
	entry->marks = get_u32(p);
	entry->path = get_string(p);
	entry->link = get_optional_string(p);
	entry->script = get_optional_string(p);
	entry->calls = get_optional_string(p);
	if (get_flag(p))
		entry->content = get_bytes(p, &content_len);
	entry->content_len = content_len;
	get_xattrs(p, entry);
	if (get_flag(p))
		entry->elf = get_elf(p);
}

static int
get_entries(
    struct parser *p, struct layer_index *index, uint32_t count, struct err *e)
{
	uint32_t i;

	index->entries = mem_zalloc(count, sizeof(*index->entries));
	index->capacity = index->count = count;
	for (i = 0; i < count; i++) {
		struct layer_entry *entry = &index->entries[i];

		get_entry(p, entry);
		if (p->failed || !is_entry_valid(entry))
			return err_set(e, ERR_INVALID,
			    "entry %u of the layer index is malformed", i);
	}
	if (p->left > 0)
		return err_set(e, ERR_INVALID,
		    "the layer index has %zu bytes too many", p->left);
	return 0;
}

static int
get_head(
    struct parser *p, const char **warnings, uint32_t *count, struct err *e)
{
	uint32_t version;

	if (p->left < LAYER_INDEX_MAGIC_LEN ||
	    memcmp(p->next, LAYER_INDEX_MAGIC, LAYER_INDEX_MAGIC_LEN) != 0)
		return err_set(e, ERR_INVALID, "not a layer index");
	p->next += LAYER_INDEX_MAGIC_LEN;
	p->left -= LAYER_INDEX_MAGIC_LEN;
	version = get_u32(p);
	if (!p->failed && version != LAYER_INDEX_VERSION)
		return err_set(e, ERR_UNSUPPORTED,
		    "layer index of version %u instead of %d", version,
		    LAYER_INDEX_VERSION);
	*count = get_u32(p);
	*warnings = get_string(p);
	if (p->failed || *count > LIMIT_LAYER_ENTRIES ||
	    *count > p->left / LAYER_ENTRY_BYTES_MIN)
		return err_set(
		    e, ERR_INVALID, "the layer index's head is malformed");
	return 0;
}

int
layer_index_parse(
    char **data, size_t len, struct layer_index **out, struct err *e)
{
	auto_layer_index struct layer_index *index = layer_index_new();
	struct parser p = {*data, len, false, index->arena};
	const char *warnings = NULL;
	uint32_t count = 0;

	index->text = steal(data);
	if (len > LIMIT_LAYER_INDEX_SIZE)
		return err_set(e, ERR_LIMIT, "a layer index of %zu bytes", len);
	if (get_head(&p, &warnings, &count, e) == -1 ||
	    get_entries(&p, index, count, e) == -1)
		return -1;
	if (warnings[0] != '\0')
		index->warnings = mem_strdup(warnings);
	*out = steal(&index);
	return 0;
}
