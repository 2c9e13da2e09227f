/*
 * layer_index: what one layer holds, without its contents.
 *
 * A layer index is read from a layer (layer_index_read), kept for long,
 * keyed by the layer's digest, and merged with others into a tree.  The same
 * structure, with entries in canonical order and contents named by ordinal
 * or held inline, says what a derived layer consists of (a *layer plan*; see
 * layer_emit.h).  Serialized indexes come from a worker: layer_index_parse()
 * checks everything.
 */
#ifndef WINNOW_LAYER_INDEX_H
#define WINNOW_LAYER_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "winnow/arena.h"
#include "winnow/auto.h"
#include "winnow/elf.h"
#include "winnow/err.h"
#include "winnow/inflate.h"
#include "winnow/marks.h"
#include "winnow/spool.h"
#include "winnow/strbuf.h"

/* Changes whenever the serialized form, or what is read, changes. */
#define LAYER_INDEX_VERSION 9

enum entry_type {
	ENTRY_FILE,
	ENTRY_DIRECTORY,
	ENTRY_SYMLINK,
	ENTRY_HARDLINK, /* `link` is the other name, in the same layer */
	ENTRY_CHARDEV,
	ENTRY_BLOCKDEV,
	ENTRY_FIFO,
	ENTRY_WHITEOUT, /* `path` is the removed name, without ".wh." */
	ENTRY_OPAQUE, /* `path` is the directory whose lower contents go */
	ENTRY_TYPES
};

/* No content in the source layer; in a plan: see `content`. */
#define LAYER_NO_ORDINAL UINT32_MAX

struct layer_xattr {
	char *name; /* "security.capability" */
	void *value;
	uint32_t value_len;
};

struct layer_entry {
	enum entry_type type;
	uint32_t mode; /* permission bits and setuid, setgid, sticky: 07777 */
	uint64_t uid;
	uint64_t gid;
	uint64_t size; /* of files */
	int64_t mtime; /* seconds since 1970 */
	uint32_t mtime_nsec;
	uint32_t dev_major; /* of devices */
	uint32_t dev_minor;
	uint32_t ordinal; /* position in the archive; names the content */
	char *path; /* normalized (path.h); "" is the root */
	char *link; /* symlink: the target, as it stands; hard link: the
		       normalized other name; else NULL */
	struct layer_xattr *xattrs; /* sorted by name */
	uint32_t xattr_count;
	struct elf_facts *elf; /* of ELF executables and libraries */
	uint32_t marks; /* of files: MARK_BIT()s, what its content says it is */
	char *script; /* what follows "#!" on the first line, or NULL */
	char *calls; /* of executable shell scripts: the programs that they
			call (script_calls.h), or NULL */
	char *content; /* small files that the pipeline reads itself
			  (layer_index_wants_content()), and contents
			  that a plan replaces; else NULL */
	uint64_t content_len; /* equals `size` */
};

/*
 * What the entries point to is never freed by itself: it lies in `arena`, or
 * is borrowed from something that outlives the index.  So an entry of one
 * index may be copied into another (a plan) by assignment, as long as the
 * first one stays.
 */
struct layer_index {
	struct layer_entry *entries;
	uint32_t count;
	size_t capacity; /* of `entries` */
	struct arena *arena;
	/* What could not be read of the layer but does not stop us: one text
	 * per line ("usr/lib/x.so: not a usable ELF file: ..."); or NULL. */
	char *warnings;
	char *text; /* what it was parsed from, and points into; or NULL */
};

/* Which contents to spool while a layer is read. */
enum spool_want {
	SPOOL_NO,
	SPOOL_YES,
	SPOOL_IF_LIKELY, /* if others can need it: small, or a library */
};
struct spool_filter {
	enum spool_want (*want)(void *arg, const struct layer_entry *entry);
	void *arg;
};

/*
 * Reads a layer: its entries in archive order, duplicates included (merging
 * lets the last win).  `spool` gets the contents that `filter` wants and may
 * be NULL with it.  Verifies the blob's digest before it succeeds.
 * ERR_INVALID "not a tar archive", ERR_LIMIT, ERR_DIGEST and so on, each
 * naming the entry; the caller adds the layer's digest.
 */
int layer_index_read(const struct blob_source *source,
    const struct spool_filter *filter, struct spool *spool,
    struct layer_index **out, struct err *e);

/* Has the C library read the files that layer_index_read() will need. */
void layer_read_prepare(void);

/*
 * True for the files whose contents the index itself holds: package
 * databases and lists, ld.so.cache, ld.so.conf and its parts, ld.so.preload,
 * musl's path files, passwd, group and shadow, nsswitch.conf, os-release.
 */
bool layer_index_wants_content(const char *path);

/*
 * The serialized form, appended; and back.  The format is little-endian.
 * Parsing takes *data, of malloc(), in any case and leaves NULL there.
 */
void layer_index_format(const struct layer_index *index, struct strbuf *out);
/* The same to an empty file; ERR_LIMIT past LIMIT_LAYER_INDEX_SIZE. */
int layer_index_write(const struct layer_index *index, int fd, struct err *e);
int layer_index_parse(
    char **data, size_t len, struct layer_index **out, struct err *e);

/*
 * A new empty index, and room for one more zeroed entry in it: valid until
 * the next one is added.  Its strings come from index->arena or are borrowed.
 */
struct layer_index *layer_index_new(void);
struct layer_entry *layer_index_add(struct layer_index *index);
void layer_index_free(struct layer_index *index);

AUTO_DEFINE(layer_index, layer_index_free)
#define auto_layer_index __attribute__((cleanup(auto_layer_index_cleanup)))

/* The field's name of a type ("file", "directory", "hard link"). */
const char *entry_type_name(enum entry_type type);

#endif
