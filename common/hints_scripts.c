/*
 * A kept shell script goes on, or ends, when a program that it calls is not
 * there; a test by `id -u` then takes the other branch.
 */
#include <stdlib.h>
#include <string.h>

#include "hints_private.h"
#include "image_config.h"
#include "script.h"
#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

/* Programs that a text names, and scripts that get a hint of their own. */
#define MAX_NAMED 10
#define MAX_SCRIPTS 50

struct scan {
	const struct selection *s;
	struct lookup lookup;
	json_t *hints;
	uint32_t scripts; /* that lack something */
};

/* What one script lacks. */
struct lack {
	struct strbuf names; /* as it calls them: "id, chown" */
	json_t *programs; /* the paths by which the source has them */
};

static bool
finds(const struct lookup *l, const char *name)
{
	struct lookup_result found;
	bool r;

	lookup_program(l, name, &found);
	r = found.node != NULL;
	lookup_clear(&found);
	return r;
}

/* True for a script that can run; startup and audit speak of the others. */
static bool
is_alive(const struct scan *scan, const struct tree_node *n)
{
	auto_free char *name = script_program(n->entry->script);
	auto_free char *env = script_env(n->entry->script);

	return lookup_is_executable(n) && name != NULL &&
	    finds(&scan->lookup, name) &&
	    (env == NULL || finds(&scan->lookup, env));
}

/* Adds the program if the source has it and the variant does not. */
static void
add_program(const struct scan *scan, const char *name, struct lack *lack)
{
	struct lookup_result found;
	size_t count = json_array_size(lack->programs);

	lookup_program(&scan->lookup, name, &found);
	if (found.node == NULL && found.lost != NULL) {
		if (count < MAX_NAMED)
			strbuf_add_format(
			    &lack->names, "%s%s", count == 0 ? "" : ", ", name);
		json_push(lack->programs,
		    json_escaped(
			found.lost_path + strspn(found.lost_path, "/")));
	}
	lookup_clear(&found);
}

static void
add_programs(const struct scan *scan, const char *calls, struct lack *lack)
{
	while (*calls != '\0') {
		size_t len = strcspn(calls, " ");
		auto_free char *name = mem_strndup(calls, len);

		add_program(scan, name, lack);
		calls += len + (calls[len] == ' ');
	}
}

static char *
format_text(const struct scan *scan, const struct tree_node *n,
    const char *path, struct lack *lack)
{
	size_t count = json_array_size(lack->programs);
	auto_strbuf struct strbuf why;

	strbuf_init(&why, 8 * LIMIT_PATH);
	selection_explain(scan->s, n, &why);
	if (count > MAX_NAMED)
		strbuf_add_format(
		    &lack->names, " and %zu more", count - MAX_NAMED);
	return mem_printf("/%.300s (%.200s) calls %s, which the variant does "
			  "not have: keep what it needs, drop the script, or "
			  "add \"ignore_hints: [scripts]\"",
	    path, strbuf_string(&why), strbuf_string(&lack->names));
}

static void
push_hint(const struct scan *scan, const struct tree_node *n, struct lack *lack)
{
	auto_strbuf struct strbuf path;
	auto_free char *text = NULL;
	json_t *hint = json_object();

	strbuf_init(&path, LIMIT_PATH + 1);
	tree_node_path(n, &path);
	text = format_text(scan, n, strbuf_string(&path), lack);
	json_put(hint, "family", json_string("scripts"));
	json_put(hint, "files", json_integer(json_array_size(lack->programs)));
	json_put(
	    hint, "example", json_incref(json_array_get(lack->programs, 0)));
	json_put(hint, "script", json_escaped(strbuf_string(&path)));
	json_put(hint, "programs", json_incref(lack->programs));
	json_put(hint, "text", json_escaped(text));
	json_push(scan->hints, hint);
}

static void
check_script(struct scan *scan, const struct tree_node *n)
{
	struct lack lack = {.programs = json_array()};

	strbuf_init(&lack.names, 2 * MAX_NAMED * LIMIT_SCRIPT_CALL);
	add_programs(scan, n->entry->calls, &lack);
	if (json_array_size(lack.programs) > 0 && scan->scripts++ < MAX_SCRIPTS)
		push_hint(scan, n, &lack);
	strbuf_clear(&lack.names);
	json_decref(lack.programs);
}

/* One hint for the scripts that get none of their own. */
static void
push_rest(const struct scan *scan)
{
	json_t *hint = json_object();
	uint32_t count = scan->scripts - MAX_SCRIPTS;
	auto_free char *text = mem_printf("%u more scripts call programs that "
					  "the variant does not have",
	    count);

	json_put(hint, "family", json_string("scripts"));
	json_put(hint, "files", json_integer(count));
	json_put(hint, "text", json_string(text));
	json_push(scan->hints, hint);
}

void
hints_add_scripts(
    json_t *hints, const struct selection *s, const json_t *config)
{
	uint32_t i, count = tree_count(s->tree);
	struct scan scan = {
	    .s = s, .hints = hints, .lookup = image_config_lookup(config, s)};

	if (hints_are_ignored(s->policy, "scripts"))
		return;
	for (i = 0; i < count; i++) {
		const struct tree_node *n = tree_at(s->tree, i);

		if (tree_node_type(n) == ENTRY_FILE &&
		    n->entry->calls != NULL && selection_keeps(s, n) &&
		    is_alive(&scan, n))
			check_script(&scan, n);
	}
	if (scan.scripts > MAX_SCRIPTS)
		push_rest(&scan);
}
