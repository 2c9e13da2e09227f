/*
 * fixture: trees for tests, from tables of entries.
 */
#ifndef WINNOW_TESTS_FIXTURE_H
#define WINNOW_TESTS_FIXTURE_H

#include "winnow/tree.h"

struct fixture_entry {
	enum entry_type type;
	const char *path;
	uint32_t mode; /* 0: 0755 for directories, else 0644 */
	const char *link; /* of links */
	const char *content; /* of files; "#!..." makes a script */
	const char *xattr; /* a name, or NULL */
	const char *xattr_value; /* NULL: four zeros */
	uint32_t xattr_len;
	const struct elf_facts *elf; /* borrowed */
	uint32_t marks;
	uint64_t size; /* of a file whose content no index has */
	const char *calls; /* of scripts */
};

/* One layer of `count` entries, in memory; fixture_free_layer() it. */
struct layer_index *
fixture_layer(const struct fixture_entry *entries, size_t count);
void fixture_free_layer(struct layer_index *layer);

/* A finished tree of one layer. */
struct tree *fixture_tree(const struct layer_index *layer);

/* The node at `path`, which must be there; a link at the end is itself. */
struct tree_node *fixture_node(const struct tree *t, const char *path);

/* kept[] with the nodes at these paths (a NULL ends them) and their parents. */
bool *fixture_keep(const struct tree *t, const char *const *paths);

#endif
