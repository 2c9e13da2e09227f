/* What a policy makes of the image's config. */
#include <stdlib.h>
#include <string.h>

#include "policy_private.h"
#include "winnow/json.h"
#include "winnow/mem.h"
#include "winnow/num.h"

static const struct yaml_key config_keys[] = {
    {"entrypoint", YAML_LIST | YAML_NULL, false, "entry_point command"},
    {"cmd", YAML_LIST | YAML_NULL, false, "args arguments"},
    {"user", YAML_STRING, false, "uid run_as"},
    {"workdir", YAML_STRING | YAML_MAP, false,
	"working_dir working_directory cwd"},
    {"env", YAML_MAP, false, "environment variables"},
    {"labels", YAML_MAP, false, "annotations"},
    {"stop_signal", YAML_STRING, false, "stopsignal signal"},
    {"healthcheck", YAML_MAP | YAML_STRING | YAML_NULL, false,
	"health_check health"},
};
#define CONFIG_KEYS (sizeof(config_keys) / sizeof(config_keys[0]))

static const struct yaml_key healthcheck_keys[] = {
    {"test", YAML_LIST, true, "cmd command"},
    {"interval", YAML_STRING, false, NULL},
    {"timeout", YAML_STRING, false, NULL},
    {"start_period", YAML_STRING, false, "startperiod"},
    {"retries", YAML_STRING, false, "retry"},
};
#define HEALTHCHECK_KEYS \
	(sizeof(healthcheck_keys) / sizeof(healthcheck_keys[0]))

/* A pattern instead of a string: the one path of the image that it names. */
static const struct yaml_key path_keys[] = {
    {"path", YAML_STRING, true, "pattern glob file"},
};

/* More than any orchestrator waits for. */
#define RETRIES_MAX 10000

/* A string, or a map with the key path, as JSON. */
static json_t *
read_value(const struct yaml_doc *doc, const struct yaml_node *value)
{
	auto_glob struct glob *glob = NULL;
	const struct yaml_node *path;
	size_t column = 0;
	struct err e;

	if (value->type != YAML_MAP)
		return value->type == YAML_NULL ? json_null()
						: json_string(value->text);
	if (!yaml_check_map(doc, value, path_keys, 1))
		return json_null();
	path = yaml_get(value, "path", YAML_STRING);
	if (glob_compile(path->text, &glob, &column, &e) == -1)
		yaml_complain_inside(doc, path, column, e.message);
	return json_pack("{s:s}", "path", path->text);
}

/* A list of such values or null as JSON, under its key. */
static void
read_list(const struct yaml_doc *doc, const struct yaml_node *map,
    const char *key, json_t *out)
{
	const struct yaml_node *list = yaml_get(map, key, YAML_LIST), *item;
	json_t *array;

	if (yaml_get(map, key, YAML_NULL) != NULL)
		json_object_set_new(out, key, json_null());
	if (list == NULL ||
	    !yaml_check_items(doc, list, YAML_STRING | YAML_MAP))
		return;
	array = json_array();
	for (item = list->first; item != NULL; item = item->next)
		json_push(array, read_value(doc, item));
	json_object_set_new(out, key, array);
}

/* A map of values of these types as JSON, under its key. */
static void
read_map(const struct yaml_doc *doc, const struct yaml_node *map,
    const char *key, unsigned types, json_t *out)
{
	const struct yaml_node *values = yaml_get(map, key, YAML_MAP), *value;
	json_t *object;

	if (values == NULL || !yaml_check_items(doc, values, types))
		return;
	object = json_object();
	for (value = values->first; value != NULL; value = value->next) {
		if (*value->key->text == '\0' ||
		    strchr(value->key->text, '=') != NULL)
			yaml_complain(doc, value->key,
			    "a name is not empty and has no \"=\"");
		json_put(object, value->key->text, read_value(doc, value));
	}
	json_object_set_new(out, key, object);
}

static bool
is_user(const char *s)
{
	return *s != '\0' && s[strcspn(s, " \t\r\n/")] == '\0';
}

static bool
is_absolute(const char *s)
{
	return *s == '/';
}

/* SIGTERM, SIGRTMIN+3, or a number up to that of the last signal. */
static bool
is_signal(const char *s)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-";
	uint64_t number;
	struct err e;

	if (strncmp(s, "SIG", 3) == 0)
		return s[3] != '\0' && s[3 + strspn(s + 3, letters)] == '\0';
	return num_parse(s, 1, 64, "signal", &number, &e) == 0;
}

/* Strings with a form of their own. */
static const struct {
	const char *key;
	bool (*is_valid)(const char *);
	const char *form;
} string_forms[] = {
    {"user", is_user, "a user or USER:GROUP"},
    {"workdir", is_absolute, "an absolute path"},
    {"stop_signal", is_signal, "a signal like SIGTERM, or a number to 64"},
};

static void
read_strings(
    const struct yaml_doc *doc, const struct yaml_node *map, json_t *out)
{
	size_t i;

	for (i = 0; i < sizeof(string_forms) / sizeof(string_forms[0]); i++) {
		const char *key = string_forms[i].key;
		const struct yaml_node *n = yaml_get(map, key, YAML_STRING);

		if (n == NULL)
			continue;
		if (!string_forms[i].is_valid(n->text))
			yaml_complain(doc, n, "\"%s\" must be %s", key,
			    string_forms[i].form);
		json_object_set_new(out, key, json_string(n->text));
	}
}

static void
read_workdir(
    const struct yaml_doc *doc, const struct yaml_node *map, json_t *out)
{
	const struct yaml_node *path = yaml_get(map, "workdir", YAML_MAP);

	if (path != NULL)
		json_put(out, "workdir", read_value(doc, path));
}

