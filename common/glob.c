#include "winnow/glob.h"

#include <stdlib.h>
#include <string.h>

#include "glob_pattern.h"
#include "winnow/mem.h"
#include "winnow/path.h"

struct glob {
	struct glob_alternative *items;
	size_t count;
	bool borrowed; /* a rest: its components belong to the whole glob */
};

/* True when the byte c is in the set. */
static bool
set_has(const struct glob_token *t, char c)
{
	unsigned char byte = (unsigned char)c;

	return (t->set->bits[byte / 8] >> (byte % 8) & 1) != 0;
}

static bool
token_matches(const struct glob_token *t, char c)
{
	switch (t->kind) {
	case GLOB_BYTE:
		return t->byte == c;
	case GLOB_SET:
		return set_has(t, c);
	case GLOB_ANY_BYTE:
		return true;
	case GLOB_STAR:
		break;
	}
	return false;
}

/*
 * Matches one component.  On a mismatch only the last star takes one byte
 * more: what stood before it matched as early as it could, so no other
 * choice can do better.
 */
static bool
component_matches(const struct glob_component *c, const char *s, size_t len)
{
	size_t t = 0, i = 0, star = SIZE_MAX, resume = 0;

	if (c->kind == GLOB_LITERAL)
		return len == c->text_len && memcmp(s, c->text, len) == 0;
	while (i < len) {
		if (t < c->token_count && c->tokens[t].kind == GLOB_STAR) {
			star = t++;
			resume = i;
		} else if (t < c->token_count &&
		    token_matches(&c->tokens[t], s[i])) {
			t++;
			i++;
		} else if (star != SIZE_MAX) {
			t = star + 1;
			i = ++resume;
		} else {
			return false;
		}
	}
	while (t < c->token_count && c->tokens[t].kind == GLOB_STAR)
		t++;
	return t == c->token_count;
}

/*
 * False for nearly all paths that the alternative does not match: policies
 * hold dozens of patterns, layers tens of thousands of paths.
 */
static bool
prefix_fits(const struct glob_alternative *a, const char *path)
{
	return a->prefix_len == 0 ||
	    (path[0] == a->prefix[0] &&
		strncmp(path, a->prefix, a->prefix_len) == 0);
}

/* The same way over components, with `**` for the star. */
static bool
alternative_matches(const struct glob_alternative *a, const char *path)
{
	const char *cursor = path, *resume = NULL, *name;
	size_t t = 0, star = SIZE_MAX, len;

	for (;;) {
		if (t < a->count && a->components[t].kind == GLOB_ANY_DEPTH) {
			star = t++;
			resume = cursor;
			continue;
		}
		name = path_next(&cursor, &len);
		if (name == NULL && t == a->count)
			return true;
		if (name == NULL)
			return false;
		if (t < a->count &&
		    component_matches(&a->components[t], name, len)) {
			t++;
			continue;
		}
		if (star == SIZE_MAX)
			return false;
		cursor = resume;
		(void)path_next(&cursor, &len);
		resume = cursor;
		t = star + 1;
	}
}

bool
glob_match(const struct glob *g, const char *path)
{
	size_t i;

	for (i = 0; i < g->count; i++) {
		if (prefix_fits(&g->items[i], path) &&
		    alternative_matches(&g->items[i], path))
			return true;
	}
	return false;
}

/* A `**` is never last (glob_pattern.h), so it always can match deeper. */
static bool
alternative_matches_below(const struct glob_alternative *a, const char *path)
{
	const char *name;
	size_t t, len;

	for (t = 0; t < a->count; t++) {
		const struct glob_component *c = &a->components[t];

		if (c->kind == GLOB_ANY_DEPTH)
			return true;
		name = path_next(&path, &len);
		if (name == NULL)
			return true;
		if (!component_matches(c, name, len))
			return false;
	}
	return false;
}

bool
glob_match_below(const struct glob *g, const char *path)
{
	size_t i;

	for (i = 0; i < g->count; i++) {
		if (alternative_matches_below(&g->items[i], path))
			return true;
	}
	return false;
}

/* A glob of one alternative that borrows the components from `from` on. */
static struct glob *
rest_new(const struct glob_alternative *a, size_t from)
{
	struct glob *rest = mem_zalloc(1, sizeof(*rest));

	rest->items = mem_zalloc(1, sizeof(*rest->items));
	rest->items[0].components = a->components + from;
	rest->items[0].count = a->count - from;
	rest->count = 1;
	rest->borrowed = true;
	return rest;
}

/* Fills in the literal prefix and the rest. */
static void
alternative_split(struct glob_alternative *a)
{
	struct strbuf prefix;
	size_t n;

	strbuf_init(&prefix, SIZE_MAX);
	for (n = 0; n < a->count; n++) {
		if (a->components[n].kind != GLOB_LITERAL)
			break;
		if (n > 0)
			strbuf_add_char(&prefix, '/');
		strbuf_add_string(&prefix, a->components[n].text);
	}
	a->prefix = mem_strdup(strbuf_string(&prefix));
	a->prefix_len = prefix.len;
	strbuf_clear(&prefix);
	if (n < a->count)
		a->rest = rest_new(a, n);
}

int
glob_compile(
    const char *pattern, struct glob **out, size_t *column, struct err *e)
{
	struct glob_alternative *items = NULL;
	size_t i, count = 0, where = 0;
	struct glob *g;

	if (glob_pattern_parse(pattern, &items, &count, &where, e) == -1) {
		if (column != NULL)
			*column = where;
		return -1;
	}
	g = mem_zalloc(1, sizeof(*g));
	g->items = items;
	g->count = count;
	for (i = 0; i < count; i++)
		alternative_split(&items[i]);
	*out = g;
	return 0;
}

void
glob_free(struct glob *g)
{
	size_t i;

	if (g == NULL)
		return;
	for (i = 0; i < g->count && !g->borrowed; i++) {
		/* A rest has no rest, so this goes one level deep. */
		if (g->items[i].rest != NULL) {
			free(g->items[i].rest->items);
			free(g->items[i].rest);
		}
		free(g->items[i].prefix);
		glob_alternative_clear(&g->items[i]);
	}
	free(g->items);
	free(g);
}

size_t
glob_alternatives(const struct glob *g)
{
	return g->count;
}

const char *
glob_literal_prefix(const struct glob *g, size_t alternative)
{
	return g->borrowed ? "" : g->items[alternative].prefix;
}

const struct glob *
glob_rest(const struct glob *g, size_t alternative)
{
	return g->borrowed ? g : g->items[alternative].rest;
}

bool
glob_match_name(const char *pattern, const char *name)
{
	auto_free char *absolute = mem_printf("/%s", pattern);
	auto_glob struct glob *g = NULL;
	struct err e;

	return strchr(name, '/') == NULL &&
	    glob_compile(absolute, &g, NULL, &e) == 0 && glob_match(g, name);
}
