/* Policies as JSON: for workers, recipes and digests. */
#include <stdlib.h>
#include <string.h>

#include "policy_private.h"
#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

enum format_purpose { FORMAT_WHOLE, FORMAT_DIGEST };

static json_t *
format_strings(char *const *strings, size_t count)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < count; i++)
		json_array_append_new(array, json_string(strings[i]));
	return array;
}

static json_t *
format_rules(
    const struct policy_rule *rules, size_t count, enum format_purpose purpose)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < count; i++) {
		const struct policy_rule *rule = &rules[i];
		json_t *object = json_object();

		json_object_set_new(object,
		    rule->kind == POLICY_PACKAGE ? "package" : "pattern",
		    json_string(rule->text));
		if (rule->from_set)
			json_object_set_new(object, "from_set", json_true());
		if (purpose == FORMAT_WHOLE)
			json_object_set_new(
			    object, "origin", json_string(rule->origin));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *
format_exceptions(const struct policy *p)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < p->exception_count; i++) {
		json_t *object = json_object();

		json_object_set_new(
		    object, "path", json_string(p->exceptions[i].path));
		json_object_set_new(
		    object, "reason", json_string(p->exceptions[i].reason));
		json_array_append_new(array, object);
	}
	return array;
}

/* The text; equal policies give equal bytes. */
static char *
format(const struct policy *p, enum format_purpose purpose)
{
	auto_json json_t *o = json_object();
	char *text;

	if (purpose == FORMAT_WHOLE) {
		json_object_set_new(o, "file", json_string(p->file));
		json_object_set_new(
		    o, "repository", json_string(p->repository));
		json_object_set_new(
		    o, "tags", format_strings(p->tags, p->tag_count));
	}
	if (p->source != NULL)
		json_object_set_new(o, "source", json_string(p->source));
	json_object_set_new(
	    o, "platforms", format_strings(p->platforms, p->platform_count));
	json_object_set_new(
	    o, "keep", format_rules(p->keep, p->keep_count, purpose));
	json_object_set_new(
	    o, "drop", format_rules(p->drop, p->drop_count, purpose));
	if (p->config != NULL)
		json_object_set(o, "config", p->config);
	json_object_set_new(
	    o, "fail_on", format_strings(p->fail_on, p->fail_on_count));
	json_object_set_new(o, "exceptions", format_exceptions(p));
	json_object_set_new(o, "on_source_digest",
	    json_string(
		p->on_source_digest == POLICY_DIGEST_PASS ? "pass" : "deny"));
	/* Only then, so that the digests of other policies stay. */
	if (p->artifacts_pass)
		json_object_set_new(o, "artifacts", json_string("pass"));
	if (p->ignored_hint_count > 0)
		json_object_set_new(o, "ignore_hints",
		    format_strings(p->ignored_hints, p->ignored_hint_count));
	text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
	if (text == NULL)
		_exit(MEM_EXIT_STATUS);
	return text;
}

char *
policy_format(const struct policy *p, size_t *len)
{
	char *text = format(p, FORMAT_WHOLE);

	*len = strlen(text);
	return text;
}

void
policy_digest(const struct policy *p, struct digest *out)
{
	auto_free char *text = format(p, FORMAT_DIGEST);

	digest_of(text, strlen(text), out);
}

/* Copies a required string. */
static int
parse_string(const json_t *o, const char *key, char **out, struct err *e)
{
	const char *text = NULL;

	if (json_get_string(o, key, JSON_REQUIRED, &text, e) == -1)
		return -1;
	*out = mem_strdup(text);
	return 0;
}

/* Copies a list of strings. */
static int
parse_strings(
    const json_t *o, const char *key, char ***out, size_t *count, struct err *e)
{
	json_t *array = NULL, *item;
	size_t i;

	if (json_get_array(o, key, JSON_REQUIRED, &array, e) == -1)
		return -1;
	*out = mem_zalloc(json_array_size(array), sizeof(**out));
	json_array_foreach(array, i, item)
	{
		const char *text = json_string_value(item);

		if (text == NULL || strlen(text) != json_string_length(item))
			return err_set(
			    e, ERR_INVALID, "\"%s\" is no strings", key);
		(*out)[(*count)++] = mem_strdup(text);
	}
	return 0;
}

static int
parse_rule(const json_t *o, struct policy_rule *rule, struct err *e)
{
	bool package = json_object_get(o, "package") != NULL;

	rule->kind = package ? POLICY_PACKAGE : POLICY_PATTERN;
	rule->from_set = json_is_true(json_object_get(o, "from_set"));
	if (parse_string(o, "origin", &rule->origin, e) == -1 ||
	    parse_string(o, package ? "package" : "pattern", &rule->text, e) ==
		-1)
		return -1;
	return package ? 0 : glob_compile(rule->text, &rule->glob, NULL, e);
}

