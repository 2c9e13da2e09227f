#include "library_search.h"

#include <stdlib.h>
#include <string.h>

#include "ldcache.h"
#include "winnow/mem.h"

/* The longest list in loader.c. */
#define MAX_HWCAPS 5

struct library_dir {
	const char *path; /* borrowed from the strings */
	struct tree_node *node; /* NULL when it does not exist */
	uint32_t
	    variants[MAX_HWCAPS]; /* glibc-hwcaps directories, best first */
	uint32_t variant_count;
};

/* Adds the directory without its glibc-hwcaps. */
static uint32_t
add_plain_dir(struct library_search *s, const char *path, size_t len)
{
	uint32_t string = intern_add(s->strings, path, len), number;
	struct library_dir *d;

	if (idmap_get(&s->dir_numbers, string, &number))
		return number;
	s->dirs =
	    mem_grow(s->dirs, s->dir_count, &s->dir_capacity, sizeof(*s->dirs));
	number = (uint32_t)s->dir_count++;
	idmap_set(&s->dir_numbers, string, number);
	d = &s->dirs[number];
	memset(d, 0, sizeof(*d));
	d->path = intern_string(s->strings, string);
	d->node = tree_resolve(s->tree, NULL, d->path, 0, NULL, NULL);
	if (d->node != NULL && tree_node_type(d->node) != ENTRY_DIRECTORY)
		d->node = NULL;
	return number;
}

uint32_t
library_search_dir(struct library_search *s, const char *path, size_t len)
{
	uint32_t string, number;
	const char *const *cap;

	while (len > 1 && path[len - 1] == '/')
		len--;
	string = intern_add(s->strings, path, len);
	if (idmap_get(&s->dir_numbers, string, &number))
		return number;
	number = add_plain_dir(s, path, len);
	if (s->dirs[number].node == NULL ||
	    tree_child(s->tree, s->dirs[number].node, "glibc-hwcaps",
		strlen("glibc-hwcaps")) == NULL)
		return number;
	for (cap = s->loader->hwcaps; *cap != NULL; cap++) {
		auto_free char *below = mem_printf("%s/glibc-hwcaps/%s",
		    intern_string(s->strings, string), *cap);
		uint32_t variant = add_plain_dir(s, below, strlen(below));
		struct library_dir *d = &s->dirs[number];

		if (s->dirs[variant].node != NULL)
			d->variants[d->variant_count++] = variant;
	}
	return number;
}

/* Adds the entry behind those of the same name. */
static void
add_cached(void *arg, const struct ldcache_entry *entry)
{
	struct library_search *s = arg;
	uint32_t name =
	    intern_add(s->strings, entry->name, strlen(entry->name));
	uint32_t path =
	    intern_add(s->strings, entry->path, strlen(entry->path));
	uint32_t number = (uint32_t)s->cached_count, last;
	struct library_cached *c;

	s->cached = mem_grow(s->cached, s->cached_count, &s->cached_capacity,
	    sizeof(*s->cached));
	c = &s->cached[s->cached_count++];
	c->path = intern_string(s->strings, path);
	c->variant = entry->variant;
	c->next = 0;
	/* A name's first entry knows the last in its map. */
	if (idmap_get(&s->cache_names, idmap_pair(1, name), &last))
		s->cached[last].next = number;
	else
		idmap_set(&s->cache_names, idmap_pair(0, name), number);
	idmap_set(&s->cache_names, idmap_pair(1, name), number);
}

static void
read_cache(struct library_search *s)
{
	static const struct ldcache_entry none = {"", "", false};
	const char *bytes;
	size_t len;

	bytes = tree_content(s->tree, LDCACHE_PATH, &len);
	if (bytes == NULL)
		return;
	add_cached(s, &none);
	if (!ldcache_read(bytes, len, s->loader->big_endian, add_cached, s))
		s->cached_count = 0;
}

void
library_search_init(struct library_search *s, const struct tree *t,
    const struct loader *l, struct intern *strings)
{
	size_t i;

	memset(s, 0, sizeof(*s));
	s->tree = t;
	s->loader = l;
	s->strings = strings;
	s->standard = mem_zalloc(l->dir_count, sizeof(*s->standard));
	for (i = 0; i < l->dir_count; i++)
		s->standard[i] =
		    library_search_dir(s, l->dirs[i], strlen(l->dirs[i]));
	if (l->kind == LOADER_GLIBC)
		read_cache(s);
}

void
library_search_clear(struct library_search *s)
{
	idmap_clear(&s->dir_numbers);
	idmap_clear(&s->lookups);
	idmap_clear(&s->cache_names);
	free(s->cached);
	free(s->dirs);
	free(s->hits);
	free(s->standard);
}

/* Looks for the name in one directory: hits[] + 1, or 0. */
static uint32_t
look_up(struct library_search *s, uint32_t dir, uint32_t name)
{
	const struct library_dir *d = &s->dirs[dir];
	uint64_t key = idmap_pair(dir, name);
	struct tree_node *n = NULL;
	uint32_t hit = 0;

	if (d->node == NULL)
		return 0;
	if (idmap_get(&s->lookups, key, &hit))
		return hit;
	n = tree_resolve(
	    s->tree, d->node, intern_string(s->strings, name), 0, NULL, NULL);
	if (n != NULL && loader_accepts(s->loader, n)) {
		auto_free char *path = mem_printf("%s/%s",
		    strcmp(d->path, "/") == 0 ? "" : d->path,
		    intern_string(s->strings, name));

		s->hits = mem_grow(
		    s->hits, s->hit_count, &s->hit_capacity, sizeof(*s->hits));
		s->hits[s->hit_count].node = n;
		s->hits[s->hit_count].path = intern_string(
		    s->strings, intern_add(s->strings, path, strlen(path)));
		hit = (uint32_t)++s->hit_count;
	}
	idmap_set(&s->lookups, key, hit);
	return hit;
}

