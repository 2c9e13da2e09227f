#include "nearest.h"

#include <stdlib.h>
#include <string.h>

#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/path.h"

/* How far a pattern agrees with a path. */
struct agreement {
	size_t bytes; /* of the path: whole components */
	size_t more; /* bytes of the next component that are equal */
	bool names; /* it is the whole path */
};

/* The whole components that two paths begin with, in bytes. */
static void
compare(const char *path, const char *other, struct agreement *out)
{
	size_t i = 0, slash = 0;

	while (path[i] != '\0' && path[i] == other[i]) {
		i++;
		if (path[i] == '/' && other[i] == '/')
			slash = i;
	}
	if ((path[i] == '\0' || path[i] == '/') &&
	    (other[i] == '\0' || other[i] == '/'))
		slash = i;
	*out = (struct agreement){.bytes = slash,
	    .more = i - slash,
	    .names = path[i] == '\0' && other[i] == '\0'};
}

/* How far the rest of a pattern goes with a path below its prefix. */
static size_t
match_rest(const struct glob *rest, const char *below)
{
	auto_free char *head = mem_strdup(below);
	char *slash;

	while ((slash = strrchr(head, '/')) != NULL) {
		*slash = '\0';
		if (glob_match_below(rest, head))
			return strlen(head) + 1;
	}
	return 0;
}

/* The prefix as it lies in the image, or as it is written. */
static void
resolve_prefix(
    const struct tree *t, const char *prefix, bool whole, struct strbuf *out)
{
	const struct tree_node *n = tree_resolve(
	    t, NULL, prefix, whole ? TREE_NOFOLLOW : 0, NULL, NULL);

	strbuf_reset(out);
	if (n != NULL)
		tree_node_path(n, out);
	else
		strbuf_add_string(out, prefix);
}

static struct agreement
agree_alternative(
    const struct tree *t, const struct glob *g, size_t i, const char *path)
{
	const struct glob *rest = glob_rest(g, i);
	auto_strbuf struct strbuf prefix;
	struct agreement a;
	const char *below;

	strbuf_init(&prefix, LIMIT_PATH + 1);
	resolve_prefix(t, glob_literal_prefix(g, i), rest == NULL, &prefix);
	compare(path, strbuf_string(&prefix), &a);
	if (rest == NULL || !path_is_below(path, strbuf_string(&prefix)))
		return a;
	below = path + prefix.len + (prefix.len > 0 && path[prefix.len] != 0);
	a.names = glob_match(rest, below);
	a.bytes = prefix.len;
	if (*below != '\0' && match_rest(rest, below) > 0)
		a.bytes = (size_t)(below - path) + match_rest(rest, below) - 1;
	a.more = 0;
	return a;
}

static struct agreement
agree(const struct tree *t, const struct glob *g, const char *path)
{
	struct agreement best = {0};
	size_t i;

	for (i = 0; i < glob_alternatives(g); i++) {
		struct agreement a = agree_alternative(t, g, i, path);

		if (a.bytes > best.bytes ||
		    (a.bytes == best.bytes && a.more > best.more)) {
			a.names = a.names || best.names;
			best = a;
		}
		best.names = best.names || a.names;
	}
	return best;
}

const struct policy_rule *
nearest_rule(const struct tree *t, const struct policy *p, const char *path,
    struct strbuf *agrees)
{
	const struct policy_rule *rule = NULL;
	struct agreement best = {0};
	size_t i, base = (size_t)(path_base(path) - path);

	for (i = 0; i < p->keep_count; i++) {
		struct agreement a;

		if (p->keep[i].kind != POLICY_PATTERN)
			continue;
		a = agree(t, p->keep[i].glob, path);
		if (a.bytes > best.bytes ||
		    (a.bytes == best.bytes && a.more > best.more)) {
			best = a;
			rule = &p->keep[i];
		}
	}
	/* "/usr" is no agreement; the same directory is. */
	if (rule == NULL || best.bytes == 0 ||
	    (memchr(path, '/', best.bytes) == NULL && best.bytes + 1 != base))
		return NULL;
	strbuf_add(agrees, path, best.bytes);
	return rule;
}

const struct policy_rule *
nearest_naming(const struct tree *t, const struct policy *p, const char *path)
{
	size_t i;

	for (i = 0; i < p->keep_count; i++)
		if (p->keep[i].kind == POLICY_PATTERN &&
		    agree(t, p->keep[i].glob, path).names)
			return &p->keep[i];
	return NULL;
}

size_t
nearest_elsewhere(const struct tree *t, const char *name,
    const struct tree_node **out, size_t max)
{
	uint32_t i, nodes = tree_count(t);
	size_t len = strlen(name), count = 0;

	for (i = 0; i < nodes && count < max; i++) {
		const struct tree_node *n = tree_at(t, i);

		if (n->name_len == len && memcmp(n->name, name, len) == 0)
			out[count++] = n;
	}
	return count;
}

/* The Levenshtein distance of two names. */
static size_t
distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t row[LIMIT_COMPONENT + 1], i, j;

	for (j = 0; j <= b_len; j++)
		row[j] = j;
	for (i = 1; i <= a_len; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (j = 1; j <= b_len; j++) {
			size_t cost = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < cost)
				cost = row[j] + 1;
			if (row[j - 1] + 1 < cost)
				cost = row[j - 1] + 1;
			row[j] = cost;
		}
	}
	return row[b_len];
}

size_t
nearest_names(const struct tree_node *dir, const char *name,
    const struct tree_node **out, size_t max)
{
	size_t len = strlen(name), limit = len / 3 + 1, count = 0, d, i;
	auto_free size_t *distances = mem_zalloc(max + 1, sizeof(*distances));
	const struct tree_node *n;

	if (len > LIMIT_COMPONENT)
		return 0;
	for (n = dir->first; n != NULL; n = n->next) {
		if (n->name_len > LIMIT_COMPONENT)
			continue;
		d = distance(name, len, n->name, n->name_len);
		if (d > limit)
			continue;
		for (i = count < max ? count : max;
		     i > 0 && distances[i - 1] > d; i--) {
			if (i == max)
				continue;
			distances[i] = distances[i - 1];
			out[i] = out[i - 1];
		}
		if (i == max)
			continue;
		distances[i] = d;
		out[i] = n;
		count += count < max;
	}
	return count;
}
