/*
 * tree_merge: one more layer over the tree, as clients unpack it over an
 * overlay filesystem (image-spec layer.md, "Applying Changesets").
 *
 * Whiteouts and opaque markers come first, so that they hide lower layers
 * only.  Then entries, in the order of the archive.  A link whose target is
 * not there yet waits until the layer's last entry.
 *
 * Where the specification is silent, docker's overlay2 and containerd's
 * overlayfs agree, since both unpack a layer into a directory of its own:
 * a symbolic link of the same layer is followed as a parent, inside the root
 * (containerd: fs.RootPath); a lower layer's link or file in the place of a
 * parent is replaced by a directory; a file of the same layer there is an
 * error.
 */
#include <stdlib.h>
#include <string.h>

#include "intern.h"
#include "tree_private.h"
#include "winnow/mem.h"
#include "winnow/path.h"
#include "winnow/tree.h"

/* In `number` of a hard link whose target is being looked for. */
#define ON_CHAIN UINT32_MAX

struct merge {
	struct tree *t;
	uint32_t layer;
	const struct layer_entry *entry; /* the one being added */
	struct tree_walk walk; /* on the way to it */

	/* The directory of the entry before, by its name in that entry. */
	const char *dir_path;
	size_t dir_len;
	struct tree_node *dir;

	struct intern hidden; /* the paths of this layer's whiteouts */

	struct tree_node **pending; /* hard links without a target */
	size_t pending_count;
	size_t pending_capacity;
	struct tree_node **chain; /* links that lead to each other */
	size_t chain_count;
	size_t chain_capacity;
};

/* "PATH: TEXT OTHER", with escaped names. */
static int
refuse(struct err *e, const char *path, const char *text, const char *other)
{
	auto_strbuf struct strbuf a, b;

	strbuf_init(&a, LIMIT_PATH * 4);
	strbuf_init(&b, LIMIT_PATH * 4);
	path_escape(path, &a);
	path_escape(other, &b);
	return err_set(e, ERR_INVALID, "%s: %s %s", strbuf_string(&a), text,
	    strbuf_string(&b));
}

/* A raw overlayfs whiteout, 0:0, is one on every client as well. */
static bool
is_whiteout(const struct layer_entry *entry)
{
	return entry->type == ENTRY_WHITEOUT ||
	    (entry->type == ENTRY_CHARDEV && entry->dev_major == 0 &&
		entry->dev_minor == 0);
}

/* Takes the node, and so all below it, out of the tree. */
static void
kill_node(struct merge *m, struct tree_node *n)
{
	n->links = 0;
	m->dir = NULL;
}

/* The node at a path as it stands, links not followed; or NULL. */
static struct tree_node *
find_literal(const struct tree *t, const char *path)
{
	struct tree_node *n = t->root;
	const char *name;
	size_t len;

	while (n != NULL && (name = path_next(&path, &len)) != NULL)
		n = tree_lookup(t, n, name, len);
	return n;
}

static void
hide_lower(struct merge *m, const struct layer_entry *entry)
{
	struct tree_node *n = find_literal(m->t, entry->path), *child;

	if (entry->type != ENTRY_OPAQUE)
		intern_add(&m->hidden, entry->path, strlen(entry->path));
	if (n == NULL)
		return;
	if (entry->type == ENTRY_OPAQUE) {
		for (child = n->first; child != NULL; child = child->next)
			kill_node(m, child);
		n->first = NULL;
	} else if (n != m->t->root) {
		kill_node(m, n);
	}
}

static struct tree_node *
new_node(struct merge *m, struct tree_node *dir, const char *name, size_t len)
{
	struct tree_node *n = tree_insert(m->t, dir, name, len);

	n->layer = m->layer;
	return n;
}

/*
 * From the directory `dir` into the component `name` on the way to the entry:
 * the directory there, made if need be, or the start of the link there, with
 * which the walk then goes on.
 */
static struct tree_node *
enter(struct merge *m, struct tree_node *dir, const char *name, size_t len,
    struct err *e)
{
	struct tree_node *n;

