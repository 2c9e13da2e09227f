#include "config.h"

#include <sched.h>
#include <string.h>

#include "config_keys.h"
#include "config_reader.h"
#include "config_upstream.h"
#include "listen_address.h"
#include "winnow/log.h"
#include "winnow/mem.h"
#include "winnow/num.h"
#include "winnow/oci.h"
#include "winnow/ref.h"

static void *
field(struct config *c, size_t offset)
{
	return (char *)c + offset;
}

static uint64_t
count_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == -1)
		return 1;
	return (uint64_t)CPU_COUNT(&set);
}

/* --- defaults --- */

static void
set_strings(struct config *c, const struct config_key *key, const char *value)
{
	char **list;

	if (*value == '\0')
		return;
	list = mem_zalloc(1, sizeof(*list));
	list[0] = mem_strdup(value);
	*(char ***)field(c, key->offset) = list;
	*(size_t *)field(c, key->count_offset) = 1;
}

static void
set_default(struct config *c, const struct config_key *key)
{
	uint64_t *number = field(c, key->offset);
	struct err e;

	switch (key->type) {
	case CONFIG_ACTION:
		*(enum config_default *)field(c, key->offset) = CONFIG_PASS;
		break;
	case CONFIG_BOOL:
		*(bool *)field(c, key->offset) =
		    strcmp(key->value, "true") == 0;
		break;
	case CONFIG_DURATION:
		(void)num_parse_duration(key->value, number, &e);
		break;
	case CONFIG_NUMBER:
		*number = count_cpus();
		if (key->value != NULL)
			(void)num_parse(key->value, key->min, key->max,
			    key->name, number, &e);
		break;
	case CONFIG_SIZE:
		(void)num_parse_size(key->value, number, &e);
		break;
	case CONFIG_PATH:
	case CONFIG_STRING:
		if (key->value != NULL)
			*(char **)field(c, key->offset) =
			    mem_strdup(key->value);
		break;
	case CONFIG_STRINGS:
		set_strings(c, key,
		    key->value == NULL ? oci_platform_host() : key->value);
		break;
	case CONFIG_ACCESS:
	case CONFIG_GROUPS:
	case CONFIG_TLS:
	case CONFIG_UPSTREAMS:
		break;
	}
}

void
config_free(struct config *c)
{
	if (c == NULL)
		return;
	mem_free_strings(c->listen, c->listen_count);
	mem_free_strings(c->platforms, c->platform_count);
	config_upstreams_clear(c);
	config_clear_tls(&c->tls);
	config_clear_access(&c->access);
	free(c->htpasswd);
	free(c->store);
	free(c->admin_socket);
	mem_free_strings(c->admin, c->admin_count);
	mem_free_strings(c->warm, c->warm_count);
	free(c->warm_marks);
	free(c->policies);
	free(c->sets);
	free(c->default_upstream);
	free(c->original_prefix);
	free(c->log_level);
	free(c->access_log);
	free(c->access_log_file);
	free(c);
}

/* --- reading --- */

static void
check_range(const struct config_reader *r, const struct config_key *key,
    uint64_t value, const char *unit)
{
	const struct yaml_node *node =
	    yaml_get(r->root, key->name, YAML_STRING);

	if (node != NULL && (value < key->min || value > key->max))
		yaml_complain(r->doc, node, "%s must be from %llu to %llu %s",
		    key->name, (unsigned long long)key->min,
		    (unsigned long long)key->max, unit);
}

static void
read_strings(const struct config_reader *r, const struct config_key *key,
    struct config *c)
{
	const struct yaml_node *node = yaml_get(r->root, key->name, YAML_LIST);
	char ***list = field(c, key->offset);
	size_t *count = field(c, key->count_offset);

	if (node == NULL)
		return;
	mem_free_strings(*list, *count);
	*list = NULL;
	*count = 0;
	yaml_get_strings(r->doc, r->root, key->name, list, count);
	if (*count < key->min || *count > key->max)
		yaml_complain(r->doc, node, "%s must have %llu to %llu items",
		    key->name, (unsigned long long)key->min,
		    (unsigned long long)key->max);
}

