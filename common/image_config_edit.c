/* A policy's `config:` applied to an image config. */
#include <string.h>

#include "image_config.h"
#include "winnow/json.h"
#include "winnow/mem.h"
#include "winnow/num.h"
#include "winnow/strbuf.h"

#define NANOSECONDS_PER_MS 1000000
/* For a message: more of a long command says nothing new. */
#define LOST_MAX 300

/* Keys whose value replaces a member as it stands. */
static const struct {
	const char *key;
	const char *member;
} plain_edits[] = {
    {"entrypoint", "Entrypoint"},
    {"cmd", "Cmd"},
    {"user", "User"},
    {"workdir", "WorkingDir"},
    {"stop_signal", "StopSignal"},
};

static void
edit_plain(json_t *runtime, const json_t *edits)
{
	size_t i;

	if (json_object_get(edits, "entrypoint") != NULL)
		json_object_del(runtime, "Cmd");
	for (i = 0; i < sizeof(plain_edits) / sizeof(plain_edits[0]); i++) {
		json_t *value = json_object_get(edits, plain_edits[i].key);

		if (json_is_null(value))
			json_object_del(runtime, plain_edits[i].member);
		else if (value != NULL)
			json_put(
			    runtime, plain_edits[i].member, json_incref(value));
	}
}

/* Whether a list of strings has the text. */
static bool
has_string(const json_t *list, const char *text)
{
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item)
	{
		if (strcmp(json_string_value(item), text) == 0)
			return true;
	}
	return false;
}

/* True when they set an entrypoint and no cmd: the image's cmd goes. */
static bool
resets_cmd(const json_t *edits)
{
	return json_object_get(edits, "entrypoint") != NULL &&
	    json_object_get(edits, "cmd") == NULL;
}

/* A container without a command is what some images are for. */
static void
warn_no_command(const json_t *lost, json_t *warnings)
{
	auto_free char *cmd = lost == NULL ? NULL : json_format(lost, NULL);
	auto_free char *text = mem_printf(
	    "the image has neither entrypoint nor cmd: it starts only with a "
	    "command given%s%.*s%s",
	    cmd == NULL ? ""
			: "; config.entrypoint resets the image's: add "
			  "under config: cmd: ",
	    LOST_MAX, cmd == NULL ? "" : cmd,
	    cmd == NULL ? "" : ", or what is to start");

	json_push(warnings, json_escaped(text));
}

/*
 * Whether the first word of a Cmd is the program that a script is to start, and
 * not an option or a file that the script gives to a program.
 */
static bool
is_program(const struct tree *t, const char *word)
{
	const struct tree_node *n =
	    *word == '/' ? tree_resolve(t, NULL, word, 0, NULL, NULL) : NULL;

	if (n != NULL && tree_node_type(n) == ENTRY_FILE)
		return (n->entry->mode & 0111) != 0;
	return *word != '-';
}

/* The arguments of the source's Cmd that the new entrypoint has not. */
static void
warn_lost_arguments(const json_t *cmd, const json_t *entrypoint,
    const struct tree *t, json_t *warnings)
{
	auto_strbuf struct strbuf lost;
	auto_free char *text = NULL;
	const char *word;
	json_t *item;
	size_t i;

	strbuf_init(&lost, LOST_MAX);
	json_array_foreach(cmd, i, item)
	{
		word = json_string_value(item);
		if ((i > 0 || !is_program(t, word)) &&
		    !has_string(entrypoint, word))
			strbuf_add_format(&lost, " %.100s", word);
	}
	if (lost.len == 0)
		return;
	text = mem_printf("config.entrypoint resets cmd, and with it these "
			  "arguments of the image:%s: add config.cmd with what "
			  "is to stay of them, or \"cmd: null\"",
	    strbuf_string(&lost));
	json_push(warnings, json_escaped(text));
}

void
image_config_warn(const struct image_configs *configs, const struct tree *t,
    const json_t *edits, json_t *warnings)
{
	const json_t *entrypoint =
	    image_config_list(configs->variant, "Entrypoint");
	const json_t *lost = resets_cmd(edits)
	    ? image_config_list(configs->source, "Cmd")
	    : NULL;

	if (entrypoint != NULL)
		warn_lost_arguments(lost, entrypoint, t, warnings);
	else if (image_config_list(configs->variant, "Cmd") == NULL)
		warn_no_command(lost, warnings);
}