	if (len == 1 && name[0] == '.')
		return dir;
	if (len == 2 && memcmp(name, "..", 2) == 0)
		return dir->parent == NULL ? dir : dir->parent;
	n = tree_lookup(m->t, dir, name, len);
	if (n == NULL)
		return new_node(m, dir, name, len);
	if (tree_node_type(n) == ENTRY_DIRECTORY)
		return n;
	if (n->layer != m->layer) {
		kill_node(m, n);
		return new_node(m, dir, name, len);
	}
	if (n->entry->type == ENTRY_SYMLINK && n->entry->link != NULL) {
		if (tree_walk_follow(&m->walk, n->entry->link) == 0)
			return n->entry->link[0] == '/' ? m->t->root : dir;
		refuse(e, m->entry->path, "too many symbolic links at",
		    n->entry->path);
		return NULL;
	}
	refuse(e, m->entry->path,
	    "its parent is not a directory:", n->entry->path);
	return NULL;
}

/*
 * The directory at the entry's path, or with `parent` the one that holds it;
 * made where it is missing.  NULL with *e.
 */
static struct tree_node *
make_dirs(struct merge *m, const struct layer_entry *entry, bool parent,
    struct err *e)
{
	struct tree_node *n = m->t->root;
	struct tree_walk *w = &m->walk;
	const char *name;
	size_t len;

	m->entry = entry;
	tree_walk_init(w, entry->path);
	while ((name = tree_walk_next(w, &len)) != NULL) {
		if (parent && w->depth == 0 && *w->rest[0] == '\0')
			break;
		n = enter(m, n, name, len, e);
		if (n == NULL)
			return NULL;
	}
	return n;
}

/* make_dirs() of the parent; archives go directory by directory. */
static struct tree_node *
parent_of(struct merge *m, const struct layer_entry *entry, struct err *e)
{
	size_t len = (size_t)(path_base(entry->path) - entry->path);

	if (m->dir != NULL && len == m->dir_len &&
	    memcmp(m->dir_path, entry->path, len) == 0)
		return m->dir;
	m->dir = make_dirs(m, entry, true, e);
	m->dir_path = entry->path;
	m->dir_len = len;
	return m->dir;
}

/* Directory over directory: new attributes, the children stay. */
static void
update_dir(
    struct merge *m, struct tree_node *n, const struct layer_entry *entry)
{
	if (n->entry != NULL && n->layer != m->layer) {
		struct tree_version *v = mem_alloc(sizeof(*v));

		v->entry = n->entry;
		v->layer = n->layer;
		v->older = n->older;
		n->older = v;
	}
	n->entry = entry;
	n->layer = m->layer;
}

/* The node for an entry of this layer: updated, replaced or made; or NULL. */
static struct tree_node *
place(struct merge *m, const struct layer_entry *entry, struct err *e)
{
	const char *name = path_base(entry->path);
	bool is_dir = entry->type == ENTRY_DIRECTORY;
	struct tree_node *dir, *n;

	dir = parent_of(m, entry, e);
	if (dir == NULL)
		return NULL;
	n = tree_lookup(m->t, dir, name, strlen(name));
	if (n != NULL && is_dir && tree_node_type(n) == ENTRY_DIRECTORY) {
		update_dir(m, n, entry);
		return n;
	}
	if (n != NULL && (is_dir || tree_node_type(n) == ENTRY_DIRECTORY)) {
		kill_node(m, n);
		n = NULL;
	}
	if (n == NULL) {
		n = new_node(m, dir, name, strlen(name));
	} else {
		/* A link that was passed may now lead elsewhere. */
		if (n->entry->type == ENTRY_SYMLINK)
			m->dir = NULL;
		n->layer = m->layer;
	}
	n->entry = entry;
	return n;
}

static void
share_target(struct merge *m, struct tree_node *n,
    const struct layer_entry *entry, uint32_t layer)
{
	n->entry = entry;
	n->layer = layer;
	tree_share(m->t, entry);
}

/* The target of a hard link: its parents' links are followed, not it. */
static struct tree_node *
find_target(const struct tree *t, const struct layer_entry *link)
{
	if (link->link == NULL)
		return NULL;
	return tree_resolve(t, NULL, link->link, TREE_NOFOLLOW, NULL, NULL);
}

static int
add_link(struct merge *m, const struct layer_entry *link, struct err *e)
{
	struct tree_node *target = find_target(m->t, link), *n;
	const struct layer_entry *entry = NULL;
	uint32_t layer = 0;

	/* The file of that name, as it stands so far. */
	if (target != NULL && tree_node_type(target) != ENTRY_DIRECTORY &&
	    tree_node_type(target) != ENTRY_HARDLINK) {
		entry = target->entry;
		layer = target->layer;
	}
	n = place(m, link, e);
	if (n == NULL)
		return -1;
	if (entry != NULL && n != target) {
		share_target(m, n, entry, layer);
		return 0;
	}
	m->pending = mem_grow(m->pending, m->pending_count,
	    &m->pending_capacity, sizeof(m->pending[0]));
	m->pending[m->pending_count++] = n;
	return 0;
}