/* docker knows NONE, CMD with arguments, and CMD-SHELL with one. */
static void
check_test(const struct yaml_doc *doc, const struct yaml_node *map)
{
	const struct yaml_node *list = yaml_get(map, "test", YAML_LIST);
	const char *first = NULL;

	if (list == NULL)
		return;
	if (list->first != NULL)
		first = list->first->text;
	if (first == NULL ||
	    (strcmp(first, "CMD") != 0 && strcmp(first, "CMD-SHELL") != 0 &&
		strcmp(first, "NONE") != 0))
		yaml_complain(doc, list,
		    "\"test\" must start with CMD, CMD-SHELL or NONE");
}

static void
read_healthcheck_map(
    const struct yaml_doc *doc, const struct yaml_node *map, json_t *out)
{
	static const char *const durations[] = {
	    "interval", "timeout", "start_period"};
	static const uint64_t limits[2] = {0, RETRIES_MAX};
	uint64_t number = UINT64_MAX;
	size_t i;

	(void)yaml_check_map(doc, map, healthcheck_keys, HEALTHCHECK_KEYS);
	check_test(doc, map);
	read_list(doc, map, "test", out);
	for (i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
		const char *text = yaml_get_string(map, durations[i]);

		yaml_get_duration(doc, map, durations[i], &number);
		if (text != NULL)
			json_object_set_new(
			    out, durations[i], json_string(text));
	}
	number = UINT64_MAX;
	yaml_get_uint(doc, map, "retries", limits, &number);
	if (number != UINT64_MAX)
		json_object_set_new(
		    out, "retries", json_integer((json_int_t)number));
}

static void
read_healthcheck(
    const struct yaml_doc *doc, const struct yaml_node *map, json_t *out)
{
	const struct yaml_node *check = yaml_get(map, "healthcheck", YAML_MAP);
	const struct yaml_node *word =
	    yaml_get(map, "healthcheck", YAML_STRING);
	json_t *object;

	if (word != NULL && strcmp(word->text, "none") != 0)
		yaml_complain(
		    doc, word, "\"healthcheck\" must be a map or none");
	if (word != NULL || yaml_get(map, "healthcheck", YAML_NULL) != NULL)
		json_object_set_new(out, "healthcheck", json_null());
	if (check == NULL)
		return;
	object = json_object();
	read_healthcheck_map(doc, check, object);
	json_object_set_new(out, "healthcheck", object);
}

json_t *
policy_config_read(const struct yaml_doc *doc, const struct yaml_node *map)
{
	auto_json json_t *out = NULL;

	if (map == NULL)
		return NULL;
	out = json_object();
	(void)yaml_check_map(doc, map, config_keys, CONFIG_KEYS);
	read_list(doc, map, "entrypoint", out);
	read_list(doc, map, "cmd", out);
	read_strings(doc, map, out);
	read_workdir(doc, map, out);
	read_map(doc, map, "env", YAML_STRING | YAML_NULL | YAML_MAP, out);
	read_map(doc, map, "labels", YAML_STRING | YAML_NULL, out);
	read_healthcheck(doc, map, out);
	return json_object_size(out) == 0 ? NULL : steal(&out);
}

/* The types of values as bits of enum yaml_type. */
static unsigned
type_of(const json_t *value)
{
	if (json_is_null(value))
		return YAML_NULL;
	if (json_is_array(value))
		return YAML_LIST;
	if (json_is_object(value))
		return YAML_MAP;
	return json_is_string(value) ? YAML_STRING : 0;
}

/* Checks a value: a string, {"path": PATTERN} where it may be, or null. */
static int
check_value(
    const char *where, const json_t *value, unsigned types, struct err *e)
{
	auto_glob struct glob *glob = NULL;
	const char *pattern;

	if ((type_of(value) & types) == 0)
		return err_set(e, ERR_INVALID, "%s is no string", where);
	if (!json_is_object(value))
		return 0;
	if (json_get_string(value, "path", JSON_REQUIRED, &pattern, e) == -1 ||
	    glob_compile(pattern, &glob, NULL, e) == -1)
		return err_wrap(e, "%s", where);
	return 0;
}

/* Checks the values in a member of the config. */
static int
check_values(const char *key, const json_t *value, struct err *e)
{
	auto_free char *where = mem_printf("config.%s", key);
	bool is_map = strcmp(key, "env") == 0 || strcmp(key, "labels") == 0;
	unsigned types = YAML_STRING;
	const char *name;
	json_t *item;
	size_t i;

	if (strcmp(key, "labels") != 0)
		types |= YAML_MAP;
	if (strcmp(key, "workdir") == 0)
		return check_value(where, value, types, e);
	json_array_foreach(value, i, item)
	{
		if (check_value(where, item, types, e) == -1)
			return -1;
	}
	if (!is_map)
		return 0;
	json_object_foreach((json_t *)(uintptr_t)value, name, item)
	{
		if (check_value(where, item, types | YAML_NULL, e) == -1)
			return err_wrap(e, "%s", name);
	}
	return 0;
}

static int
check_member(const char *key, const json_t *value, struct err *e)
{
	size_t i;

	for (i = 0; i < CONFIG_KEYS; i++) {
		if (strcmp(config_keys[i].name, key) == 0)
			break;
	}
	if (i == CONFIG_KEYS || (config_keys[i].types & type_of(value)) == 0)
		return err_set(e, ERR_INVALID,
		    "config.%s is unknown or of a wrong type", key);
	if (strcmp(key, "healthcheck") != 0)
		return check_values(key, value, e);
	return check_values(
	    "healthcheck.test", json_object_get(value, "test"), e);
}

int
policy_config_check(const json_t *config, struct err *e)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)config, key, value)
	{
		if (check_member(key, value, e) == -1)
			return -1;
	}
	return 0;
}
