/*
 * tree_private: what tree.c, tree_merge.c and tree_resolve.c share.
 *
 * While layers are merged a node's `links` only says whether the node is in
 * the tree (1) or was taken out (0), `number` is scratch, children are in no
 * order, and a hard link whose target is not known yet has its own
 * ENTRY_HARDLINK as `entry`.  tree_finish() gives all their final meaning.
 */
#ifndef WINNOW_TREE_PRIVATE_H
#define WINNOW_TREE_PRIVATE_H

#include "winnow/limits.h"
#include "winnow/tree.h"

struct tree {
	struct tree_node **blocks; /* of NODES_PER_BLOCK each */
	size_t block_count;
	size_t block_capacity;
	uint32_t used; /* nodes handed out */

	struct tree_slot *slots; /* (parent, name) -> node */
	uint32_t slot_count; /* a power of two */
	uint32_t slots_used;
	uint64_t seed;

	struct tree_node *root;
	struct tree_node **order; /* by number, after tree_finish() */
	uint32_t count;
	uint32_t layers;

	/* Entries with several names, with repetitions. */
	const struct layer_entry **shared;
	size_t shared_count;
	size_t shared_capacity;
};

/* The node's child, or NULL; in any state of the tree. */
struct tree_node *tree_lookup(const struct tree *t, const struct tree_node *dir,
    const char *name, size_t len);

/*
 * A new child of `dir`, which must have none of that name.  Borrows `name`.
 */
struct tree_node *tree_insert(
    struct tree *t, struct tree_node *dir, const char *name, size_t len);

/* Notes that `entry` may have several names. */
void tree_share(struct tree *t, const struct layer_entry *entry);

/*
 * The components of a path with those of the symbolic links on it, without
 * copying: a stack of places where to go on.
 */
struct tree_walk {
	const char *rest[LIMIT_SYMLINK_HOPS + 1];
	unsigned depth;
	unsigned hops;
};

void tree_walk_init(struct tree_walk *w, const char *path);

/* The next component, or NULL at the end. */
const char *tree_walk_next(struct tree_walk *w, size_t *len);

/* Goes on with a link's target.  -1 past LIMIT_SYMLINK_HOPS. */
int tree_walk_follow(struct tree_walk *w, const char *target);

#endif
