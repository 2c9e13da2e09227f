/* Paths in a policy's `config:` that are given as patterns. */
#include <string.h>

#include "image_config.h"
#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/strbuf.h"

/* What one pattern names. */
struct search {
	const struct tree *tree;
	struct tree_node *node; /* the first */
	struct tree_node *end; /* where that leads */
	struct tree_node *other; /* one that leads elsewhere */
};

/* The several names of a file count as one, best without links. */
static void
note_found(void *arg, const struct tree_match *m)
{
	struct search *s = arg;
	struct tree_node *n = m->node, *end = tree_follow(s->tree, n);

	if (end == NULL)
		return;
	if (s->node == NULL) {
		s->node = n;
		s->end = end;
	} else if (end != s->end) {
		if (s->other == NULL)
			s->other = n;
	} else if (n == end) {
		s->node = n;
	}
}

static int
refuse_second(const struct search *s, const char *where, const char *pattern,
    struct err *e)
{
	auto_strbuf struct strbuf first, other;

	strbuf_init(&first, 4 * LIMIT_PATH);
	strbuf_init(&other, 4 * LIMIT_PATH);
	tree_show_path(s->node, &first);
	tree_show_path(s->other, &other);
	return err_set(e, ERR_POLICY,
	    "%s: %s names several paths of the image, %s and %s: write a "
	    "pattern that names one",
	    where, pattern, strbuf_string(&first), strbuf_string(&other));
}

/* The string that a value stands for: a new reference in *out. */
static int
resolve_value(const struct tree *t, const char *where, json_t *value,
    json_t **out, struct err *e)
{
	auto_glob struct glob *glob = NULL;
	auto_strbuf struct strbuf path;
	auto_free char *absolute = NULL;
	struct search search = {.tree = t};
	const char *pattern;

	strbuf_init(&path, LIMIT_PATH + 1);
	*out = NULL;
	if (!json_is_object(value)) {
		*out = json_incref(value);
		return 0;
	}
	if (json_get_string(value, "path", JSON_REQUIRED, &pattern, e) == -1 ||
	    glob_compile(pattern, &glob, NULL, e) == -1)
		return err_wrap(e, "%s", where);
	tree_match(t, glob, note_found, &search);
	if (search.node == NULL)
		return err_set(e, ERR_POLICY,
		    "%s: %s names nothing in the image", where, pattern);
	if (search.other != NULL)
		return refuse_second(&search, where, pattern, e);
	tree_node_path(search.node, &path);
	absolute = mem_printf("/%s", strbuf_string(&path));
	*out = json_string(absolute);
	if (*out == NULL)
		return err_set(e, ERR_POLICY,
		    "%s: what %s names is not UTF-8, as a config must be",
		    where, pattern);
	return 0;
}

static int
resolve_list(const struct tree *t, const char *where, json_t *list,
    json_t **out, struct err *e)
{
	auto_json json_t *resolved = json_array();
	json_t *item, *string;
	size_t i;

	json_array_foreach(list, i, item)
	{
		auto_free char *which = mem_printf("%s[%zu]", where, i);

		if (resolve_value(t, which, item, &string, e) == -1)
			return -1;
		json_push(resolved, string);
	}
	*out = json_incref(resolved);
	return 0;
}

static int
resolve_map(const struct tree *t, const char *where, json_t *map, json_t **out,
    struct err *e)
{
	auto_json json_t *resolved = json_object();
	const char *name;
	json_t *value, *string;

	json_object_foreach(map, name, value)
	{
		auto_free char *which = mem_printf("%s.%s", where, name);

		if (resolve_value(t, which, value, &string, e) == -1)
			return -1;
		json_put(resolved, name, string);
	}
	*out = json_incref(resolved);
	return 0;
}

typedef int resolve_function(const struct tree *t, const char *where,
    json_t *value, json_t **out, struct err *e);

static int
resolve_healthcheck(const struct tree *t, const char *where, json_t *check,
    json_t **out, struct err *e)
{
	auto_json json_t *resolved = json_copy(check);
	auto_free char *which = mem_printf("%s.test", where);
	json_t *test = json_object_get(check, "test"), *list;

	if (test != NULL) {
		if (resolve_list(t, which, test, &list, e) == -1)
			return -1;
		json_put(resolved, "test", list);
	}
	*out = json_incref(resolved);
	return 0;
}

int
image_config_resolve(
    const json_t *edits, const struct tree *t, json_t **out, struct err *e)
{
	static const struct {
		const char *key;
		resolve_function *resolve;
	} members[] = {
	    {"entrypoint", resolve_list},
	    {"cmd", resolve_list},
	    {"workdir", resolve_value},
	    {"env", resolve_map},
	    {"healthcheck", resolve_healthcheck},
	};
	auto_json json_t *resolved = json_copy((json_t *)(uintptr_t)edits);
	size_t i;

	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		json_t *value = json_object_get(edits, members[i].key), *made;
		auto_free char *where = mem_printf("config.%s", members[i].key);

		if (value == NULL || json_is_null(value))
			continue;
		if (members[i].resolve(t, where, value, &made, e) == -1)
			return -1;
		json_put(resolved, members[i].key, made);
	}
	*out = json_incref(resolved);
	return 0;
}