static bool
is_variable(const json_t *pair, const char *name)
{
	const char *text = json_string_value(pair);
	size_t len = strlen(name);

	return strncmp(text, name, len) == 0 && text[len] == '=';
}

/*
 * Gives a variable its value in a list of NAME=VALUE, or removes it (NULL).
 * One that is there several times is left once: the last would count.
 */
static void
set_variable(json_t *list, const char *name, const char *value)
{
	auto_free char *pair =
	    value == NULL ? NULL : mem_printf("%s=%s", name, value);
	size_t i = 0;

	while (i < json_array_size(list)) {
		if (!is_variable(json_array_get(list, i), name)) {
			i++;
		} else if (pair == NULL) {
			json_array_remove(list, i);
		} else {
			json_array_set_new(list, i++, json_string(pair));
			free(steal(&pair));
		}
	}
	if (pair != NULL)
		json_push(list, json_string(pair));
}

static int
edit_env(json_t *runtime, json_t *env, struct err *e)
{
	json_t *old = json_object_get(runtime, "Env");
	auto_json json_t *list =
	    json_is_array(old) ? json_copy(old) : json_array();
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)env, name, value)
	{
		if (!json_is_string(value) && !json_is_null(value))
			return err_set(
			    e, ERR_POLICY, "env.%s is not a string", name);
		set_variable(list, name, json_string_value(value));
	}
	json_put(runtime, "Env", json_incref(list));
	return 0;
}

static void
edit_labels(json_t *runtime, json_t *labels)
{
	json_t *old = json_object_get(runtime, "Labels");
	json_t *merged = json_is_object(old) ? json_copy(old) : json_object();
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)labels, name, value)
	{
		if (json_is_null(value))
			json_object_del(merged, name);
		else
			json_put(merged, name, json_incref(value));
	}
	json_put(runtime, "Labels", merged);
}

/* Copies a duration ("30s") as the config's nanoseconds. */
static int
edit_duration(json_t *to, const char *member, const json_t *from,
    const char *key, struct err *e)
{
	const char *text = NULL;
	uint64_t ms = 0;

	if (json_get_string(from, key, JSON_OPTIONAL, &text, e) == -1)
		return -1;
	if (text == NULL)
		return 0;
	if (num_parse_duration(text, &ms, e) == -1)
		return err_wrap(e, "%s", key);
	if (ms > INT64_MAX / NANOSECONDS_PER_MS)
		return err_set(e, ERR_POLICY, "%s is too long", key);
	json_put(to, member, json_integer((json_int_t)ms * NANOSECONDS_PER_MS));
	return 0;
}

/* Replaces or, for null or "none", disables the health check. */
static int
edit_healthcheck(json_t *runtime, json_t *edit, struct err *e)
{
	auto_json json_t *check = json_object();
	json_t *test = json_object_get(edit, "test");
	json_t *retries = json_object_get(edit, "retries");

	if (!json_is_object(edit)) {
		json_object_del(runtime, "Healthcheck");
		return 0;
	}
	if (test != NULL)
		json_put(check, "Test", json_incref(test));
	if (edit_duration(check, "Interval", edit, "interval", e) == -1 ||
	    edit_duration(check, "Timeout", edit, "timeout", e) == -1 ||
	    edit_duration(check, "StartPeriod", edit, "start_period", e) == -1)
		return -1;
	if (retries != NULL)
		json_put(check, "Retries", json_incref(retries));
	json_put(runtime, "Healthcheck", json_incref(check));
	return 0;
}

int
image_config_edit(json_t *config, const json_t *policy_edits,
    const struct tree *t, struct err *e)
{
	json_t *runtime = json_object_get(config, "config");
	auto_json json_t *edits = NULL;
	json_t *env, *labels, *healthcheck;

	if (policy_edits == NULL)
		return 0;
	if (image_config_resolve(policy_edits, t, &edits, e) == -1)
		return -1;
	env = json_object_get(edits, "env");
	labels = json_object_get(edits, "labels");
	healthcheck = json_object_get(edits, "healthcheck");
	edit_plain(runtime, edits);
	if (env != NULL && edit_env(runtime, env, e) == -1)
		return err_wrap(e, "config");
	if (labels != NULL)
		edit_labels(runtime, labels);
	if (healthcheck != NULL &&
	    edit_healthcheck(runtime, healthcheck, e) == -1)
		return err_wrap(e, "config.healthcheck");
	return 0;
}