static void
read_text(const struct config_reader *r, const struct config_key *key,
    struct config *c)
{
	const char *text = yaml_get_string(r->root, key->name);
	char **value = field(c, key->offset);

	if (text == NULL)
		return;
	if (*text == '\0')
		yaml_complain(r->doc, yaml_get(r->root, key->name, YAML_STRING),
		    "%s must not be empty", key->name);
	free(*value);
	*value = key->type == CONFIG_PATH ? config_resolve_path(r->path, text)
					  : mem_strdup(text);
}

static void
read_action(const struct config_reader *r, const struct config_key *key,
    struct config *c)
{
	const char *text = yaml_get_string(r->root, key->name);

	if (text == NULL)
		return;
	if (strcmp(text, "deny") == 0)
		c->default_action = CONFIG_DENY;
	else if (strcmp(text, "pass") != 0)
		yaml_complain(r->doc, yaml_get(r->root, key->name, YAML_STRING),
		    "%s must be pass or deny", key->name);
}

/* --- the whole file --- */

static void
read_key(const struct config_reader *r, const struct config_key *key,
    struct config *c)
{
	const uint64_t limits[2] = {key->min, key->max};
	uint64_t *number = field(c, key->offset);

	switch (key->type) {
	case CONFIG_ACCESS:
		config_read_access(
		    r, yaml_get(r->root, key->name, YAML_LIST), c);
		break;
	case CONFIG_GROUPS:
		config_check_groups(r, yaml_get(r->root, key->name, YAML_MAP));
		break;
	case CONFIG_ACTION:
		read_action(r, key, c);
		break;
	case CONFIG_BOOL:
		yaml_get_bool(
		    r->doc, r->root, key->name, field(c, key->offset));
		break;
	case CONFIG_DURATION:
		yaml_get_duration(r->doc, r->root, key->name, number);
		check_range(r, key, *number, "milliseconds");
		break;
	case CONFIG_NUMBER:
		yaml_get_uint(r->doc, r->root, key->name, limits, number);
		break;
	case CONFIG_SIZE:
		yaml_get_size(r->doc, r->root, key->name, number);
		check_range(r, key, *number, "bytes");
		break;
	case CONFIG_PATH:
	case CONFIG_STRING:
		read_text(r, key, c);
		break;
	case CONFIG_STRINGS:
		read_strings(r, key, c);
		break;
	case CONFIG_TLS:
		config_read_tls(
		    r, yaml_get(r->root, key->name, YAML_MAP), &c->tls);
		break;
	case CONFIG_UPSTREAMS:
		config_read_upstreams(
		    r->doc, yaml_get(r->root, key->name, YAML_MAP), r->path, c);
		break;
	}
}

/* Complains of every address to listen on that cannot be. */
static void
check_listen(const struct config_reader *r, const char *key)
{
	const struct yaml_node *node = yaml_get(r->root, key, YAML_LIST);
	struct listen_address address;
	struct err e;

	for (node = node == NULL ? NULL : node->first; node != NULL;
	     node = node->next)
		if (node->type == YAML_STRING &&
		    listen_address_parse(node->text, &address, &e) == -1)
			yaml_complain(
			    r->doc, node, "\"%s\": %s", node->text, e.message);
}

/* Complains of every item of a list that `is_good` refuses. */
static void
check_list(const struct config_reader *r, const char *key,
    bool (*is_good)(const char *text), const char *form)
{
	const struct yaml_node *node = yaml_get(r->root, key, YAML_LIST);

	for (node = node == NULL ? NULL : node->first; node != NULL;
	     node = node->next)
		if (node->type == YAML_STRING && !is_good(node->text))
			yaml_complain(
			    r->doc, node, "\"%s\" is not %s", node->text, form);
}

