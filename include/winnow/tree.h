/*
 * tree: the merged filesystem of an image's layers, whiteouts applied.
 *
 * Built by adding layer indexes, lowest first, then finished: children are
 * sorted and numbered in canonical order.  Nodes borrow from the indexes,
 * which must outlive the tree.  A finished tree is never changed.
 */
#ifndef WINNOW_TREE_H
#define WINNOW_TREE_H

#include "winnow/glob.h"
#include "winnow/layer_index.h"

struct tree_node {
	struct tree_node *parent; /* NULL: the root */
	struct tree_node *first; /* children, in canonical order */
	struct tree_node *next; /* sibling */
	const char *name; /* borrowed; name_len bytes */
	uint32_t name_len;
	uint32_t number; /* position in canonical order, root 0; an index for
			    arrays of tree_count() */
	/* The visible entry; for a hard link, the file it leads to, so that a
	 * group of hard links is the nodes with one `entry`.  NULL: a directory
	 * that no layer has an entry for (0755, root, time 0). */
	const struct layer_entry *entry;
	uint32_t layer; /* whose layer `entry` is of */
	uint32_t links; /* visible names of `entry` */
	/* For directories: the entries that `entry` replaced, newest first. */
	struct tree_version *older;
};

struct tree_version {
	const struct layer_entry *entry;
	uint32_t layer;
	struct tree_version *older;
};

struct tree;

struct tree *tree_new(void);
void tree_free(struct tree *t);

AUTO_DEFINE(tree, tree_free)
#define auto_tree __attribute__((cleanup(auto_tree_cleanup)))

/*
 * Merges the next layer (image-spec layer.md, "Applying Changesets"): within
 * it the last entry of a path wins and whiteouts hide lower layers only.
 * ERR_INVALID names an entry that cannot be merged (a hard link to nothing);
 * then the tree is good for tree_free() only.
 */
int
tree_add_layer(struct tree *t, const struct layer_index *index, struct err *e);

/* Sorts and numbers. */
void tree_finish(struct tree *t);

uint32_t tree_count(const struct tree *t);
uint32_t tree_layers(const struct tree *t);
struct tree_node *tree_root(const struct tree *t);
/* The node with this number. */
struct tree_node *tree_at(const struct tree *t, uint32_t number);
/* The child of that name, or NULL. */
struct tree_node *tree_child(const struct tree *t, const struct tree_node *dir,
    const char *name, size_t len);

/* ENTRY_DIRECTORY for a node without an entry. */
enum entry_type tree_node_type(const struct tree_node *n);

/* Writes the node's path (no leading slash) over `out`. */
void tree_node_path(const struct tree_node *n, struct strbuf *out);
/* Appends it for messages: with a leading slash, escaped (path.h). */
void tree_show_path(const struct tree_node *n, struct strbuf *out);

/*
 * Resolves a path as the kernel would inside the root: every symbolic link on
 * the way is followed, absolute ones from the root, `..` clamped, at most
 * LIMIT_SYMLINK_HOPS.  Relative paths start at `from`, NULL means the root.
 * TREE_NOFOLLOW leaves a link at the end alone.  NULL when it leads nowhere.
 * `visit`, if given, is called with each link that was passed through, and
 * once with every directory or file on the way, in order; not with the start,
 * and also on a way that then leads nowhere.
 */
enum { TREE_NOFOLLOW = 1 };
struct tree_node *tree_resolve(const struct tree *t,
    const struct tree_node *from, const char *path, unsigned flags,
    void (*visit)(void *arg, struct tree_node *n), void *arg);

/* What a node is behind symbolic links: itself, or NULL for a dead link. */
struct tree_node *tree_follow(const struct tree *t, const struct tree_node *n);

/*
 * Calls `found` with every node that a pattern names, in order per
 * alternative: as the kernel does, a literal prefix follows symbolic links;
 * the rest is matched below where it leads, and enters none.  Where there is
 * no rest, a link is the node itself.  A node that several alternatives name
 * is found as often.
 */
struct tree_match {
	struct tree_node *node;
	bool literal; /* the alternative is without wildcards */
	/* Symbolic links that its prefix led through; of this call. */
	struct tree_node *const *links;
	size_t link_count;
};
void tree_match(const struct tree *t, const struct glob *g,
    void (*found)(void *arg, const struct tree_match *m), void *arg);

/* Contents that the index holds (layer_index_wants_content()), or NULL. */
const char *tree_content(const struct tree *t, const char *path, size_t *len);

#endif
