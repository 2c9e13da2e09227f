#include "report.h"

#include <stdlib.h>
#include <string.h>

#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

/* Removed paths that a report lists per category. */
#define REMOVED_PATHS 50
/* Findings that one message names. */
#define FATAL_PATHS 10

/* Files (no directories), and their bytes, hard links counted once. */
struct tally {
	uint64_t files;
	uint64_t bytes;
};

/* One of the names of a file with several. */
struct hard_link {
	const struct layer_entry *entry;
	uint32_t number;
};

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

static int
compare_links(const void *a, const void *b)
{
	const struct hard_link *x = a, *y = b;

	if (x->entry != y->entry)
		return (uintptr_t)x->entry < (uintptr_t)y->entry ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

/*
 * Marks the nodes of `kept` (NULL: all) whose bytes have been counted with
 * another name of the same file.  The caller frees.
 */
static bool *
mark_repeated(const struct tree *t, const bool *kept)
{
	uint32_t i, count = tree_count(t);
	bool *repeated = mem_zalloc(count, sizeof(*repeated));
	auto_free struct hard_link *links = NULL;
	size_t j, link_count = 0, capacity = 0;

	for (i = 0; i < count; i++) {
		const struct tree_node *n = tree_at(t, i);

		if (n->links <= 1 || (kept != NULL && !kept[i]))
			continue;
		links = mem_grow(links, link_count, &capacity, sizeof(*links));
		links[link_count++] =
		    (struct hard_link){.entry = n->entry, .number = i};
	}
	if (link_count > 0)
		qsort(links, link_count, sizeof(*links), compare_links);
	for (j = 1; j < link_count; j++)
		if (links[j].entry == links[j - 1].entry)
			repeated[links[j].number] = true;
	return repeated;
}

/* Counts a node that is not a directory. */
static void
count_node(const struct selection *s, const struct tree_node *n,
    const bool *repeated, struct tally *t)
{
	if (tree_node_type(n) == ENTRY_DIRECTORY)
		return;
	t->files++;
	if (tree_node_type(n) != ENTRY_FILE || repeated[n->number])
		return;
	if (s != NULL && s->nodes[n->number].content != NULL)
		t->bytes += s->nodes[n->number].content_len;
	else
		t->bytes += n->entry->size;
}

/*
 * The keep rule that a node is kept for in the end, along the chain of what
 * needs it; the number of rules when it is no rule's.
 */
static size_t
find_rule(const struct selection *s, const struct tree_node *n)
{
	uint32_t steps = tree_count(s->tree);

	while (n != NULL && steps-- > 0) {
		const struct selection_node *node = &s->nodes[n->number];

		if (node->reason == SELECTION_RULE)
			return node->rule;
		if (node->reason != SELECTION_NEEDED &&
		    node->reason != SELECTION_LINK &&
		    node->reason != SELECTION_PARENT)
			break;
		n = node->by;
	}
	return s->policy->keep_count;
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
	auto_free bool *repeated_all = mark_repeated(s->tree, NULL);
	auto_free bool *repeated = mark_repeated(s->tree, kept);
	auto_free struct tally *rules =
	    mem_zalloc(s->policy->keep_count + 1, sizeof(*rules));
	struct tally all = {0}, rest = {0};
	json_t *object = json_object();
	uint32_t i;

	for (i = 0; i < tree_count(s->tree); i++) {
		const struct tree_node *n = tree_at(s->tree, i);

		count_node(NULL, n, repeated_all, &all);
		if (!kept[i])
			continue;
		count_node(s, n, repeated, &rest);
		count_node(s, n, repeated, &rules[find_rule(s, n)]);
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
	json_t *report = json_object(), *warnings = json_array();
	size_t i;

	json_put(report, "version", json_integer(1));
	put_sizes(report, s, kept);
	put_packages(report, s->packages, kept);
	for (i = 0; i < s->warning_count; i++)
		json_push(warnings, json_escaped(s->warnings[i]));
	json_put(report, "warnings", warnings);
	return report;
}

static int
compare_findings(const void *a, const void *b)
{
	const struct audit_finding *x = a, *y = b;

	if (x->node != y->node)
		return x->node->number < y->node->number ? -1 : 1;
	return (int)x->category - (int)y->category;
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
		if (++count <= REMOVED_PATHS)
			json_push(paths, escaped_path(f->node));
	}
	json_put(object, "count", json_integer(count));
	json_put(object, "paths", paths);
	return object;
}

static json_t *
make_finding(const struct audit_finding *f)
{
	json_t *object = json_object();

	json_put(
	    object, "category", json_string(audit_category_name(f->category)));
	json_put(object, "path", escaped_path(f->node));
	if (f->detail != NULL)
		json_put(object, "detail", json_escaped(f->detail));
	if (f->excused != NULL)
		json_put(object, "excused", json_escaped(f->excused));
	return object;
}

json_t *
report_audit(const struct audit *source, const struct audit *variant)
{
	json_t *object = json_object(), *findings = json_array();
	json_t *removed = json_object();
	size_t i;

	for (i = 0; i < variant->count; i++)
		json_push(findings, make_finding(&variant->findings[i]));
	for (i = 0; i < AUDIT_CATEGORIES; i++)
		json_put(removed, audit_category_name((enum audit_category)i),
		    make_removed(source, variant, (enum audit_category)i));
	json_put(
	    object, "distroless", json_boolean(audit_is_distroless(variant)));
	json_put(object, "findings", findings);
	json_put(object, "removed", removed);
	return object;
}

char *
report_fatal_findings(const struct audit *a)
{
	auto_strbuf struct strbuf out, path;
	size_t i, named = 0, more = 0;

	strbuf_init(&out, ERR_MESSAGE_MAX);
	strbuf_init(&path, LIMIT_PATH + 1);
	for (i = 0; i < a->count; i++) {
		const struct audit_finding *f = &a->findings[i];

		if (!f->fatal)
			continue;
		if (named == FATAL_PATHS || out.len > ERR_MESSAGE_MAX / 2) {
			more++;
			continue;
		}
		tree_node_path(f->node, &path);
		strbuf_add_format(&out, "%s%s /%.200s",
		    named++ == 0 ? "" : ", ", audit_category_name(f->category),
		    strbuf_string(&path));
	}
	if (more > 0)
		strbuf_add_format(&out, " and %zu more", more);
	return strbuf_steal(&out);
}
