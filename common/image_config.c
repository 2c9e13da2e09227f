#include "image_config.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "winnow/digest.h"
#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/path.h"

/* The field of a passwd(5) line that is the home directory, from 0. */
#define PASSWD_HOME 5
/* The field of passwd(5) and group(5) lines that is the number. */
#define ACCOUNT_NUMBER 2

/* Checks one entry of the history; counts it when it has a layer. */
static int
check_history(const json_t *item, size_t i, size_t *used, struct err *e)
{
	const json_t *empty = json_object_get(item, "empty_layer");

	if (!json_is_object(item))
		return err_set(
		    e, ERR_INVALID, "history[%zu] is not an object", i);
	if (empty != NULL && !json_is_boolean(empty) && !json_is_null(empty))
		return err_set(e, ERR_INVALID,
		    "history[%zu]: \"empty_layer\" is not true or false", i);
	*used += !json_is_true(empty);
	return 0;
}

/* Compares rootfs.diff_ids and history with the number of layers. */
static int
check_layers(const json_t *config, size_t layers, struct err *e)
{
	json_t *rootfs = NULL, *diff_ids = NULL, *history = NULL, *item;
	size_t i, used = 0;

	if (json_get_object(config, "rootfs", JSON_REQUIRED, &rootfs, e) ==
		-1 ||
	    json_get_array(rootfs, "diff_ids", JSON_REQUIRED, &diff_ids, e) ==
		-1 ||
	    json_get_array(config, "history", JSON_OPTIONAL, &history, e) == -1)
		return -1;
	if (json_array_size(diff_ids) != layers)
		return err_set(e, ERR_INVALID,
		    "%zu diff_ids for the manifest's %zu layers",
		    json_array_size(diff_ids), layers);
	json_array_foreach(diff_ids, i, item)
	{
		struct digest digest;

		if (!json_is_string(item) ||
		    digest_parse(json_string_value(item), &digest, e) == -1)
			return err_set(
			    e, ERR_INVALID, "diff_ids[%zu] is not a digest", i);
	}
	json_array_foreach(history, i,
	    item) if (check_history(item, i, &used, e) == -1) return -1;
	if (used > layers)
		return err_set(e, ERR_INVALID,
		    "%zu history entries with a layer, but %zu layers", used,
		    layers);
	return 0;
}

/* Checks that a member is missing, null or an array of strings. */
static int
check_list(const json_t *runtime, const char *key, struct err *e)
{
	json_t *list = NULL, *item;
	size_t i;

	if (json_get_array(runtime, key, JSON_OPTIONAL, &list, e) == -1)
		return -1;
	json_array_foreach(list, i, item) if (!json_is_string(item) ||
	    strlen(json_string_value(item)) !=
		json_string_length(item)) return err_set(e, ERR_INVALID,
	    "%s[%zu] is not a plain string", key, i);
	return 0;
}

/* Checks the types of what image_config_*() will read. */
static int
check_runtime(const json_t *runtime, struct err *e)
{
	static const char *const lists[] = {
	    "Entrypoint", "Cmd", "Env", "Shell"};
	static const char *const strings[] = {
	    "User", "WorkingDir", "StopSignal"};
	json_t *object = NULL;
	const char *string = NULL;
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (check_list(runtime, lists[i], e) == -1)
			return -1;
	for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		if (json_get_string(
			runtime, strings[i], JSON_OPTIONAL, &string, e) == -1)
			return -1;
	if (json_get_object(runtime, "Volumes", JSON_OPTIONAL, &object, e) ==
		-1 ||
	    json_get_object(runtime, "Labels", JSON_OPTIONAL, &object, e) ==
		-1 ||
	    json_get_object(
		runtime, "Healthcheck", JSON_OPTIONAL, &object, e) == -1)
		return -1;
	return object == NULL ? 0 : check_list(object, "Test", e);
}

int
image_config_parse(
    const void *data, size_t len, size_t layers, json_t **out, struct err *e)
{
	auto_json json_t *config = NULL;
	json_t *runtime = NULL;

	if (len > LIMIT_CONFIG_SIZE)
		return err_set(e, ERR_LIMIT,
		    "the image config is larger than %u bytes",
		    LIMIT_CONFIG_SIZE);
	if (json_parse_object(data, len, "the image config", &config, e) == -1)
		return -1;
	if (image_config_spell(config, e) == -1 ||
	    json_get_object(config, "config", JSON_OPTIONAL, &runtime, e) ==
		-1 ||
	    check_layers(config, layers, e) == -1)
		return err_wrap(e, "the image config");
	if (runtime == NULL) {
		runtime = json_object();
		json_put(config, "config", runtime);
	}
	if (check_runtime(runtime, e) == -1)
		return err_wrap(e, "the image config: config");
	*out = steal(&config);
	return 0;
}

const json_t *
image_config_list(const json_t *config, const char *key)
{
	const json_t *list =
	    json_object_get(json_object_get(config, "config"), key);

	return json_array_size(list) == 0 ? NULL : list;
}

const char *
image_config_string(const json_t *config, const char *key)
{
	const char *string = json_string_value(
	    json_object_get(json_object_get(config, "config"), key));

	return string == NULL ? "" : string;
}

