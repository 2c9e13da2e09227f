#include "winnow/layer_index.h"

#include <string.h>

#include "winnow/mem.h"

struct layer_index *
layer_index_new(void)
{
	struct layer_index *index = mem_zalloc(1, sizeof(*index));

	index->arena = arena_new();
	return index;
}

struct layer_entry *
layer_index_add(struct layer_index *index)
{
	struct layer_entry *entry;

	index->entries = mem_grow(index->entries, index->count,
	    &index->capacity, sizeof(*index->entries));
	entry = &index->entries[index->count++];
	memset(entry, 0, sizeof(*entry));
	return entry;
}

void
layer_index_free(struct layer_index *index)
{
	if (index == NULL)
		return;
	arena_free(index->arena);
	free(index->entries);
	free(index->warnings);
	free(index->text);
	free(index);
}

const char *
entry_type_name(enum entry_type type)
{
	static const char *const names[ENTRY_TYPES] = {
	    [ENTRY_FILE] = "file",
	    [ENTRY_DIRECTORY] = "directory",
	    [ENTRY_SYMLINK] = "symbolic link",
	    [ENTRY_HARDLINK] = "hard link",
	    [ENTRY_CHARDEV] = "character device",
	    [ENTRY_BLOCKDEV] = "block device",
	    [ENTRY_FIFO] = "FIFO",
	    [ENTRY_WHITEOUT] = "whiteout",
	    [ENTRY_OPAQUE] = "opaque whiteout",
	};

	return type < ENTRY_TYPES ? names[type] : "unknown";
}

/* True when `path` is directly in `dir` and its name fits the affixes. */
static bool
is_named_in(
    const char *path, const char *dir, const char *prefix, const char *suffix)
{
	size_t dir_len = strlen(dir), prefix_len = strlen(prefix);
	size_t suffix_len = strlen(suffix), len;
	const char *name = path + dir_len;

	/* Of nearly all paths this is all that is looked at. */
	if (strncmp(path, dir, dir_len) != 0)
		return false;
	len = strlen(name);
	return strchr(name, '/') == NULL && len > prefix_len + suffix_len &&
	    memcmp(name, prefix, prefix_len) == 0 &&
	    strcmp(name + len - suffix_len, suffix) == 0;
}

bool
layer_index_wants_content(const char *path)
{
	static const char *const files[] = {
	    "etc/group",
	    "etc/ld.so.cache",
	    "etc/ld.so.conf",
	    "etc/ld.so.preload",
	    "etc/os-release",
	    "etc/nsswitch.conf",
	    "etc/passwd",
	    "etc/shadow",
	    "etc/shadow-",
	    "lib/apk/db/installed",
	    "usr/lib/apk/db/installed",
	    "usr/lib/os-release",
	    "var/lib/dpkg/status",
	};
	static const struct {
		const char *dir, *prefix, *suffix;
	} groups[] = {
	    {"etc/", "ld-musl-", ".path"},
	    {"etc/ld.so.conf.d/", "", ".conf"},
	    {"var/lib/dpkg/info/", "", ".list"},
	    {"var/lib/dpkg/info/", "", ".md5sums"},
	    {"var/lib/dpkg/status.d/", "", ""},
	};
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (strcmp(path, files[i]) == 0)
			return true;
	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (is_named_in(path, groups[i].dir, groups[i].prefix,
			groups[i].suffix))
			return true;
	return false;
}
