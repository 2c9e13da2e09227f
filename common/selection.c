#include "winnow/selection.h"

#include <stdarg.h>
#include <string.h>

#include "selection_private.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

/* More than a reader of a report takes in. */
#define SELECTION_MAX_WARNINGS 1000

void
selector_warn(struct selector *sel, const char *fmt, ...)
{
	struct selection *s = sel->s;
	char *text = NULL;
	va_list ap;

	if (s->warning_count >= SELECTION_MAX_WARNINGS) {
		sel->silent_warnings++;
		return;
	}
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) == -1)
		text = mem_strdup(fmt);
	va_end(ap);
	s->warnings = mem_grow(s->warnings, s->warning_count,
	    &sel->warning_capacity, sizeof(*s->warnings));
	s->warnings[s->warning_count++] = text;
}

static void
count_silent_warnings(struct selector *sel)
{
	struct selection *s = sel->s;

	if (sel->silent_warnings == 0)
		return;
	s->warnings = mem_grow(s->warnings, s->warning_count,
	    &sel->warning_capacity, sizeof(*s->warnings));
	s->warnings[s->warning_count++] =
	    mem_printf("%zu more warnings", sel->silent_warnings);
}

/* Who needs a node, `by` being a path, and, if that is odd, the way out. */
static char *
describe_need(const struct selection_node *as, const char *by)
{
	if (as->preloaded == NULL)
		return mem_printf("/%s needs", by);
	if (as->preloaded[0] == '/')
		return mem_printf(
		    "%s has /%s load: drop that file too", as->preloaded, by);
	return mem_printf("%s of the image's config has /%s load: change that "
			  "under config, env: {%s: null}",
	    as->preloaded, by, as->preloaded);
}

/* Remembers a drop rule that names what a kept file needs. */
static void
note_conflict(struct selector *sel, const struct tree_node *n,
    const struct selection_node *as)
{
	const struct policy_rule *drop =
	    &sel->s->policy->drop[sel->s->nodes[n->number].dropped - 1];
	auto_free char *path = selection_show_path(n);
	auto_free char *by = selection_show_path(as->by);
	auto_free char *needed = describe_need(as, by);
	auto_strbuf struct strbuf why;

	strbuf_init(&why, LIMIT_PATH);
	selection_explain(sel->s, as->by, &why);
	err_set(&sel->conflict, ERR_POLICY,
	    "%s drop %s%s removes /%s, which %s (%s)", drop->origin,
	    drop->kind == POLICY_PACKAGE ? "package " : "", drop->text, path,
	    needed, strbuf_string(&why));
}

void
selector_keep(struct selector *sel, struct tree_node *n,
    enum selection_reason reason, uint32_t rule, const struct tree_node *by)
{
	struct selection_node *node = &sel->s->nodes[n->number];
	struct selection_node as = {.reason = reason, .rule = rule, .by = by};
	bool was_kept = node->reason != SELECTION_NOT_KEPT;

	if (reason == SELECTION_NEEDED)
		as.preloaded = sel->preloading;
	/* No reason that leads on replaces another: explanations end. */
	if (was_kept && (node->reason != SELECTION_PARENT || by != NULL))
		return;
	if (node->dropped != 0 && by != NULL &&
	    tree_node_type(n) != ENTRY_DIRECTORY &&
	    sel->conflict.code == ERR_NONE)
		note_conflict(sel, n, &as);
	as.dropped = node->dropped;
	as.denied = node->denied;
	*node = as;
	if (was_kept || tree_node_type(n) != ENTRY_SYMLINK)
		return;
	sel->links = mem_grow(sel->links, sel->link_count, &sel->link_capacity,
	    sizeof(struct tree_node *));
	sel->links[sel->link_count++] = n;
}

/* One link whose way to its target is kept. */
struct link_walk {
	struct selector *sel;
	const struct tree_node *link;
};

static void
keep_on_the_way(void *arg, struct tree_node *n)
{
	struct link_walk *walk = arg;

	selector_keep(walk->sel, n, SELECTION_LINK, 0, walk->link);
}

void
selector_keep_links(struct selector *sel)
{
	while (sel->link_count > 0) {
		struct link_walk walk = {sel, sel->links[--sel->link_count]};

		/* What is there of a dangling link's chain is kept too: a
		 * volume may bring the rest. */
		tree_resolve(sel->tree, walk.link->parent,
		    walk.link->entry->link, 0, keep_on_the_way, &walk);
	}
}

/* Keeps the ancestors of all that is kept. */
static void
keep_parents(struct selector *sel)
{
	uint32_t i;

	/* Children have higher numbers, so one pass reaches the root. */
	for (i = tree_count(sel->tree); i-- > 1;) {
		struct tree_node *n = tree_at(sel->tree, i);

		if (selection_keeps(sel->s, n))
			selector_keep(sel, n->parent, SELECTION_PARENT, 0, n);
	}
}