const char *
image_config_env(const json_t *config, const char *name)
{
	const json_t *list = image_config_list(config, "Env"), *item;
	const char *value = NULL;
	size_t i, len = strlen(name);

	json_array_foreach(list, i, item)
	{
		const char *pair = json_string_value(item);

		if (strncmp(pair, name, len) == 0 && pair[len] == '=')
			value = pair + len + 1;
	}
	return value;
}

struct closure_env
image_config_closure_env(const json_t *config)
{
	return (struct closure_env){
	    .library_path = image_config_env(config, "LD_LIBRARY_PATH"),
	    .preload = image_config_env(config, "LD_PRELOAD"),
	};
}

static bool
keeps(const void *arg, const struct tree_node *n)
{
	return selection_keeps(arg, n);
}

struct lookup
image_config_lookup(const json_t *config, const struct selection *s)
{
	return (struct lookup){
	    .tree = s->tree,
	    .keeps = keeps,
	    .arg = s,
	    .dirs = image_config_env(config, "PATH"),
	    .workdir = image_config_string(config, "WorkingDir"),
	};
}

static int
add_dir(struct selection_config *dirs, size_t *capacity, const char *path,
    struct err *e)
{
	auto_strbuf struct strbuf normal;

	strbuf_init(&normal, LIMIT_PATH + 1);
	if (path_normalize(path, strlen(path), &normal, e) == -1)
		return err_wrap(e, "directory \"%.100s\"", path);
	if (normal.len == 0)
		return 0;
	dirs->paths =
	    mem_grow(dirs->paths, dirs->count, capacity, sizeof(*dirs->paths));
	dirs->paths[dirs->count++] = strbuf_steal(&normal);
	return 0;
}

/* Field `field` (from 0) of a line of fields between colons. */
static const char *
find_field(const char *line, size_t line_len, unsigned field, size_t *len)
{
	const char *end = line + line_len, *colon;

	for (;; line = colon + 1) {
		colon = memchr(line, ':', (size_t)(end - line));
		if (field == 0 || colon == NULL)
			break;
		field--;
	}
	if (field > 0)
		return NULL;
	*len = (size_t)((colon == NULL ? end : colon) - line);
	return line;
}

static size_t
line_length(const char *line, const char *end)
{
	const char *newline = memchr(line, '\n', (size_t)(end - line));

	return (size_t)((newline == NULL ? end : newline) - line);
}

const char *
image_config_account(
    const char *text, size_t len, const char *name, size_t name_len)
{
	unsigned wanted = 0;
	const char *end = text + len;

	if (name_len > 0 && isdigit((unsigned char)*name))
		wanted = ACCOUNT_NUMBER;
	while (text < end) {
		size_t line_len = line_length(text, end), field_len = 0;
		const char *field =
		    find_field(text, line_len, wanted, &field_len);

		if (field != NULL && field_len == name_len &&
		    memcmp(field, name, name_len) == 0)
			return text;
		text += line_len;
		if (text < end)
			text++;
	}
	return NULL;
}

/* The home directory of the config's user in the tree's passwd, or NULL. */
static char *
find_home(const json_t *config, const struct tree *t)
{
	const char *user = image_config_string(config, "User");
	const char *passwd, *line, *home;
	size_t passwd_len = 0, len = 0, user_len = strcspn(user, ":");

	passwd = tree_content(t, "etc/passwd", &passwd_len);
	if (passwd == NULL)
		return NULL;
	if (user_len == 0) {
		user = "0";
		user_len = 1;
	}
	line = image_config_account(passwd, passwd_len, user, user_len);
	if (line == NULL)
		return NULL;
	home = find_field(
	    line, line_length(line, passwd + passwd_len), PASSWD_HOME, &len);
	if (home == NULL || len == 0 || memchr(home, '\0', len) != NULL)
		return NULL;
	return mem_strndup(home, len);
}

int
image_config_selection(const json_t *config, const struct tree *t,
    struct selection_config *out, struct err *e)
{
	json_t *volumes =
	    json_object_get(json_object_get(config, "config"), "Volumes");
	auto_free char *home = find_home(config, t);
	struct selection_config dirs = {
	    .env = image_config_closure_env(config)};
	const struct tree_node *n;
	size_t capacity = 0;
	const char *path;
	json_t *unused;
	int r = 0;

	json_object_foreach(volumes, path, unused) if (r == 0) r =
	    add_dir(&dirs, &capacity, path, e);
	path = image_config_string(config, "WorkingDir");
	if (r == 0)
		r = add_dir(&dirs, &capacity, path, e);
	n = home == NULL ? NULL : tree_resolve(t, NULL, home, 0, NULL, NULL);
	if (r == 0 && n != NULL && tree_node_type(n) == ENTRY_DIRECTORY)
		r = add_dir(&dirs, &capacity, home, e);
	if (r == -1) {
		image_config_clear_selection(&dirs);
		return err_wrap(e, "the image config");
	}
	*out = dirs;
	return 0;
}

void
image_config_clear_selection(struct selection_config *dirs)
{
	mem_free_strings(dirs->paths, dirs->count);
	*dirs = (struct selection_config){0};
}