static int
parse_rules(const json_t *o, const char *key, struct policy_rule **out,
    size_t *count, struct err *e)
{
	json_t *array = NULL, *item;
	size_t i;

	if (json_get_array(o, key, JSON_REQUIRED, &array, e) == -1)
		return -1;
	if (json_array_size(array) > LIMIT_POLICY_RULES)
		return err_set(
		    e, ERR_LIMIT, "more than %d rules", LIMIT_POLICY_RULES);
	*out = mem_zalloc(json_array_size(array), sizeof(**out));
	json_array_foreach(array, i, item)
	{
		if (parse_rule(item, &(*out)[(*count)++], e) == -1)
			return err_wrap(e, "%s", key);
	}
	return 0;
}

static int
parse_exceptions(const json_t *o, struct policy *p, struct err *e)
{
	json_t *array = NULL, *item;
	size_t i;

	if (json_get_array(o, "exceptions", JSON_REQUIRED, &array, e) == -1)
		return -1;
	p->exceptions =
	    mem_zalloc(json_array_size(array), sizeof(*p->exceptions));
	json_array_foreach(array, i, item)
	{
		struct policy_exception *x =
		    &p->exceptions[p->exception_count++];

		if (parse_string(item, "path", &x->path, e) == -1 ||
		    parse_string(item, "reason", &x->reason, e) == -1 ||
		    glob_compile(x->path, &x->glob, NULL, e) == -1)
			return err_wrap(e, "exceptions");
	}
	return 0;
}

static int
parse_names(const json_t *o, struct policy *p, struct err *e)
{
	const char *source = NULL;
	size_t i, column;

	if (parse_string(o, "file", &p->file, e) == -1 ||
	    parse_string(o, "repository", &p->repository, e) == -1 ||
	    policy_compile_repository(p, &column, e) == -1 ||
	    json_get_string(o, "source", JSON_OPTIONAL, &source, e) == -1 ||
	    parse_strings(o, "tags", &p->tags, &p->tag_count, e) == -1)
		return -1;
	p->source = mem_strdup_optional(source);
	for (i = 0; i < p->tag_count; i++) {
		if (policy_compile_tag(p, i, &column, e) == -1)
			return -1;
	}
	return 0;
}

static int
parse_audit(const json_t *o, struct policy *p, struct err *e)
{
	size_t i;

	if (parse_strings(o, "fail_on", &p->fail_on, &p->fail_on_count, e) ==
	    -1)
		return -1;
	for (i = 0; i < p->fail_on_count; i++) {
		if (!policy_is_category(p->fail_on[i]))
			return err_set(e, ERR_INVALID,
			    "unknown audit category \"%s\"", p->fail_on[i]);
	}
	return parse_exceptions(o, p, e);
}

static int
parse_ignored_hints(const json_t *o, struct policy *p, struct err *e)
{
	size_t i;

	if (json_object_get(o, "ignore_hints") == NULL)
		return 0;
	if (parse_strings(o, "ignore_hints", &p->ignored_hints,
		&p->ignored_hint_count, e) == -1)
		return -1;
	for (i = 0; i < p->ignored_hint_count; i++) {
		if (!policy_is_family(p->ignored_hints[i]))
			return err_set(e, ERR_INVALID,
			    "unknown family of files \"%s\"",
			    p->ignored_hints[i]);
	}
	return 0;
}

static int
parse_settings(const json_t *o, struct policy *p, struct err *e)
{
	const char *action = NULL, *artifacts = NULL;
	json_t *config = NULL;

	if (json_get_object(o, "config", JSON_OPTIONAL, &config, e) == -1 ||
	    policy_config_check(config, e) == -1 ||
	    parse_ignored_hints(o, p, e) == -1 ||
	    json_get_string(o, "on_source_digest", JSON_REQUIRED, &action, e) ==
		-1 ||
	    json_get_string(o, "artifacts", JSON_OPTIONAL, &artifacts, e) == -1)
		return -1;
	p->artifacts_pass = artifacts != NULL && strcmp(artifacts, "pass") == 0;
	p->config = json_incref(config);
	p->on_source_digest = strcmp(action, "pass") == 0 ? POLICY_DIGEST_PASS
							  : POLICY_DIGEST_DENY;
	return parse_strings(
	    o, "platforms", &p->platforms, &p->platform_count, e);
}

int
policy_parse(const char *json, size_t len, struct policy **out, struct err *e)
{
	auto_policy struct policy *p = mem_zalloc(1, sizeof(*p));
	auto_json json_t *o = NULL;

	if (json_parse_object(json, len, "a policy", &o, e) == -1)
		return -1;
	if (parse_names(o, p, e) == -1 ||
	    parse_rules(o, "keep", &p->keep, &p->keep_count, e) == -1 ||
	    parse_rules(o, "drop", &p->drop, &p->drop_count, e) == -1 ||
	    parse_audit(o, p, e) == -1 || parse_settings(o, p, e) == -1)
		return err_wrap(e, "policy");
	*out = steal(&p);
	return 0;
}
