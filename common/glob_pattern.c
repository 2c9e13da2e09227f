#include "glob_pattern.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "winnow/auto.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

/* More than any policy needs; keeps a pattern from growing without bound. */
#define ALTERNATIVES_MAX 256

/* A byte of a pattern that remembers its column through the expansion. */
struct glyph {
	char c;
	uint16_t column;
};

/* A pattern on its way; the glyph behind the last has c == 0. */
struct glyphs {
	struct glyph *items;
	size_t count;
};

/* Where a mistake goes. */
struct complaint {
	size_t *column;
	struct err *e;
};

/* Fails with the column of the glyph. */
static int
fail(const struct complaint *to, struct glyph g, const char *what)
{
	*to->column = g.column;
	return err_set(to->e, ERR_INVALID, "%s", what);
}

/*
 * The glyph behind the unit at `i`: an escaped byte, a whole bracket, or one
 * byte.  0 when it is unfinished.
 */
static size_t
next_unit(const struct glyph *s, size_t i)
{
	if (s[i].c == '\\')
		return s[i + 1].c == '\0' || s[i + 1].c == '/' ? 0 : i + 2;
	if (s[i].c != '[')
		return i + 1;
	i++;
	if (s[i].c == '!' || s[i].c == '^')
		i++;
	if (s[i].c == ']')
		i++;
	while (s[i].c != ']') {
		if (s[i].c == '\\')
			i++;
		if (s[i].c == '\0' || s[i].c == '/')
			return 0;
		i++;
	}
	return i + 1;
}

/* Everything closed that was opened: what follows relies on it. */
static int
check_closed(const struct glyphs *p, const struct complaint *to)
{
	const struct glyph *s = p->items;
	size_t i, next, depth = 0, open = 0;

	for (i = 0; i < p->count; i = next) {
		next = next_unit(s, i);
		if (next == 0)
			return fail(to, s[i],
			    s[i].c == '\\' ? "a backslash with nothing after it"
					   : "a bracket is not closed");
		if (s[i].c == '{' && depth++ == 0)
			open = i;
		if (s[i].c == '}' && depth-- == 0)
			return fail(
			    to, s[i], "a closing brace without an opening one");
	}
	if (depth > 0)
		return fail(to, s[open], "a brace is not closed");
	return 0;
}

/* The first unescaped '{', or the count. */
static size_t
find_brace(const struct glyphs *p)
{
	size_t i;

	for (i = 0; i < p->count; i = next_unit(p->items, i)) {
		if (p->items[i].c == '{')
			return i;
	}
	return p->count;
}

/* The ',' or '}' of this level at or behind `i`. */
static size_t
find_branch_end(const struct glyph *s, size_t i)
{
	size_t depth = 0;

	for (;; i = next_unit(s, i)) {
		if (depth == 0 && (s[i].c == ',' || s[i].c == '}'))
			return i;
		if (s[i].c == '{')
			depth++;
		else if (s[i].c == '}')
			depth--;
	}
}

/* The '}' of the '{' at `open`. */
static size_t
find_brace_end(const struct glyph *s, size_t open)
{
	size_t i = find_branch_end(s, open + 1);

	while (s[i].c == ',')
		i = find_branch_end(s, i + 1);
	return i;
}

/* before + branch + after, where after runs to the closing zero. */
static struct glyphs
join(const struct glyphs *p, size_t open, const size_t branch[2], size_t after)
{
	size_t middle = branch[1] - branch[0], tail = p->count - after;
	struct glyphs out;

	out.count = open + middle + tail;
	out.items = mem_zalloc(out.count + 1, sizeof(*out.items));
	memcpy(out.items, p->items, open * sizeof(*out.items));
	memcpy(out.items + open, p->items + branch[0],
	    middle * sizeof(*out.items));
	memcpy(out.items + open + middle, p->items + after,
	    (tail + 1) * sizeof(*out.items));
	return out;
}

/* The patterns still to expand and those that are done, in order. */
struct expansion {
	struct glyphs items[ALTERNATIVES_MAX];
	size_t count;
};

static void
expansion_clear(struct expansion *x)
{
	size_t i;

	for (i = 0; i < x->count; i++)
		free(x->items[i].items);
}

/* Replaces item `n` by one item for each branch of its first brace. */
static int
expand_item(
    struct expansion *x, size_t n, size_t open, const struct complaint *to)
{
	struct glyphs p = x->items[n];
	size_t close = find_brace_end(p.items, open), from = open, at = n;

