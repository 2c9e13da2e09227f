#include <stdlib.h>

#include "hints.h"
#include "image_config.h"
#include "plan.h"
#include "report.h"
#include "startup.h"
#include "winnow/json.h"
#include "winnow/mem.h"

/* Lines for less than this part of what is shown are put together. */
#define SMALL_PART 100

/* What is being counted. */
struct count {
	struct plan *plan;
	const struct selection *s;
	bool *repeated; /* its bytes count with another name */
};

/* The bytes that go with a node. */
static uint64_t
removed_bytes(const struct count *c, const struct tree_node *n)
{
	const struct selection_node *node = &c->s->nodes[n->number];
	uint64_t size;

	if (tree_node_type(n) != ENTRY_FILE)
		return 0;
	size = n->entry->size;
	if (node->reason == SELECTION_NOT_KEPT)
		return c->repeated[n->number] ? 0 : size;
	/* A database that was cut. */
	return node->content != NULL && node->content_len < size
	    ? size - node->content_len
	    : 0;
}

static uint32_t
cause_of(const struct count *c, const struct tree_node *n)
{
	const struct selection_node *node = &c->s->nodes[n->number];
	uint32_t keep_count = (uint32_t)c->s->policy->keep_count;
	bool directory = tree_node_type(n) == ENTRY_DIRECTORY;

	if (node->reason == SELECTION_NOT_KEPT)
		return directory && node->dropped == 0
		    ? PLAN_NO_CAUSE
		    : keep_count + 1 + node->dropped;
	if (directory && node->reason == SELECTION_PARENT)
		return PLAN_NO_CAUSE;
	return (uint32_t)selection_rule_of(c->s, n);
}

/* Counts a kept node for its rule and its reason. */
static void
count_kept(const struct count *c, const struct tree_node *n)
{
	const struct selection_node *node = &c->s->nodes[n->number];
	struct plan_rule *rule = &c->plan->rules[selection_rule_of(c->s, n)];

	tally_node(&c->plan->reasons[node->reason], c->s, n, c->repeated);
	tally_node(node->reason == SELECTION_RULE ? &rule->own : &rule->brought,
	    c->s, n, c->repeated);
}

static void
count_node(const struct count *c, const struct tree_node *n)
{
	const struct selection_node *node = &c->s->nodes[n->number];
	struct fold_node *f = &c->plan->fold.nodes[n->number];
	bool kept = node->reason != SELECTION_NOT_KEPT;
	enum plan_class class = kept ? PLAN_KEPT : PLAN_REMOVED;
	struct tally t = {0};

	*f = (struct fold_node){.name = n->name,
	    .name_len = n->name_len,
	    .parent = n->parent == NULL ? 0 : n->parent->number,
	    .directory = tree_node_type(n) == ENTRY_DIRECTORY};
	tally_node(&t, c->s, n, c->repeated);
	f->sums.classes = 1u << class;
	f->sums.files[class] = t.files;
	if (kept)
		f->sums.bytes[PLAN_KEPT] = t.bytes;
	f->sums.bytes[PLAN_REMOVED] = removed_bytes(c, n);
	c->plan->causes[n->number] = cause_of(c, n);
	if (kept)
		count_kept(c, n);
	else if (node->denied != 0)
		tally_node(
		    &c->plan->drops[node->dropped - 1], NULL, n, c->repeated);
}

/* The one cause of all that is below, or PLAN_MANY_CAUSES. */
static void
join_causes(struct plan *plan)
{
	uint32_t i;

	for (i = plan->fold.count; i-- > 1;) {
		uint32_t *up = &plan->causes[plan->fold.nodes[i].parent];
		uint32_t own = plan->causes[i];

		if (own == PLAN_NO_CAUSE || own == *up)
			continue;
		*up = *up == PLAN_NO_CAUSE ? own : PLAN_MANY_CAUSES;
	}
}