/* A drop rule all of whose nodes stay as parents does nothing. */
static void
warn_idle_drops(struct selector *sel)
{
	const struct policy *p = sel->s->policy;
	auto_free bool *matched = mem_zalloc(p->drop_count, sizeof(bool));
	auto_free bool *dropped = mem_zalloc(p->drop_count, sizeof(bool));
	uint32_t i;

	for (i = 0; i < tree_count(sel->tree); i++) {
		const struct selection_node *node = &sel->s->nodes[i];

		if (node->dropped == 0)
			continue;
		matched[node->dropped - 1] = true;
		if (node->reason == SELECTION_NOT_KEPT)
			dropped[node->dropped - 1] = true;
	}
	for (i = 0; i < p->drop_count; i++)
		if (matched[i] && !dropped[i] && !p->drop[i].from_set)
			selector_warn(sel,
			    "%s: drop %s removes nothing: what it names is a "
			    "directory with kept contents",
			    p->drop[i].origin, p->drop[i].text);
}

static struct selection *
selection_new(const struct tree *t, const struct policy *p)
{
	struct selection *s = mem_zalloc(1, sizeof(*s));

	s->tree = t;
	s->policy = p;
	s->nodes = mem_zalloc(tree_count(t), sizeof(*s->nodes));
	s->rule_matches = mem_zalloc(p->keep_count, sizeof(*s->rule_matches));
	return s;
}

static bool
keeps_anything(const struct selection *s)
{
	size_t i;

	for (i = 0; i < s->policy->keep_count; i++)
		if (s->rule_matches[i] > 0)
			return true;
	return false;
}

/* The steps of selection_make(), over a selection with its packages read. */
static int
run_steps(
    struct selector *sel, const struct selection_config *dirs, struct err *e)
{
	selector_apply_rules(sel);
	if (!keeps_anything(sel->s))
		return err_set(e, ERR_POLICY,
		    "no keep rule of %s matches anything in the image",
		    sel->s->policy->file);
	selector_keep_links(sel);
	selector_keep_needed(sel);
	if (dirs != NULL)
		selector_keep_dirs(sel, dirs);
	selector_keep_databases(sel);
	selector_keep_links(sel);
	keep_parents(sel);
	warn_idle_drops(sel);
	count_silent_warnings(sel);
	if (sel->conflict.code != ERR_NONE) {
		*e = sel->conflict;
		return -1;
	}
	return 0;
}

int
selection_make(const struct tree *t, const struct policy *p,
    const struct selection_config *config, struct selection **out,
    struct err *e)
{
	auto_selection struct selection *s = selection_new(t, p);
	struct selector sel = {
	    .s = s, .tree = t, .env = config == NULL ? NULL : &config->env};
	int result;

	if (pkgdb_read(t, &s->packages, e) != 0)
		return -1;
	result = run_steps(&sel, config, e);
	free(sel.links);
	intern_clear(&sel.made);
	if (result == 0)
		*out = steal(&s);
	return result;
}

void
selection_free(struct selection *s)
{
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < tree_count(s->tree); i++)
		free(s->nodes[i].content);
	for (i = 0; i < s->made_dir_count; i++)
		free(s->made_dirs[i]);
	for (i = 0; i < s->warning_count; i++)
		free(s->warnings[i]);
	if (s->packages != NULL)
		pkgdb_free(s->packages);
	free(s->nodes);
	free(s->rule_matches);
	free(s->made_dirs);
	free(s->warnings);
	free(s);
}

bool
selection_keeps(const struct selection *s, const struct tree_node *n)
{
	return s->nodes[n->number].reason != SELECTION_NOT_KEPT;
}

bool *
selection_kept(const struct selection *s)
{
	uint32_t i, count = tree_count(s->tree);
	bool *kept = mem_zalloc(count, sizeof(*kept));

	for (i = 0; i < count; i++)
		kept[i] = s->nodes[i].reason != SELECTION_NOT_KEPT;
	return kept;
}

/* Whether a resolution passes through kept links and files only. */
struct kept_walk {
	const struct selection *selection;
	bool kept;
};

static void
visit_kept(void *arg, struct tree_node *n)
{
	struct kept_walk *walk = arg;

	/* The parents of what is kept are so last of all. */
	if (tree_node_type(n) != ENTRY_DIRECTORY &&
	    !selection_keeps(walk->selection, n))
		walk->kept = false;
}

bool
selection_keeps_path(const struct selection *s, const char *path)
{
	struct kept_walk walk = {.selection = s, .kept = true};

	return tree_resolve(s->tree, NULL, path, 0, visit_kept, &walk) !=
	    NULL &&
	    walk.kept;
}