	if (find_branch_end(p.items, open + 1) == close)
		return fail(to, p.items[open],
		    "braces with a single alternative (escape them: \\{)");
	while (from != close) {
		size_t branch[2] = {
		    from + 1, find_branch_end(p.items, from + 1)};

		if (at > n && x->count == ALTERNATIVES_MAX) {
			(void)fail(to, p.items[open],
			    "braces make more than 256 alternatives");
			free(p.items);
			return -1;
		}
		if (at > n) {
			memmove(x->items + at + 1, x->items + at,
			    (x->count - at) * sizeof(x->items[0]));
			x->count++;
		}
		x->items[at++] = join(&p, open, branch, close + 1);
		from = branch[1];
	}
	free(p.items);
	return 0;
}

/* Expands all braces, outer before inner, left before right. */
static int
expand(struct expansion *x, const struct complaint *to)
{
	size_t n = 0;

	while (n < x->count) {
		size_t open = find_brace(&x->items[n]);

		if (open == x->items[n].count)
			n++;
		else if (expand_item(x, n, open, to) == -1)
			return -1;
	}
	return 0;
}

static void
set_add(struct glob_set *set, unsigned from, unsigned to)
{
	for (; from <= to; from++)
		set->bits[from / 8] |= (uint8_t)(1u << (from % 8));
}

/* The byte at *i, which an escape may precede; *i moves behind it. */
static unsigned
set_byte(const struct glyph *s, size_t *i)
{
	if (s[*i].c == '\\')
		(*i)++;
	return (unsigned char)s[(*i)++].c;
}

/* Parses the bracket that is the glyphs [range[0], range[1]). */
static int
parse_set(const struct glyph *s, const size_t range[2], struct glob_token *t,
    const struct complaint *to)
{
	size_t i = range[0] + 1, end = range[1] - 1, n;
	bool negated = s[i].c == '!' || s[i].c == '^';
	struct glob_set set = {{0}};

	if (negated)
		i++;
	while (i < end) {
		struct glyph start = s[i];
		unsigned low, high;

		if (start.c == '[' && s[i + 1].c == ':')
			return fail(to, start,
			    "classes like [:alpha:] are not supported");
		low = high = set_byte(s, &i);
		if (s[i].c == '-' && i + 1 < end) {
			i++;
			high = set_byte(s, &i);
		}
		if (high < low)
			return fail(to, start, "a range runs backwards");
		set_add(&set, low, high);
	}
	for (n = 0; negated && n < sizeof(set.bits); n++)
		set.bits[n] = (uint8_t)~set.bits[n];
	t->kind = GLOB_SET;
	t->set = mem_alloc(sizeof(set));
	*t->set = set;
	return 0;
}

/* Parses the glyphs of a range, which hold no slash, into tokens. */
static int
parse_tokens(const struct glyph *s, const size_t range[2],
    struct glob_component *c, const struct complaint *to)
{
	size_t i, next;

	c->tokens = mem_zalloc(range[1] - range[0], sizeof(*c->tokens));
	for (i = range[0]; i < range[1]; i = next) {
		struct glob_token *t = &c->tokens[c->token_count++];
		size_t unit[2] = {i, next_unit(s, i)};

		next = unit[1];
		t->byte = s[i].c;
		if (s[i].c == '\\')
			t->byte = s[i + 1].c;
		else if (s[i].c == '?')
			t->kind = GLOB_ANY_BYTE;
		else if (s[i].c == '*')
			t->kind = GLOB_STAR;
		else if (s[i].c == '[' && parse_set(s, unit, t, to) == -1)
			return -1;
		if (t->kind == GLOB_STAR && i > range[0] &&
		    t[-1].kind == GLOB_STAR)
			return fail(
			    to, s[i], "** must stand alone between slashes");
	}
	return 0;
}

static void
component_clear(struct glob_component *c)
{
	size_t i;

	for (i = 0; i < c->token_count; i++)
		free(c->tokens[i].set);
	free(c->tokens);
	free(c->text);
}

/* Turns tokens that are all plain bytes into a text. */
static void
simplify(struct glob_component *c)
{
	struct glob_component literal = {.kind = GLOB_LITERAL};
	size_t i;

	c->kind = GLOB_WILD;
	for (i = 0; i < c->token_count; i++) {
		if (c->tokens[i].kind != GLOB_BYTE)
			return;
	}
	literal.text = mem_alloc(c->token_count + 1);
	literal.text_len = c->token_count;
	for (i = 0; i < c->token_count; i++)
		literal.text[i] = c->tokens[i].byte;
	literal.text[i] = '\0';
	component_clear(c);
	*c = literal;
}