/*
 * Adds a hit; the one for every CPU goes in front.  Directories that are one
 * by links give a variant once.
 */
static void
add_hit(struct library_hits *out, struct library_hit hit, bool variant)
{
	struct library_hit first;
	size_t i;

	for (i = 0; variant && i < out->count; i++)
		if (out->items[i].node == hit.node)
			return;
	out->items = mem_grow(
	    out->items, out->count, &out->capacity, sizeof(*out->items));
	out->items[out->count++] = hit;
	if (variant)
		return;
	first = out->items[0];
	out->items[0] = hit;
	out->items[out->count - 1] = first;
	out->found = true;
}

static void
add_variants(struct library_search *s, uint32_t dir, uint32_t name,
    struct library_hits *out)
{
	uint32_t i, hit;

	for (i = 0; i < s->dirs[dir].variant_count; i++) {
		hit = look_up(s, s->dirs[dir].variants[i], name);
		if (hit != 0)
			add_hit(out, s->hits[hit - 1], true);
	}
}

static void
add_plain(struct library_search *s, uint32_t dir, uint32_t name,
    struct library_hits *out)
{
	uint32_t hit = look_up(s, dir, name);

	if (hit != 0)
		add_hit(out, s->hits[hit - 1], false);
}

void
library_search_path(
    struct library_search *s, const char *path, struct library_hits *out)
{
	struct library_hit hit;

	hit.node = tree_resolve(s->tree, NULL, path, 0, NULL, NULL);
	if (hit.node == NULL || !loader_accepts(s->loader, hit.node))
		return;
	hit.path = intern_string(
	    s->strings, intern_add(s->strings, path, strlen(path)));
	add_hit(out, hit, false);
}

void
library_search_dirs(struct library_search *s, const uint32_t *dirs,
    size_t count, uint32_t name, struct library_hits *out)
{
	size_t i;

	for (i = 0; i < count && !out->found; i++) {
		add_variants(s, dirs[i], name, out);
		add_plain(s, dirs[i], name, out);
	}
}

/* True when ldconfig puts a file of this name into its cache. */
static bool
is_cached_name(const char *name)
{
	return (strncmp(name, "lib", 3) == 0 || strncmp(name, "ld-", 3) == 0) &&
	    strstr(name, ".so") != NULL;
}

static bool
is_built_in(const struct library_search *s, uint32_t dir)
{
	size_t i;

	for (i = s->loader->configured; i < s->loader->dir_count; i++)
		if (s->standard[i] == dir)
			return true;
	return false;
}

/* True when the path is below a built-in directory: as glibc compares. */
static bool
is_in_built_in(const struct library_search *s, const char *path)
{
	size_t i;

	for (i = s->loader->configured; i < s->loader->dir_count; i++) {
		size_t len = strlen(s->loader->dirs[i]);

		if (strncmp(path, s->loader->dirs[i], len) == 0 &&
		    path[len] == '/')
			return true;
	}
	return false;
}

/*
 * Adds what the cache names: its first library for every CPU, and each that
 * is for some.
 */
static void
search_cache(struct library_search *s, uint32_t name, bool nodefaultlib,
    struct library_hits *out)
{
	uint32_t i = 0;

	idmap_get(&s->cache_names, idmap_pair(0, name), &i);
	for (; i != 0; i = s->cached[i].next) {
		const struct library_cached *c = &s->cached[i];
		struct library_hit hit = {.path = c->path};
		bool built_in = is_in_built_in(s, c->path);

		if ((!c->variant && out->found) || (nodefaultlib && built_in))
			continue;
		hit.node = tree_resolve(s->tree, NULL, c->path, 0, NULL, NULL);
		if (hit.node == NULL || !loader_accepts(s->loader, hit.node))
			continue;
		add_hit(out, hit, c->variant);
		out->configured |= !built_in;
	}
}

/*
 * What ldconfig's cache would say, for an image that has none: it lists the
 * variants of all directories before the plain libraries, and the plain ones
 * in the order of the directories.
 */
static void
search_configured(struct library_search *s, uint32_t name, bool nodefaultlib,
    struct library_hits *out)
{
	size_t i;

	for (i = 0; i < s->loader->dir_count; i++)
		if (!nodefaultlib || !is_built_in(s, s->standard[i]))
			add_variants(s, s->standard[i], name, out);
	for (i = 0; i < s->loader->dir_count && !out->found; i++)
		if (!nodefaultlib || !is_built_in(s, s->standard[i]))
			add_plain(s, s->standard[i], name, out);
}

static void
search_built_in(
    struct library_search *s, uint32_t name, struct library_hits *out)
{
	const struct loader *l = s->loader;

	library_search_dirs(s, s->standard + l->configured,
	    l->dir_count - l->configured, name, out);
}

void
library_search_standard(struct library_search *s, uint32_t name,
    bool nodefaultlib, struct library_hits *out)
{
	if (s->loader->kind == LOADER_MUSL) {
		library_search_dirs(
		    s, s->standard, s->loader->dir_count, name, out);
		out->configured = out->found;
		return;
	}
	if (s->cached_count > 0)
		search_cache(s, name, nodefaultlib, out);
	else if (is_cached_name(intern_string(s->strings, name)))
		search_configured(s, name, nodefaultlib, out);
	if (!out->found && !nodefaultlib)
		search_built_in(s, name, out);
}