/* True for a path below one that the same layer deletes. */
static bool
is_in_hidden(const struct merge *m, const char *path)
{
	const char *slash;

	for (slash = strchr(path, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/'))
		if (intern_has(&m->hidden, path, (size_t)(slash - path)))
			return true;
	return false;
}

/*
 * A marker implies the directory that it is in, as on every client; but what
 * the same layer deletes does not come back as an empty directory.
 */
static int
add_marker(struct merge *m, const struct layer_entry *entry, struct err *e)
{
	if (is_in_hidden(m, entry->path))
		return 0;
	if (entry->type != ENTRY_OPAQUE)
		return parent_of(m, entry, e) == NULL ? -1 : 0;
	if (intern_has(&m->hidden, entry->path, strlen(entry->path)))
		return 0;
	return make_dirs(m, entry, false, e) == NULL ? -1 : 0;
}

static int
add_entry(struct merge *m, const struct layer_entry *entry, struct err *e)
{
	if (is_whiteout(entry) || entry->type == ENTRY_OPAQUE)
		return add_marker(m, entry, e);
	if (entry->path[0] == '\0') {
		if (entry->type != ENTRY_DIRECTORY)
			return err_set(e, ERR_INVALID,
			    "the root of the layer is not a directory");
		update_dir(m, m->t->root, entry);
		return 0;
	}
	if (entry->type == ENTRY_HARDLINK)
		return add_link(m, entry, e);
	return place(m, entry, e) == NULL ? -1 : 0;
}

static bool
is_in_tree(const struct tree_node *n)
{
	for (; n != NULL; n = n->parent)
		if (n->links == 0)
			return false;
	return true;
}

static void
chain_add(struct merge *m, struct tree_node *n)
{
	m->chain = mem_grow(
	    m->chain, m->chain_count, &m->chain_capacity, sizeof(m->chain[0]));
	m->chain[m->chain_count++] = n;
	n->number = ON_CHAIN;
}

/* Goes from link to link to the file, and gives it to all on the way. */
static int
resolve_link(struct merge *m, struct tree_node *n, struct err *e)
{
	const struct layer_entry *link;
	struct tree_node *target;
	size_t i;

	m->chain_count = 0;
	for (target = n; tree_node_type(target) == ENTRY_HARDLINK;) {
		chain_add(m, target);
		link = target->entry;
		target = find_target(m->t, link);
		if (target == NULL || target->number == ON_CHAIN)
			return refuse(e, link->path, "hard link to nothing:",
			    link->link == NULL ? "" : link->link);
		if (tree_node_type(target) == ENTRY_DIRECTORY)
			return refuse(e, link->path,
			    "hard link to a directory:", link->link);
	}
	for (i = 0; i < m->chain_count; i++) {
		m->chain[i]->number = 0;
		share_target(m, m->chain[i], target->entry, target->layer);
	}
	return 0;
}

static int
resolve_pending(struct merge *m, struct err *e)
{
	size_t i;

	for (i = 0; i < m->pending_count; i++) {
		struct tree_node *n = m->pending[i];

		if (tree_node_type(n) == ENTRY_HARDLINK && is_in_tree(n) &&
		    resolve_link(m, n, e) != 0)
			return -1;
	}
	return 0;
}

static int
merge_entries(struct merge *m, const struct layer_index *index, struct err *e)
{
	uint32_t i;

	for (i = 0; i < index->count; i++)
		if (is_whiteout(&index->entries[i]) ||
		    index->entries[i].type == ENTRY_OPAQUE)
			hide_lower(m, &index->entries[i]);
	for (i = 0; i < index->count; i++)
		if (add_entry(m, &index->entries[i], e) != 0)
			return -1;
	return resolve_pending(m, e);
}

int
tree_add_layer(struct tree *t, const struct layer_index *index, struct err *e)
{
	struct merge m = {.t = t, .layer = t->layers};
	int r = merge_entries(&m, index, e);

	intern_clear(&m.hidden);
	free(m.pending);
	free(m.chain);
	if (r == 0)
		t->layers++;
	return r;
}
