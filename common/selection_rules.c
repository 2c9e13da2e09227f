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
};

/* Handles one node that the rule names; false where drop rules had it. */
static bool
match(struct rule_walk *w, struct tree_node *n)
{
	struct selection_node *node = &w->sel->s->nodes[n->number];

	w->matched = true;
	if (w->drop) {
		if (node->dropped == 0)
			node->dropped = w->number + 1;
		return false;
	}
	if (node->dropped != 0) {
		if (node->denied == 0)
			node->denied = w->number + 1;
		return false;
	}
	if (node->reason == SELECTION_NOT_KEPT ||
	    node->reason == SELECTION_PARENT)
		w->sel->s->rule_matches[w->number]++;
	selector_keep(w->sel, n, SELECTION_RULE, w->number, NULL);
	return true;
}

static void
warn_of_dead_link(const struct rule_walk *w, const struct tree_node *n)
{
	auto_free char *path = NULL;

	if (tree_follow(w->sel->tree, n) != NULL)
		return;
	path = selection_show_path(n);
	selector_warn(w->sel,
	    "%s: keep /%s is a symbolic link that leads nowhere in the image",
	    w->rule->origin, path);
}

static void
match_found(void *arg, const struct tree_match *m)
{
	struct rule_walk *w = arg;
	size_t i;

	if (match(w, m->node))
		for (i = 0; i < m->link_count; i++)
			selector_keep(
			    w->sel, m->links[i], SELECTION_PARENT, 0, m->node);
	if (!w->drop && !w->rule->from_set && m->literal)
		warn_of_dead_link(w, m->node);
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
		(void)match(w, n);
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
		tree_match(sel->tree, w.rule->glob, match_found, &w);
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