static bool
is_platform(const char *text)
{
	struct oci_platform platform;
	struct err e;

	if (oci_platform_parse(text, &platform, &e) == -1)
		return false;
	oci_platform_clear(&platform);
	return true;
}

static bool
is_prefix(const char *text)
{
	return ref_is_repository(text) && strchr(text, '/') == NULL;
}

static bool
is_log_level(const char *text)
{
	return log_level_parse(text) != -1;
}

static bool
is_log_format(const char *text)
{
	return log_format_parse(text) != -1;
}

static void
check_text(const struct config_reader *r, const char *key,
    bool (*is_good)(const char *text), const char *form)
{
	const struct yaml_node *node = yaml_get(r->root, key, YAML_STRING);

	if (node != NULL && !is_good(node->text))
		yaml_complain(
		    r->doc, node, "\"%s\" is not %s", node->text, form);
}

/* Core serves plain HTTP there, and hands no inherited socket to itself. */
static bool
is_admin_address(const char *text)
{
	struct listen_address a;
	struct err ignored;

	return listen_address_parse(text, &a, &ignored) == 0 && !a.tls &&
	    a.kind != LISTEN_FD;
}

/* What no single key can say. */
static void
check_config(const struct config_reader *r, struct config *c)
{
	const struct yaml_node *node =
	    yaml_get(r->root, "default_upstream", YAML_STRING);

	check_listen(r, "listen");
	config_check_warm(r, c);
	config_check_tls(r, c);
	check_list(r, "admin", is_admin_address,
	    "ADDRESS:PORT with a numeric address, or unix:PATH");
	check_list(r, "platforms", is_platform, "a platform like linux/amd64");
	check_text(r, "original_prefix", is_prefix,
	    "one component of a repository name");
	check_text(r, "log_level", is_log_level, "error, warn, info or debug");
	check_text(r, "access_log", is_log_format, "off, kv or json");
	if (node != NULL &&
	    config_find_upstream(c, c->default_upstream) == NULL)
		yaml_complain(r->doc, node, "\"%s\" is not among the upstreams",
		    node->text);
}

static bool
check_keys(const struct config_reader *r)
{
	auto_free struct yaml_key *keys =
	    mem_zalloc(config_key_count, sizeof(*keys));
	size_t i;

	if (r->root->type == YAML_NULL)
		return false;
	for (i = 0; i < config_key_count; i++) {
		keys[i].name = config_keys[i].name;
		keys[i].types = YAML_STRING;
		if (config_keys[i].type == CONFIG_STRINGS ||
		    config_keys[i].type == CONFIG_ACCESS)
			keys[i].types = YAML_LIST;
		else if (config_keys[i].type == CONFIG_UPSTREAMS ||
		    config_keys[i].type == CONFIG_TLS ||
		    config_keys[i].type == CONFIG_GROUPS)
			keys[i].types = YAML_MAP;
	}
	(void)yaml_check_map(r->doc, r->root, keys, config_key_count);
	return r->root->type == YAML_MAP;
}

int
config_load(const char *path, struct config **out,
    struct yaml_mistakes *mistakes, struct err *e)
{
	auto_config struct config *c = mem_zalloc(1, sizeof(*c));
	auto_yaml_doc struct yaml_doc *doc = NULL;
	struct config_reader r = {.path = path};
	size_t i;

	for (i = 0; i < config_key_count; i++)
		set_default(c, &config_keys[i]);
	if (yaml_load_file(path, path, &doc, mistakes, e) == -1)
		return -1;
	r.doc = doc;
	r.root = yaml_root(doc);
	if (check_keys(&r)) {
		for (i = 0; i < config_key_count; i++)
			read_key(&r, &config_keys[i], c);
	}
	config_default_upstream(c);
	check_config(&r, c);
	if (yaml_mistakes_finish(mistakes, path, e) == -1)
		return -1;
	*out = steal(&c);
	return 0;
}