/* Asks what else would keep the variant from being built. */
static void
judge(struct plan *plan)
{
	const struct preview *p = plan->preview;
	const struct image_configs configs = {p->view->config, p->config};
	auto_free char *findings = NULL;

	plan->startup = json_object();
	plan->problem.code = ERR_NONE;
	(void)startup_check(p->selection, &configs, plan->startup,
	    plan->warnings, &plan->problem);
	audit_run(p->view->tree, p->kept, p->policy, p->config, &plan->audit);
	if (plan->problem.code != ERR_NONE || !plan->audit->fatal)
		return;
	findings = report_fatal_findings(plan->audit);
	err_set(&plan->problem, ERR_POLICY,
	    "audit.fail_on forbids what would be kept: %s", findings);
}

void
plan_make(const struct preview *p, struct plan *out)
{
	const struct selection *s = p->selection;
	uint32_t i, count = tree_count(s->tree);
	struct count c = {.plan = out, .s = s};

	*out = (struct plan){.preview = p,
	    .warnings = json_escaped_all(s->warnings, s->warning_count)};
	out->fold.nodes = mem_zalloc(count, sizeof(*out->fold.nodes));
	out->fold.count = count;
	out->causes = mem_zalloc(count, sizeof(*out->causes));
	out->rules = mem_zalloc(s->policy->keep_count + 1, sizeof(*out->rules));
	out->drops = mem_zalloc(s->policy->drop_count, sizeof(*out->drops));
	c.repeated = selection_mark_repeated(s->tree, p->kept);
	for (i = 0; i < count; i++)
		count_node(&c, tree_at(s->tree, i));
	free(c.repeated);
	fold_sum(&out->fold);
	join_causes(out);
	out->hints = hints_make(s, p->config);
	judge(out);
}

void
plan_clear(struct plan *plan)
{
	free(plan->fold.nodes);
	free(plan->causes);
	free(plan->rules);
	free(plan->drops);
	audit_free(plan->audit);
	json_decref(plan->startup);
	json_decref(plan->warnings);
	json_decref(plan->hints);
	*plan = (struct plan){0};
}

void
plan_add_cause(const struct plan *plan, uint32_t cause, struct strbuf *out)
{
	const struct policy *p = plan->preview->policy;
	size_t keep = p->keep_count;

	if (cause < keep)
		strbuf_add_string(out, p->keep[cause].origin);
	else if (cause > keep + 1 && cause <= keep + 1 + p->drop_count)
		strbuf_add_format(
		    out, "dropped by %s", p->drop[cause - keep - 2].origin);
}

size_t
plan_packages_kept(const struct plan *plan)
{
	const struct preview *p = plan->preview;
	const struct pkgdb *db = p->selection->packages;
	size_t i, kept = 0;

	for (i = 0; i < pkgdb_count(db); i++)
		kept += pkgdb_survives(db, i, p->kept);
	return kept;
}

int
plan_tops(const struct plan *plan, const struct options *o, uint32_t **out,
    size_t *count, struct err *e)
{
	const struct tree *t = plan->preview->view->tree;
	size_t i, paths = (size_t)o->operand_count - 1;
	auto_free uint32_t *tops = mem_zalloc(paths + 1, sizeof(*tops));

	for (i = 0; i < paths; i++) {
		const char *path = o->operands[i + 1];
		const struct tree_node *n =
		    tree_resolve(t, NULL, path, 0, NULL, NULL);

		if (n == NULL)
			return err_set(
			    e, ERR_NOT_FOUND, "%s is not in the image", path);
		tops[i] = n->number;
	}
	*count = paths == 0 ? 1 : paths;
	*out = steal(&tops);
	return 0;
}

struct fold_options
plan_fold_options(
    const struct plan *plan, const struct options *o, uint32_t top)
{
	const struct fold_sums *s = &plan->fold.nodes[top].sums;
	struct fold_options fold = {.depth = o->depth};
	int i;

	for (i = 0; i < FOLD_CLASSES; i++)
		fold.small[i] = s->bytes[i] / SMALL_PART + 1;
	return fold;
}
