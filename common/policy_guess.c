/*
 * policy_guess: see policy.h.  Paths of a layer come directory by directory,
 * and of dozens of rules few can match in one: those are looked for once.
 * Directories come in areas, as usr/share/doc, for which the same holds.
 */
#include <string.h>

#include "winnow/mem.h"
#include "winnow/path.h"
#include "winnow/policy.h"

/* An area is named by so many components. */
#define AREA_DEPTH 3

/* A directory, and the rules that can match below it. */
struct place {
	char *dir; /* NULL before the first */
	size_t len;
	const struct policy_rule **rules;
	size_t count;
};

struct policy_guess {
	struct place all; /* the root */
	struct place area; /* of the last path */
	struct place last; /* the directory that it is in */
};

static void
place_init(struct place *place, size_t rules)
{
	place->rules = mem_zalloc(rules, sizeof(*place->rules));
}

static void
place_clear(struct place *place)
{
	free(place->dir);
	free(place->rules);
}

struct policy_guess *
policy_guess_new(const struct policy *p)
{
	struct policy_guess *g = mem_zalloc(1, sizeof(*g));

	place_init(&g->all, p->keep_count);
	place_init(&g->area, p->keep_count);
	place_init(&g->last, p->keep_count);
	while (g->all.count < p->keep_count) {
		g->all.rules[g->all.count] = &p->keep[g->all.count];
		g->all.count++;
	}
	return g;
}

void
policy_guess_free(struct policy_guess *g)
{
	if (g == NULL)
		return;
	place_clear(&g->all);
	place_clear(&g->area);
	place_clear(&g->last);
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

static bool
is_at(const struct place *place, const char *path, size_t len)
{
	return place->dir != NULL && len == place->len &&
	    memcmp(path, place->dir, len) == 0;
}

/* Enters the directory of `len` bytes of `path`, which lies in `outer`. */
static void
enter(struct place *place, const struct place *outer, const char *path,
    size_t len)
{
	auto_free char *other = NULL;
	size_t i;

	free(place->dir);
	place->dir = mem_strndup(path, len);
	place->len = len;
	other = strcmp(place->dir, "usr") == 0 ? mem_strdup("")
					       : other_path(place->dir);
	place->count = 0;
	for (i = 0; i < outer->count; i++) {
		const struct policy_rule *rule = outer->rules[i];

		if (rule->kind == POLICY_PACKAGE ||
		    glob_match_below(rule->glob, place->dir) ||
		    glob_match_below(rule->glob, other))
			place->rules[place->count++] = rule;
	}
}

/* How much of the directory of `len` bytes of `path` names its area. */
static size_t
area_len(const char *path, size_t len)
{
	size_t i, depth = 0;

	for (i = 0; i < len; i++)
		if (path[i] == '/' && ++depth == AREA_DEPTH)
			return i;
	return len;
}

static void
enter_dir(struct policy_guess *g, const char *path, size_t len)
{
	size_t area = area_len(path, len);

	if (!is_at(&g->area, path, area))
		enter(&g->area, &g->all, path, area);
	enter(&g->last, &g->area, path, len);
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
	if (!is_at(&g->last, path, len))
		enter_dir(g, path, len);
	if (g->last.count == 0)
		return false;
	other = other_path(path);
	for (i = 0; i < g->last.count; i++)
		if (rule_may_keep(g->last.rules[i], path, other))
			return true;
	return false;
}
