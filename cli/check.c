/* winnow check: the mistakes in policies, each with its place. */
#include <stdio.h>
#include <sys/stat.h>

#include "cli.h"
#include "winnow/auto.h"
#include "winnow/json.h"
#include "winnow/policy.h"

static int
load(const char *path, const char *sets_dir, struct yaml_mistakes *mistakes,
    struct err *e)
{
	struct policy_set *set = NULL;
	struct policy *policy = NULL;
	struct stat st;
	int r;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		r = policy_load_dir(path, sets_dir, &set, mistakes, e);
	else
		r = policy_load_file(path, sets_dir, &policy, mistakes, e);
	if (set != NULL)
		policy_set_free(set);
	if (policy != NULL)
		policy_free(policy);
	return r;
}

static void
print_text(const char *path, const struct yaml_mistakes *mistakes, int result,
    const struct err *e)
{
	auto_strbuf struct strbuf text;

	strbuf_init(&text, SIZE_MAX);
	if (result == 0) {
		printf("%s: ok\n", path);
	} else if (mistakes->count > 0) {
		yaml_mistakes_format(mistakes, &text);
		fputs(strbuf_string(&text), stderr);
	} else {
		cli_fail("check", e);
	}
}

static json_t *
make_mistake(const struct yaml_mistake *m)
{
	json_t *object = json_object();

	json_put(object, "file", json_escaped(m->file));
	if (m->line > 0) {
		json_put(object, "line", json_integer(m->line));
		json_put(object, "column", json_integer(m->column));
	}
	json_put(object, "message", json_escaped(m->text));
	return object;
}

static json_t *
make_json(const char *path, const struct yaml_mistakes *mistakes, int result,
    const struct err *e)
{
	json_t *object = json_object(), *list = json_array(), *message;
	size_t i;

	for (i = 0; i < mistakes->count; i++)
		json_push(list, make_mistake(&mistakes->items[i]));
	if (result == -1 && mistakes->count == 0) {
		message = json_object();
		json_put(message, "file", json_escaped(path));
		json_put(message, "message", json_escaped(e->message));
		json_push(list, message);
	}
	json_put(object, "path", json_escaped(path));
	json_put(object, "ok", json_boolean(result == 0));
	json_put(object, "mistakes", list);
	return object;
}

/* Checks one file or directory; CLI_OK without mistakes. */
static int
check(const char *path, const char *sets_dir, json_t *list)
{
	struct yaml_mistakes mistakes = {0};
	auto_free char *found = cli_find_sets(path);
	struct err e = {0};
	int r;

	r = load(path, sets_dir == NULL ? found : sets_dir, &mistakes, &e);
	if (list != NULL)
		json_push(list, make_json(path, &mistakes, r, &e));
	else
		print_text(path, &mistakes, r, &e);
	yaml_mistakes_clear(&mistakes);
	return r == 0 ? CLI_OK : CLI_FAILED;
}

int
command_check(const struct options *o)
{
	auto_json json_t *list = o->json ? json_array() : NULL;
	int i, status = CLI_OK;

	for (i = 0; i < o->operand_count; i++)
		if (check(o->operands[i], o->sets_dir, list) != CLI_OK)
			status = CLI_FAILED;
	if (list != NULL)
		cli_print_json(list);
	return status;
}
