#include "cli.h"
#include "plan.h"
#include "winnow/json.h"
#include "winnow/limits.h"

static void
put_tally(json_t *object, const struct tally *t)
{
	json_put(object, "files", json_integer((json_int_t)t->files));
	json_put(object, "bytes", json_integer((json_int_t)t->bytes));
}

static json_t *
make_class(const struct fold_sums *s, enum plan_class class)
{
	json_t *object = json_object();
	struct tally t = {s->files[class], s->bytes[class]};

	put_tally(object, &t);
	return object;
}

static json_t *
make_path(const struct plan *plan, uint32_t number)
{
	auto_strbuf struct strbuf path;

	strbuf_init(&path, LIMIT_PATH + 1);
	tree_node_path(tree_at(plan->preview->view->tree, number), &path);
	return json_escaped(strbuf_string(&path));
}

/* The lines of the trees. */
struct lines {
	const struct plan *plan;
	json_t *list;
};

static void
push_row(void *arg, const struct fold_row *row)
{
	struct lines *lines = arg;
	const struct plan *plan = lines->plan;
	const struct fold_sums *s = &row->sums;
	const char *state = !fold_is_uniform(s) ? "partly"
	    : s->classes == 1u << PLAN_KEPT     ? "kept"
						: "removed";
	json_t *object = json_object();
	auto_strbuf struct strbuf cause;

	strbuf_init(&cause, SIZE_MAX);
	json_put(object, "path",
	    make_path(plan,
		row->group > 0 ? plan->fold.nodes[row->node].parent
			       : row->node));
	if (row->group > 0)
		json_put(object, "more", json_integer(row->group));
	json_put(object, "state", json_string(state));
	json_put(object, "kept", make_class(s, PLAN_KEPT));
	json_put(object, "removed", make_class(s, PLAN_REMOVED));
	if (row->group == 0 && fold_is_uniform(s)) {
		plan_add_cause(plan, plan->causes[row->node], &cause);
		if (cause.len > 0)
			json_put(object, "cause",
			    json_escaped(strbuf_string(&cause)));
	}
	json_push(lines->list, object);
}

static json_t *
make_rule(const struct policy_rule *rule, const char *verb)
{
	json_t *object = json_object();

	json_put(object, "rule", json_string(verb));
	json_put(object, "origin", json_escaped(rule->origin));
	json_put(object, rule->kind == POLICY_PACKAGE ? "package" : "pattern",
	    json_escaped(rule->text));
	return object;
}

static json_t *
make_rules(const struct plan *plan)
{
	const struct policy *p = plan->preview->policy;
	json_t *rules = json_array(), *object, *brought;
	size_t i;

	for (i = 0; i < p->keep_count; i++) {
		object = make_rule(&p->keep[i], "keep");
		put_tally(object, &plan->rules[i].own);
		brought = json_object();
		put_tally(brought, &plan->rules[i].brought);
		json_put(object, "brings", brought);
		json_push(rules, object);
	}
	for (i = 0; i < p->drop_count; i++) {
		object = make_rule(&p->drop[i], "drop");
		put_tally(object, &plan->drops[i]);
		json_push(rules, object);
	}
	return rules;
}

static json_t *
make_reasons(const struct plan *plan)
{
	static const char *const names[PLAN_REASONS] = {
	    [SELECTION_RULE] = "rule",
	    [SELECTION_NEEDED] = "needed",
	    [SELECTION_LINK] = "link",
	    [SELECTION_PARENT] = "parent",
	    [SELECTION_DATABASE] = "database",
	    [SELECTION_CONFIG] = "config",
	};
	json_t *reasons = json_object(), *object;
	int i;

	for (i = SELECTION_RULE; i < PLAN_REASONS; i++) {
		object = json_object();
		put_tally(object, &plan->reasons[i]);
		json_put(reasons, names[i], object);
	}
	return reasons;
}

static json_t *
make_packages(const struct plan *plan)
{
	const struct preview *p = plan->preview;
	const struct pkgdb *db = p->selection->packages;
	json_t *packages = json_object(), *lists[2];
	size_t i;

	lists[0] = json_array();
	lists[1] = json_array();
	for (i = 0; i < pkgdb_count(db); i++)
		json_push(lists[!pkgdb_survives(db, i, p->kept)],
		    json_escaped(pkgdb_name(db, i)));
	json_put(packages, "kept", lists[0]);
	json_put(packages, "removed", lists[1]);
	return packages;
}

int
plan_print_json(const struct plan *plan, const struct options *o, struct err *e)
{
	const struct preview *p = plan->preview;
	auto_free char *platform = view_platform(p->view);
	auto_free uint32_t *tops = NULL;
	auto_json json_t *out = json_object();
	struct lines lines = {.plan = plan};
	size_t count, i;

	if (plan_tops(plan, o, &tops, &count, e) == -1)
		return -1;
	lines.list = json_array();
	for (i = 0; i < count; i++) {
		const struct fold_options fold =
		    plan_fold_options(plan, o, tops[i]);

		fold_walk(&plan->fold, tops[i], &fold, push_row, &lines);
	}
	json_put(
	    out, "image", json_escaped(source_name(p->view->input.source)));
	json_put(out, "platform", json_escaped(platform));
	json_put(out, "policy", json_escaped(p->policy->file));
	json_put(out, "kept", make_class(&plan->fold.nodes[0].sums, PLAN_KEPT));
	json_put(out, "removed",
	    make_class(&plan->fold.nodes[0].sums, PLAN_REMOVED));
	json_put(out, "tree", lines.list);
	json_put(out, "rules", make_rules(plan));
	json_put(out, "reasons", make_reasons(plan));
	json_put(out, "packages", make_packages(plan));
	json_put(out, "made",
	    json_escaped_all(
		p->selection->made_dirs, p->selection->made_dir_count));
	json_put(out, "startup", json_incref(plan->startup));
	json_put(
	    out, "distroless", json_boolean(audit_is_distroless(plan->audit)));
	json_put(out, "warnings", json_incref(plan->warnings));
	json_put(out, "hints", json_incref(plan->hints));
	if (plan->problem.code != ERR_NONE)
		json_put(out, "problem", json_escaped(plan->problem.message));
	cli_print_json(out);
	return 0;
}
