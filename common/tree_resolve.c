#include <string.h>

#include "tree_private.h"
#include "winnow/path.h"
#include "winnow/tree.h"

void
tree_walk_init(struct tree_walk *w, const char *path)
{
	w->rest[0] = path;
	w->depth = 0;
	w->hops = 0;
}

const char *
tree_walk_next(struct tree_walk *w, size_t *len)
{
	const char *name;

	while ((name = path_next(&w->rest[w->depth], len)) == NULL) {
		if (w->depth == 0)
			return NULL;
		w->depth--;
	}
	return name;
}

int
tree_walk_follow(struct tree_walk *w, const char *target)
{
	if (w->hops >= LIMIT_SYMLINK_HOPS)
		return -1;
	w->hops++;
	/* Nothing to come back to: reuse the place. */
	if (*w->rest[w->depth] != '\0')
		w->depth++;
	w->rest[w->depth] = target;
	return 0;
}

/* True when no component follows, nor a slash that demands a directory. */
static bool
at_end(const struct tree_walk *w)
{
	unsigned i;

	for (i = 0; i <= w->depth; i++)
		if (*w->rest[i] != '\0')
			return false;
	return true;
}

/* Goes from the directory `n` into `name`, links not followed; or NULL. */
static struct tree_node *
step(const struct tree *t, struct tree_node *n, const char *name, size_t len)
{
	if (tree_node_type(n) != ENTRY_DIRECTORY)
		return NULL;
	if (len == 1 && name[0] == '.')
		return n;
	if (len == 2 && memcmp(name, "..", 2) == 0)
		return n->parent == NULL ? n : n->parent;
	return tree_lookup(t, n, name, len);
}

static bool
is_dots(const char *name, size_t len)
{
	return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

/* The directory that a link's target starts from; NULL: it leads nowhere. */
static struct tree_node *
follow(const struct tree *t, struct tree_walk *w, const struct tree_node *n)
{
	const char *target = n->entry->link;

	if (target == NULL || *target == '\0' ||
	    tree_walk_follow(w, target) != 0)
		return NULL;
	return *target == '/' ? t->root : n->parent;
}

/* Where the path starts: the root, or `from` without its const. */
static struct tree_node *
start_node(const struct tree *t, const struct tree_node *from, const char *path)
{
	if (from == NULL || from->parent == NULL || *path == '/')
		return t->root;
	return tree_lookup(t, from->parent, from->name, from->name_len);
}

struct tree_node *
tree_resolve(const struct tree *t, const struct tree_node *from,
    const char *path, unsigned flags,
    void (*visit)(void *arg, struct tree_node *n), void *arg)
{
	struct tree_node *n = start_node(t, from, path);
	bool directory = false;
	struct tree_walk w;
	const char *name;
	size_t len;

	tree_walk_init(&w, path);
	while (n != NULL && (name = tree_walk_next(&w, &len)) != NULL) {
		n = step(t, n, name, len);
		if (n == NULL)
			return NULL;
		directory = !at_end(&w);
		if (is_dots(name, len))
			continue;
		if (visit != NULL)
			visit(arg, n);
		if (tree_node_type(n) == ENTRY_SYMLINK &&
		    (directory || !(flags & TREE_NOFOLLOW)))
			n = follow(t, &w, n);
	}
	if (n != NULL && directory && tree_node_type(n) != ENTRY_DIRECTORY)
		return NULL;
	return n;
}

const char *
tree_content(const struct tree *t, const char *path, size_t *len)
{
	struct tree_node *n = tree_resolve(t, NULL, path, 0, NULL, NULL);

	if (n == NULL || n->entry == NULL || n->entry->type != ENTRY_FILE ||
	    n->entry->content == NULL)
		return NULL;
	*len = n->entry->content_len;
	return n->entry->content;
}

struct tree_node *
tree_follow(const struct tree *t, const struct tree_node *n)
{
	if (tree_node_type(n) != ENTRY_SYMLINK)
		return tree_at(t, n->number);
	return tree_resolve(t, n->parent, n->entry->link, 0, NULL, NULL);
}
