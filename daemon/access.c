#include "access.h"

#include <stdlib.h>
#include <string.h>

#include "winnow/glob.h"
#include "winnow/mem.h"
#include "winnow/ref.h"

struct rule {
	bool everybody; /* no users are named */
	char **users; /* patterns */
	size_t user_count;
	struct glob **pull;
	size_t pull_count;
};

struct access {
	bool passwords;
	bool certificates;
	char *default_upstream;
	char *original_prefix;
	bool has_rules;
	struct rule *rules;
	size_t rule_count;
};

/* --- names --- */

/* `name` without the prefix and its slash, or NULL when it has none. */
static const char *
without_prefix(const char *name, const char *prefix)
{
	size_t len = strlen(prefix);

	if (len == 0 || strncmp(name, prefix, len) != 0 || name[len] != '/')
		return NULL;
	return name + len + 1;
}

static char *
full_repository(const char *name, const char *default_upstream)
{
	struct ref_repository r;
	struct err ignored;
	char *full;

	if (ref_repository_parse(name, default_upstream, &r, &ignored) == -1)
		return NULL;
	full = mem_printf("%s/%s", r.host, r.path);
	ref_repository_clear(&r);
	return full;
}

char *
access_full_name(const char *name, const char *ns, const char *default_upstream,
    const char *original_prefix)
{
	const char *original = NULL;
	auto_free char *with_ns = NULL, *rest = NULL;

	if (*ns != '\0') {
		with_ns = mem_printf("%s/%s", ns, name);
		return full_repository(with_ns, default_upstream);
	}
	original = without_prefix(name, original_prefix);
	rest = full_repository(
	    original != NULL ? original : name, default_upstream);
	if (rest == NULL || original == NULL)
		return steal(&rest);
	return mem_printf("%s/%s", original_prefix, rest);
}

/*
 * Writes a pattern in full: its first component names a host if it looks like
 * one or could match one, and Docker Hub's short names get "library/".
 */
static char *
full_pattern(const char *pattern, const char *default_upstream)
{
	size_t first = strcspn(pattern, "/");
	bool short_name = pattern[first] == '\0';
	auto_free char *component = mem_strndup(pattern, first);

	if (strcmp(component, "**") == 0 ||
	    (!short_name && strpbrk(component, "*?[{.:") != NULL) ||
	    (!short_name && strcmp(component, "localhost") == 0))
		return mem_strdup(pattern);
	return mem_printf("%s/%s%s", default_upstream,
	    short_name && strcmp(default_upstream, "docker.io") == 0
		? "library/"
		: "",
	    pattern);
}

static int
compile_pattern(const char *pattern, const char *default_upstream,
    const char *original_prefix, struct glob **out, struct err *e)
{
	const char *original = without_prefix(pattern, original_prefix);
	auto_free char *full = full_pattern(
	    original != NULL ? original : pattern, default_upstream);
	auto_free char *path =
	    mem_printf("/%s%s%s", original != NULL ? original_prefix : "",
		original != NULL ? "/" : "", full);

	return glob_compile(path, out, NULL, e);
}

int
access_check_pattern(const char *pattern, const char *default_upstream,
    const char *original_prefix, struct err *e)
{
	auto_glob struct glob *g = NULL;

	if (*pattern == '\0' || *pattern == '/')
		return err_set(e, ERR_INVALID,
		    "a pattern starts with a name, like library/*");
	return compile_pattern(
	    pattern, default_upstream, original_prefix, &g, e);
}

/* --- settings --- */

static int
read_users(const json_t *item, struct rule *r, struct err *e)
{
	json_t *list = NULL;
	size_t i;

	if (json_get_array(item, "users", JSON_OPTIONAL, &list, e) == -1)
		return -1;
	r->everybody = list == NULL;
	r->users = mem_zalloc(json_array_size(list) + 1, sizeof(*r->users));
	for (i = 0; i < json_array_size(list); i++) {
		const char *user = json_string_value(json_array_get(list, i));

		if (user == NULL)
			return err_set(e, ERR_INVALID, "a user is no string");
		r->users[r->user_count++] = mem_strdup(user);
	}
	return 0;
}

