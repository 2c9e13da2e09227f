/*
 * policy_guess: see policy.h.  Paths of a layer come directory by directory,
 * and of dozens of rules few can match in one: those are looked for once.
 */
#include <string.h>

#include "winnow/mem.h"
#include "winnow/path.h"
#include "winnow/policy.h"

struct policy_guess {
	const struct policy *policy;
	char *dir; /* of the last path; NULL before the first */
	size_t dir_len;
	/* The rules that can match directly in `dir`. */
	const struct policy_rule **rules;
	size_t rule_count;
};

struct policy_guess *
policy_guess_new(const struct policy *p)
{
	struct policy_guess *g = mem_zalloc(1, sizeof(*g));

	g->policy = p;
	g->rules = mem_zalloc(p->keep_count, sizeof(*g->rules));
	return g;
}

void
policy_guess_free(struct policy_guess *g)
{
	if (g == NULL)
		return;
	free(g->dir);
	free(g->rules);
	free(g);
}

/* What the pipeline keeps or reads whatever the policy says. */
static bool
is_always_kept(const char *path)
{
	static const char *const files[] = {"etc/passwd", "etc/group",
	    "etc/os-release", "usr/lib/os-release", "etc/debian_version",
	    "etc/alpine-release", "etc/ld.so.conf", "var/lib/dpkg/status",
	    "lib/apk/db/installed", "usr/lib/apk/db/installed"};
	static const char *const dirs[] = {
	    "etc/ld.so.conf.d", "var/lib/dpkg/status.d"};
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (strcmp(path, files[i]) == 0)
			return true;
	}
	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		if (path_is_below(path, dirs[i]))
			return true;
	}
	return path_is_below(path, "usr/share/doc") &&
	    strcmp(path_base(path), "copyright") == 0;
}

/* Which package a file belongs to is known only later; not for these. */
static bool
can_be_of_package(const char *path)
{
	static const char *const dirs[] = {"usr/share/doc", "usr/share/man",
	    "usr/share/info", "usr/share/lintian", "usr/share/locale",
	    "var/cache", "var/log", "var/lib/dpkg", "var/lib/apt"};
	size_t i;

	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		if (path_is_below(path, dirs[i]))
			return false;
	}
	return true;
}

static bool
rule_may_keep(
    const struct policy_rule *rule, const char *path, const char *other)
{
	if (rule->kind == POLICY_PACKAGE)
		return can_be_of_package(path);
	return glob_match(rule->glob, path) || glob_match(rule->glob, other);
}

/* The same path with usr/ in front of it, or without; the caller frees it. */
static char *
other_path(const char *path)
{
	if (strncmp(path, "usr/", 4) == 0)
		return mem_strdup(path + 4);
	return mem_printf("usr/%s", path);
}

/* Enters the directory of `path`, `len` bytes of it. */
static void
enter_dir(struct policy_guess *g, const char *path, size_t len)
{
	auto_free char *other = NULL;
	size_t i;

	free(g->dir);
	g->dir = mem_strndup(path, len);
	g->dir_len = len;
	other =
	    strcmp(g->dir, "usr") == 0 ? mem_strdup("") : other_path(g->dir);
	g->rule_count = 0;
	for (i = 0; i < g->policy->keep_count; i++) {
		const struct policy_rule *rule = &g->policy->keep[i];

		if (rule->kind == POLICY_PACKAGE ||
		    glob_match_below(rule->glob, g->dir) ||
		    glob_match_below(rule->glob, other))
			g->rules[g->rule_count++] = rule;
	}
}

bool
policy_guess(struct policy_guess *g, const char *path)
{
	size_t len = (size_t)(path_base(path) - path), i;
	auto_free char *other = NULL;

	if (is_always_kept(path))
		return true;
	if (len > 0)
		len--;
	if (g->dir == NULL || len != g->dir_len ||
	    memcmp(path, g->dir, len) != 0)
		enter_dir(g, path, len);
	if (g->rule_count == 0)
		return false;
	other = other_path(path);
	for (i = 0; i < g->rule_count; i++)
		if (rule_may_keep(g->rules[i], path, other))
			return true;
	return false;
}
