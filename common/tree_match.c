/* Patterns looked up in a tree. */
#include <stdlib.h>

#include "tree_private.h"
#include "winnow/mem.h"
#include "winnow/strbuf.h"

struct matcher {
	const struct tree *tree;
	void (*found)(void *arg, const struct tree_match *m);
	void *arg;
	/* Symbolic links that the current alternative's prefix led through. */
	struct tree_node **links;
	size_t link_count;
	size_t link_capacity;
};

static void
report(struct matcher *m, struct tree_node *n, bool literal)
{
	struct tree_match match = {.node = n,
	    .literal = literal,
	    .links = m->links,
	    .link_count = m->link_count};

	m->found(m->arg, &match);
}

static void
note_link(void *arg, struct tree_node *n)
{
	struct matcher *m = arg;

	if (tree_node_type(n) != ENTRY_SYMLINK)
		return;
	m->links = mem_grow(m->links, m->link_count, &m->link_capacity,
	    sizeof(struct tree_node *));
	m->links[m->link_count++] = n;
}

/* An alternative without wildcards: the node itself, a link not followed. */
static void
match_literal(struct matcher *m, const char *path)
{
	struct tree_node *n =
	    tree_resolve(m->tree, NULL, path, TREE_NOFOLLOW, note_link, m);

	if (n == NULL)
		return;
	if (m->link_count > 0 && m->links[m->link_count - 1] == n)
		m->link_count--;
	report(m, n, true);
}

/*
 * The node after `n` in a walk of what is below `top`, `path` following it:
 * its first child if `descend`, else what comes next; NULL at the end.
 */
static struct tree_node *
next_node(const struct tree_node *top, struct tree_node *n, bool descend,
    struct strbuf *path)
{
	if (!descend || n->first == NULL) {
		while (n != top && n->next == NULL) {
			strbuf_truncate(path,
			    path->len > n->name_len
				? path->len - n->name_len - 1
				: 0);
			n = n->parent;
		}
		if (n == top)
			return NULL;
		strbuf_truncate(path, path->len - n->name_len);
		n = n->next;
	} else {
		if (path->len > 0)
			strbuf_add_char(path, '/');
		n = n->first;
	}
	strbuf_add(path, n->name, n->name_len);
	return n;
}

/* Matches what is below the directory; links in it are not followed. */
static void
match_below(struct matcher *m, struct tree_node *top, const struct glob *g)
{
	auto_strbuf struct strbuf path;
	struct tree_node *n = top;
	bool descend;

	strbuf_init(&path, 2 * LIMIT_PATH);
	while (n != NULL && !path.overflow) {
		if (glob_match(g, strbuf_string(&path)))
			report(m, n, false);
		descend = tree_node_type(n) == ENTRY_DIRECTORY &&
		    glob_match_below(g, strbuf_string(&path));
		n = next_node(top, n, descend, &path);
	}
}

void
tree_match(const struct tree *t, const struct glob *g,
    void (*found)(void *arg, const struct tree_match *m), void *arg)
{
	struct matcher m = {.tree = t, .found = found, .arg = arg};
	size_t i;

	for (i = 0; i < glob_alternatives(g); i++) {
		const char *prefix = glob_literal_prefix(g, i);
		const struct glob *rest = glob_rest(g, i);
		struct tree_node *top;

		m.link_count = 0;
		if (rest == NULL) {
			match_literal(&m, prefix);
			continue;
		}
		top = tree_resolve(t, NULL, prefix, 0, note_link, &m);
		if (top != NULL && tree_node_type(top) == ENTRY_DIRECTORY)
			match_below(&m, top, rest);
	}
	free(m.links);
}
