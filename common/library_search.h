/*
 * library_search: library names looked up in directories of the tree, with
 * glibc-hwcaps, every answer remembered.
 */
#ifndef WINNOW_LIBRARY_SEARCH_H
#define WINNOW_LIBRARY_SEARCH_H

#include "idmap.h"
#include "intern.h"
#include "loader.h"

/* A file that the loader would open, by which path; borrowed. */
struct library_hit {
	struct tree_node *node;
	const char *path;
};

/* What ld.so.cache says of a name; the next entry of that name, or 0. */
struct library_cached {
	const char *path; /* borrowed from the strings */
	bool variant;
	uint32_t next;
};

/*
 * What a name leads to: the library that every CPU gets first, if `found`,
 * then those that some CPUs get instead.
 */
struct library_hits {
	struct library_hit *items;
	size_t count;
	size_t capacity;
	bool found;
	/* The loader would not have found it without its configuration. */
	bool configured;
};

/* Lookups for one loader. */
struct library_search {
	const struct tree *tree; /* borrowed */
	const struct loader *loader; /* borrowed */
	struct intern *strings; /* borrowed: names and paths */
	struct idmap dir_numbers; /* by path's string number */
	struct library_dir *dirs;
	size_t dir_count;
	size_t dir_capacity;
	struct idmap lookups; /* dir, name -> hits[] + 1, 0 for none */
	struct library_hit *hits;
	size_t hit_count;
	size_t hit_capacity;
	uint32_t *standard; /* the loader's own directories */
	/* ld.so.cache: the numbers of first entries by name's string number;
	 * entry 0 is none. */
	struct idmap cache_names;
	struct library_cached *cached;
	size_t cached_count; /* 0: the image has no cache */
	size_t cached_capacity;
};

void library_search_init(struct library_search *s, const struct tree *t,
    const struct loader *l, struct intern *strings);
void library_search_clear(struct library_search *s);

/* The number of the directory with this absolute path. */
uint32_t
library_search_dir(struct library_search *s, const char *path, size_t len);

/* Adds what the one path, taken as it stands, leads to. */
void library_search_path(
    struct library_search *s, const char *path, struct library_hits *out);

/*
 * Looks in the directories in turn for `name` (a string number) until it is
 * found for every CPU.  Adds to `out`.
 */
void library_search_dirs(struct library_search *s, const uint32_t *dirs,
    size_t count, uint32_t name, struct library_hits *out);

/*
 * Looks where ld.so.cache and the built-in directories would lead.
 * `nodefaultlib`: not into built-in directories (DF_1_NODEFLIB).
 */
void library_search_standard(struct library_search *s, uint32_t name,
    bool nodefaultlib, struct library_hits *out);

#endif
