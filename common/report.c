#include "report.h"

#include <stdlib.h>
#include <string.h>

#include "selection_tally.h"
#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

/* Removed paths that a report lists per category. */
#define REMOVED_PATHS 50
/* Findings that one message names. */
#define FATAL_PATHS 10

static json_t *
escaped_path(const struct tree_node *n)
{
	auto_strbuf struct strbuf path;

	strbuf_init(&path, LIMIT_PATH + 1);
	tree_node_path(n, &path);
	return json_escaped(strbuf_string(&path));
}

static void
put_tally(json_t *object, const struct tally *t)
{
	json_put(object, "files", json_integer((json_int_t)t->files));
	json_put(object, "bytes", json_integer((json_int_t)t->bytes));
}

/* Adds "rules": what each keep rule costs, with what it needs. */
static void
put_rules(
    json_t *report, const struct selection *s, const struct tally *tallies)
{
	json_t *rules = json_array();
	size_t i;

	for (i = 0; i <= s->policy->keep_count; i++) {
		json_t *object;
		auto_free char *text = NULL;

		if (i < s->policy->keep_count)
			text = mem_printf("%s %s", s->policy->keep[i].origin,
			    s->policy->keep[i].text);
		else
			text = mem_strdup("databases and config");
		object = json_object();
		json_put(object, "rule", json_escaped(text));
		put_tally(object, &tallies[i]);
		json_push(rules, object);
	}
	json_put(report, "rules", rules);
}

/* Adds "kept", "removed" and "rules". */
static void
put_sizes(json_t *report, const struct selection *s, const bool *kept)
{
	auto_free bool *repeated_all = selection_mark_repeated(s->tree, NULL);
	auto_free bool *repeated = selection_mark_repeated(s->tree, kept);
	auto_free struct tally *rules =
	    mem_zalloc(s->policy->keep_count + 1, sizeof(*rules));
	struct tally all = {0}, rest = {0};
	json_t *object = json_object();
	uint32_t i;

	for (i = 0; i < tree_count(s->tree); i++) {
		const struct tree_node *n = tree_at(s->tree, i);

		tally_node(&all, NULL, n, repeated_all);
		if (!kept[i])
			continue;
		tally_node(&rest, s, n, repeated);
		tally_node(&rules[selection_rule_of(s, n)], s, n, repeated);
	}
	put_tally(object, &rest);
	json_put(report, "kept", object);
	all.files -= rest.files;
	all.bytes = all.bytes > rest.bytes ? all.bytes - rest.bytes : 0;
	object = json_object();
	put_tally(object, &all);
	json_put(report, "removed", object);
	put_rules(report, s, rules);
}

static void
put_packages(json_t *report, const struct pkgdb *db, const bool *kept)
{
	json_t *packages = json_object(), *lists[2];
	size_t i;

	lists[0] = json_array();
	lists[1] = json_array();
	for (i = 0; db != NULL && i < pkgdb_count(db); i++) {
		json_t *package = json_object();

		json_put(package, "name", json_escaped(pkgdb_name(db, i)));
		json_put(
		    package, "version", json_escaped(pkgdb_version(db, i)));
		json_push(lists[!pkgdb_survives(db, i, kept)], package);
	}
	json_put(packages, "kept", lists[0]);
	json_put(packages, "removed", lists[1]);
	json_put(report, "packages", packages);
}

json_t *
report_new(const struct selection *s, const bool *kept)
{
	json_t *report = json_object();

	json_put(report, "version", json_integer(1));
	put_sizes(report, s, kept);
	put_packages(report, s->packages, kept);
	json_put(report, "warnings",
	    json_escaped_all(s->warnings, s->warning_count));
	return report;
}

/* Findings in the config come last. */
static uint64_t
number_of(const struct audit_finding *f)
{
	return f->node == NULL ? UINT64_MAX : f->node->number;
}

static int
compare_findings(const void *a, const void *b)
{
	const struct audit_finding *x = a, *y = b;

	if (x->node != y->node)
		return number_of(x) < number_of(y) ? -1 : 1;
	if (x->category != y->category)
		return x->category < y->category ? -1 : 1;
	return x->member == NULL ? 0 : strcmp(x->member, y->member);
}

/* True when the audit has the same finding; both are in canonical order. */
static bool
has_finding(const struct audit *a, const struct audit_finding *f)
{
	return a->count > 0 &&
	    bsearch(f, a->findings, a->count, sizeof(*f), compare_findings) !=
	    NULL;
}

/* The findings of one category in the source that are gone. */
static json_t *
make_removed(const struct audit *source, const struct audit *variant,
    enum audit_category category)
{
	json_t *object = json_object(), *paths = json_array();
	json_int_t count = 0;
	size_t i;

	for (i = 0; i < source->count; i++) {
		const struct audit_finding *f = &source->findings[i];

		if (f->category != category || has_finding(variant, f))
			continue;
		if (++count <= REMOVED_PATHS && f->node != NULL)
			json_push(paths, escaped_path(f->node));
	}
	json_put(object, "count", json_integer(count));
	json_put(object, "paths", paths);
	return object;
}

json_t *
report_audit(const struct audit *source, const struct audit *variant)
{
	json_t *object = audit_json(variant), *removed = json_object();
	size_t i;

	for (i = 0; i < AUDIT_CATEGORIES; i++)
		json_put(removed, audit_category_name((enum audit_category)i),
		    make_removed(source, variant, (enum audit_category)i));
	json_put(object, "removed", removed);
	return object;
}

char *
report_fatal_findings(const struct audit *a)
{
	auto_strbuf struct strbuf out, where;
	size_t i, named = 0, more = 0;

	strbuf_init(&out, ERR_MESSAGE_MAX);
	strbuf_init(&where, 4 * LIMIT_PATH);
	for (i = 0; i < a->count; i++) {
		const struct audit_finding *f = &a->findings[i];

		if (!f->fatal)
			continue;
		if (named == FATAL_PATHS || out.len > ERR_MESSAGE_MAX / 2) {
			more++;
			continue;
		}
		strbuf_reset(&where);
		audit_where(f, &where);
		strbuf_add_format(&out, "%s%s %.200s", named++ == 0 ? "" : ", ",
		    audit_category_name(f->category), strbuf_string(&where));
	}
	if (more > 0)
		strbuf_add_format(&out, " and %zu more", more);
	return strbuf_steal(&out);
}