static int
read_rule(struct access *a, const json_t *item, struct rule *r, struct err *e)
{
	json_t *list;
	size_t i;

	if (read_users(item, r, e) == -1 ||
	    json_get_array(item, "pull", JSON_REQUIRED, &list, e) == -1)
		return -1;
	r->pull = mem_zalloc(json_array_size(list) + 1, sizeof(*r->pull));
	for (i = 0; i < json_array_size(list); i++) {
		const char *pattern =
		    json_string_value(json_array_get(list, i));

		if (pattern == NULL)
			return err_set(e, ERR_INVALID, "a pattern is none");
		if (compile_pattern(pattern, a->default_upstream,
			a->original_prefix, &r->pull[r->pull_count], e) == -1)
			return -1;
		r->pull_count++;
	}
	return 0;
}

static int
read_settings(struct access *a, const json_t *settings, struct err *e)
{
	const char *upstream, *prefix;
	json_t *rules = NULL;
	size_t i;

	if (json_get_string(settings, "default_upstream", JSON_REQUIRED,
		&upstream, e) == -1 ||
	    json_get_string(
		settings, "original_prefix", JSON_REQUIRED, &prefix, e) == -1 ||
	    json_get_array(settings, "rules", JSON_OPTIONAL, &rules, e) == -1)
		return -1;
	a->passwords = json_is_true(json_object_get(settings, "passwords"));
	a->certificates =
	    json_is_true(json_object_get(settings, "certificates"));
	a->default_upstream = mem_strdup(upstream);
	a->original_prefix = mem_strdup(prefix);
	a->has_rules = rules != NULL;
	a->rules = mem_zalloc(json_array_size(rules) + 1, sizeof(*a->rules));
	for (i = 0; i < json_array_size(rules); i++)
		if (read_rule(a, json_array_get(rules, i),
			&a->rules[a->rule_count++], e) == -1)
			return -1;
	return 0;
}

int
access_new(const json_t *settings, struct access **out, struct err *e)
{
	struct access *a = mem_zalloc(1, sizeof(*a));

	if (read_settings(a, settings, e) == -1) {
		access_free(a);
		return err_wrap(e, "access");
	}
	*out = a;
	return 0;
}

static void
clear_rule(struct rule *r)
{
	size_t i;

	for (i = 0; i < r->user_count; i++)
		free(r->users[i]);
	for (i = 0; i < r->pull_count; i++)
		glob_free(r->pull[i]);
	free(r->users);
	free(r->pull);
}

void
access_free(struct access *a)
{
	size_t i;

	for (i = 0; i < a->rule_count; i++)
		clear_rule(&a->rules[i]);
	free(a->rules);
	free(a->default_upstream);
	free(a->original_prefix);
	free(a);
}

/* --- decisions --- */

bool
access_authenticates(const struct access *a)
{
	return a->passwords || a->certificates;
}

bool
access_has_passwords(const struct access *a)
{
	return a->passwords;
}

bool
access_is_open(const struct access *a)
{
	return !a->has_rules && !access_authenticates(a);
}

static bool
rule_names(const struct rule *r, const char *user)
{
	size_t i;

	if (r->everybody)
		return true;
	for (i = 0; user != NULL && i < r->user_count; i++)
		if (strcmp(r->users[i], user) == 0 ||
		    strcmp(r->users[i], "*") == 0)
			return true;
	return false;
}

static bool
rule_covers(const struct rule *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->pull_count; i++)
		if (glob_match(r->pull[i], name))
			return true;
	return false;
}

bool
access_may_pull(
    const struct access *a, const char *user, const char *name, const char *ns)
{
	auto_free char *full = NULL;
	size_t i;

	if (!a->has_rules)
		return user != NULL || !access_authenticates(a);
	full =
	    access_full_name(name, ns, a->default_upstream, a->original_prefix);
	if (full == NULL)
		return false;
	for (i = 0; i < a->rule_count; i++)
		if (rule_names(&a->rules[i], user) &&
		    rule_covers(&a->rules[i], full))
			return true;
	return false;
}

bool
access_admits_anybody(const struct access *a)
{
	size_t i;

	for (i = 0; i < a->rule_count; i++)
		if (a->rules[i].everybody)
			return true;
	return access_is_open(a);
}
