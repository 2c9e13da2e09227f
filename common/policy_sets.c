/* Named sets of rules that policies include. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy_private.h"
#include "winnow/mem.h"
#include "winnow/ref.h"

static const struct yaml_key set_keys[] = {
    {"description", YAML_STRING, false, "comment about"},
    {"include", YAML_LIST, false, "sets includes use"},
    {"keep", YAML_LIST, false, "allow paths files whitelist allowlist"},
    {"drop", YAML_LIST, false, "deny exclude remove delete blacklist"},
};
#define SET_KEYS (sizeof(set_keys) / sizeof(set_keys[0]))

void
policy_sets_clear(struct policy_sets *s)
{
	size_t i;

	for (i = 0; i < s->count; i++) {
		free(s->items[i].name);
		yaml_doc_free(s->items[i].doc);
		policy_free(s->items[i].rules);
	}
	free(s->items);
	*s = (struct policy_sets){0};
}

/* The number of the set of that name, or the count. */
static size_t
find(const struct policy_sets *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->count; i++) {
		if (strcmp(s->items[i].name, name) == 0)
			break;
	}
	return i;
}

/* The same for an item of an include list, which may be anything. */
static size_t
find_item(const struct policy_sets *s, const struct yaml_node *item)
{
	return item->type == YAML_STRING ? find(s, item->text) : s->count;
}

/* Loads a set from its file and appends it, even if it is broken. */
static void
load(struct policy_sets *s, const char *name, const char *path)
{
	auto_free char *origin = mem_printf("sets.d/%s.yaml", name);
	struct policy *rules = mem_zalloc(1, sizeof(*rules));
	struct policy_rule_source from = {NULL, origin, true};
	struct yaml_doc *doc = NULL;
	const struct yaml_node *root;
	struct err e;

	if (yaml_load_file(path, path, &doc, s->mistakes, &e) == 0) {
		root = yaml_root(doc);
		(void)yaml_check_map(doc, root, set_keys, SET_KEYS);
		from.doc = doc;
		policy_rules_read(&from, yaml_get(root, "keep", YAML_LIST),
		    &rules->keep, &rules->keep_count);
		policy_rules_read(&from, yaml_get(root, "drop", YAML_LIST),
		    &rules->drop, &rules->drop_count);
	}
	s->items =
	    mem_grow(s->items, s->count, &s->capacity, sizeof(*s->items));
	s->items[s->count++] =
	    (struct policy_named_set){mem_strdup(name), doc, rules};
}

/* Loads the set that an item of an include list names, if need be. */
static void
require(struct policy_sets *s, const struct yaml_doc *doc,
    const struct yaml_node *item)
{
	auto_free char *path = NULL;

	if (!ref_is_repository(item->text) || strchr(item->text, '/') != NULL) {
		yaml_complain(
		    doc, item, "\"%s\" is not the name of a set", item->text);
		return;
	}
	if (find(s, item->text) < s->count)
		return;
	path = mem_printf("%s/%s.yaml", s->dir, item->text);
	if (access(path, F_OK) == -1) {
		yaml_complain(doc, item, "unknown set \"%s\": there is no %s",
		    item->text, path);
		return;
	}
	load(s, item->text, path);
}

/* The first item of a set's include list; NULL without one. */
static const struct yaml_node *
includes_of(const struct policy_named_set *set)
{
	const struct yaml_node *list = set->doc == NULL
	    ? NULL
	    : yaml_get(yaml_root(set->doc), "include", YAML_LIST);

	return list == NULL ? NULL : list->first;
}

/* Sets still to visit, each at most once. */
struct visit {
	size_t *queue;
	size_t count;
	bool *seen;
};

static void
visit_add(struct visit *v, size_t n)
{
	if (v->seen[n])
		return;
	v->seen[n] = true;
	v->queue[v->count++] = n;
}

static void
visit_init(struct visit *v, size_t count)
{
	*v = (struct visit){mem_zalloc(count, sizeof(*v->queue)), 0,
	    mem_zalloc(count, sizeof(*v->seen))};
}

static void
visit_clear(struct visit *v)
{
	free(v->queue);
	free(v->seen);
}

/* Adds the sets of an include list's items. */
static void
visit_items(
    struct visit *v, const struct policy_sets *s, const struct yaml_node *item)
{
	for (; item != NULL; item = item->next) {
		size_t n = find_item(s, item);

		if (n < s->count)
			visit_add(v, n);
	}
}

/* Reports where what a set includes leads back to it. */
static void
check_cycle(struct policy_sets *s, size_t start)
{
	__attribute__((cleanup(visit_clear))) struct visit v;
	const struct yaml_node *item;
	size_t i;

	visit_init(&v, s->count);
	visit_add(&v, start);
	for (i = 0; i < v.count; i++) {
		const struct policy_named_set *set = &s->items[v.queue[i]];

		for (item = includes_of(set); item; item = item->next) {
			if (find_item(s, item) == start)
				yaml_complain(set->doc, item,
				    "the set \"%s\" includes itself this way",
				    s->items[start].name);
		}
		visit_items(&v, s, includes_of(set));
	}
}

/* Loads what new sets include, and what those include. */
static void
load_pending(struct policy_sets *s)
{
	size_t first = s->checked, i;

	for (; s->checked < s->count; s->checked++) {
		size_t n = s->checked;
		const struct yaml_doc *doc = s->items[n].doc;
		const struct yaml_node *item = includes_of(&s->items[n]);

		if (item != NULL &&
		    !yaml_check_items(doc, item->parent, YAML_STRING))
			continue;
		for (; item != NULL; item = item->next)
			require(s, doc, item);
	}
	for (i = first; i < s->count; i++)
		check_cycle(s, i);
}

void
policy_sets_load_all(struct policy_sets *s)
{
	size_t count = 0, i;
	char **names;

	if (access(s->dir, F_OK) == -1)
		return;
	names = policy_list_files(s->dir, &count, s->mistakes);
	for (i = 0; i < count; i++) {
		auto_free char *path = mem_printf("%s/%s", s->dir, names[i]);

		names[i][strlen(names[i]) - strlen(".yaml")] = '\0';
		if (find(s, names[i]) == s->count)
			load(s, names[i], path);
		free(names[i]);
	}
	free(names);
	load_pending(s);
}

void
policy_sets_include(struct policy_sets *s, const struct yaml_doc *doc,
    const struct yaml_node *list, struct policy *p)
{
	__attribute__((cleanup(visit_clear))) struct visit v = {NULL, 0, NULL};
	const struct yaml_node *item;
	size_t i;

	if (list == NULL || !yaml_check_items(doc, list, YAML_STRING))
		return;
	for (item = list->first; item != NULL; item = item->next)
		require(s, doc, item);
	load_pending(s);
	visit_init(&v, s->count);
	visit_items(&v, s, list->first);
	for (i = 0; i < v.count; i++) {
		const struct policy_named_set *set = &s->items[v.queue[i]];

		policy_rules_copy(set->rules->keep, set->rules->keep_count,
		    &p->keep, &p->keep_count);
		policy_rules_copy(set->rules->drop, set->rules->drop_count,
		    &p->drop, &p->drop_count);
		visit_items(&v, s, includes_of(set));
	}
}
