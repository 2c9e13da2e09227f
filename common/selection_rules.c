#include <stdlib.h>
#include <string.h>

#include "selection_private.h"
#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/path.h"

/* One rule that is looked up in the tree. */
struct rule_walk {
	struct selector *sel;
	const struct policy_rule *rule;
	uint32_t number; /* of the rule, in its list */
	bool drop;
	bool matched;
	/* Symbolic links that the current alternative's prefix led through. */
	struct tree_node **links;
	size_t link_count;
	size_t link_capacity;
};

/* Handles one node that the rule names. */
static void
match(struct rule_walk *w, struct tree_node *n)
{
	struct selection_node *node = &w->sel->s->nodes[n->number];
	size_t i;

	w->matched = true;
	if (w->drop) {
		if (node->dropped == 0)
			node->dropped = w->number + 1;
		return;
	}
	if (node->dropped != 0) {
		if (node->denied == 0)
			node->denied = w->number + 1;
		return;
	}
	if (node->reason == SELECTION_NOT_KEPT ||
	    node->reason == SELECTION_PARENT)
		w->sel->s->rule_matches[w->number]++;
	selector_keep(w->sel, n, SELECTION_RULE, w->number, NULL);
	for (i = 0; i < w->link_count; i++)
		selector_keep(w->sel, w->links[i], SELECTION_PARENT, 0, n);
}

static void
note_link(void *arg, struct tree_node *n)
{
	struct rule_walk *w = arg;

	if (tree_node_type(n) != ENTRY_SYMLINK)
		return;
	w->links = mem_grow(w->links, w->link_count, &w->link_capacity,
	    sizeof(struct tree_node *));
	w->links[w->link_count++] = n;
}

/* An alternative without wildcards: the node itself, a link not followed. */
static void
match_literal(struct rule_walk *w, const char *path)
{
	const struct tree *t = w->sel->tree;
	struct tree_node *n;

	n = tree_resolve(t, NULL, path, TREE_NOFOLLOW, note_link, w);
	if (n == NULL)
		return;
	if (w->link_count > 0 && w->links[w->link_count - 1] == n)
		w->link_count--;
	match(w, n);
	if (!w->drop && !w->rule->from_set &&
	    tree_node_type(n) == ENTRY_SYMLINK &&
	    tree_resolve(t, n->parent, n->entry->link, 0, NULL, NULL) == NULL)
		selector_warn(w->sel,
		    "%s: keep /%s is a symbolic link that leads nowhere in the "
		    "image",
		    w->rule->origin, path);
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
match_below(struct rule_walk *w, struct tree_node *top, const struct glob *g)
{
	auto_strbuf struct strbuf path;
	struct tree_node *n = top;
	bool descend;

	strbuf_init(&path, 2 * LIMIT_PATH);
	while (n != NULL && !path.overflow) {
		if (glob_match(g, strbuf_string(&path)))
			match(w, n);
		descend = tree_node_type(n) == ENTRY_DIRECTORY &&
		    glob_match_below(g, strbuf_string(&path));
		n = next_node(top, n, descend, &path);
	}
}

static void
match_pattern(struct rule_walk *w)
{
	const struct glob *g = w->rule->glob;
	size_t i;

	for (i = 0; i < glob_alternatives(g); i++) {
		const char *prefix = glob_literal_prefix(g, i);
		const struct glob *rest = glob_rest(g, i);
		struct tree_node *top;

		w->link_count = 0;
		if (rest == NULL) {
			match_literal(w, prefix);
			continue;
		}
		top = tree_resolve(w->sel->tree, NULL, prefix, 0, note_link, w);
		if (top != NULL && tree_node_type(top) == ENTRY_DIRECTORY)
			match_below(w, top, rest);
	}
}

/* A package's files are those that a program may read. */
static bool
is_documentation(const char *path)
{
	static const char *const dirs[] = {"usr/share/doc", "usr/share/man",
	    "usr/share/info", "usr/share/lintian"};
	size_t i;

	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (path_is_below(path, dirs[i]))
			return true;
	return false;
}

static void
match_package_file(void *arg, struct tree_node *n)
{
	struct rule_walk *w = arg;
	auto_strbuf struct strbuf path;

	strbuf_init(&path, LIMIT_PATH);
	tree_node_path(n, &path);
	if (w->drop || !is_documentation(strbuf_string(&path)))
		match(w, n);
}

static void
match_package(struct rule_walk *w)
{
	const struct pkgdb *db = w->sel->s->packages;
	long package = pkgdb_find(db, w->rule->text);

	if (package >= 0)
		pkgdb_files(db, (size_t)package, match_package_file, w);
}

static void
apply_rule(struct selector *sel, uint32_t number, bool drop)
{
	const struct policy *p = sel->s->policy;
	struct rule_walk w = {.sel = sel, .number = number, .drop = drop};

	w.rule = drop ? &p->drop[number] : &p->keep[number];
	if (w.rule->kind == POLICY_PACKAGE)
		match_package(&w);
	else
		match_pattern(&w);
	free(w.links);
	if (!w.matched && !w.rule->from_set)
		selector_warn(sel, "%s: %s %s%s matches nothing in the image",
		    w.rule->origin, drop ? "drop" : "keep",
		    w.rule->kind == POLICY_PACKAGE ? "package " : "",
		    w.rule->text);
}

void
selector_apply_rules(struct selector *sel)
{
	uint32_t i;

	for (i = 0; i < sel->s->policy->drop_count; i++)
		apply_rule(sel, i, true);
	for (i = 0; i < sel->s->policy->keep_count; i++)
		apply_rule(sel, i, false);
}