/* Parses one component, the glyphs of a range. */
static int
parse_component(const struct glyph *s, const size_t range[2],
    struct glob_component *c, const struct complaint *to)
{
	size_t from = range[0];

	if (range[1] == from)
		return fail(to, s[from],
		    "an empty component (two slashes, or one at the end)");
	if (range[1] - from == 2 && s[from].c == '*' && s[from + 1].c == '*') {
		c->kind = GLOB_ANY_DEPTH;
		return 0;
	}
	if (parse_tokens(s, range, c, to) == -1)
		return -1;
	simplify(c);
	if (c->kind == GLOB_LITERAL &&
	    (strcmp(c->text, ".") == 0 || strcmp(c->text, "..") == 0))
		return fail(
		    to, s[from], "\".\" and \"..\" cannot be in a pattern");
	return 0;
}

/* Adds a component; a run of `**` is one. */
static void
alternative_add(struct glob_alternative *a, struct glob_component c)
{
	if (c.kind == GLOB_ANY_DEPTH && a->count > 0 &&
	    a->components[a->count - 1].kind == GLOB_ANY_DEPTH)
		return;
	a->components[a->count++] = c;
}

/* Makes "everything below" of a `**` at the end. */
static void
finish_depth(struct glob_alternative *a)
{
	struct glob_component any = {.kind = GLOB_WILD, .token_count = 1};

	if (a->components[a->count - 1].kind != GLOB_ANY_DEPTH)
		return;
	any.tokens = mem_zalloc(1, sizeof(*any.tokens));
	any.tokens[0].kind = GLOB_STAR;
	alternative_add(a, any);
}

/* Parses a pattern without braces. */
static int
parse_alternative(const struct glyphs *p, struct glob_alternative *a,
    const struct complaint *to)
{
	const struct glyph *s = p->items;
	size_t range[2] = {0, 0}, slashes = 0, i;

	for (i = 0; i < p->count; i++)
		slashes += s[i].c == '/';
	/* One component per slash, and one for finish_depth(). */
	a->components = mem_zalloc(slashes + 1, sizeof(*a->components));
	while (range[1] < p->count) {
		struct glob_component c = {.kind = GLOB_WILD};

		range[0] = range[1] + 1;
		for (i = range[0]; i < p->count && s[i].c != '/';)
			i = next_unit(s, i);
		range[1] = i;
		if (parse_component(s, range, &c, to) == -1) {
			component_clear(&c);
			return -1;
		}
		alternative_add(a, c);
	}
	finish_depth(a);
	return 0;
}

void
glob_alternative_clear(struct glob_alternative *a)
{
	size_t i;

	for (i = 0; i < a->count; i++)
		component_clear(&a->components[i]);
	free(a->components);
	*a = (struct glob_alternative){0};
}

/* Parses every alternative into `items`; on failure none is left. */
static int
parse_all(const struct expansion *x, struct glob_alternative *items,
    const struct complaint *to)
{
	size_t i;

	for (i = 0; i < x->count; i++) {
		if (parse_alternative(&x->items[i], &items[i], to) == 0)
			continue;
		do
			glob_alternative_clear(&items[i]);
		while (i-- > 0);
		return -1;
	}
	return 0;
}

/* The text as glyphs; *x then holds it as its only item. */
static void
expansion_init(struct expansion *x, const char *pattern, size_t len)
{
	struct glyphs *p = &x->items[0];
	size_t i;

	p->items = mem_zalloc(len + 1, sizeof(*p->items));
	p->count = len;
	for (i = 0; i <= len; i++)
		p->items[i] = (struct glyph){pattern[i], (uint16_t)i};
	x->count = 1;
}

int
glob_pattern_parse(const char *pattern, struct glob_alternative **items,
    size_t *count, size_t *column, struct err *e)
{
	__attribute__((cleanup(expansion_clear))) struct expansion x;
	auto_free struct glob_alternative *list = NULL;
	size_t len = strlen(pattern);
	const struct complaint to = {column, e};

	x.count = 0;
	*column = 0;
	if (len > LIMIT_PATH)
		return err_set(e, ERR_LIMIT,
		    "a pattern is longer than %d bytes", LIMIT_PATH);
	if (pattern[0] != '/')
		return err_set(
		    e, ERR_INVALID, "a pattern must start with a slash");
	expansion_init(&x, pattern, len);
	if (check_closed(&x.items[0], &to) == -1 || expand(&x, &to) == -1)
		return -1;
	list = mem_zalloc(x.count, sizeof(*list));
	if (parse_all(&x, list, &to) == -1)
		return -1;
	*items = steal(&list);
	*count = x.count;
	return 0;
}
