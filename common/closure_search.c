#include "closure_private.h"

#include <string.h>
#include <sys/stat.h>

#include "winnow/limits.h"
#include "winnow/mem.h"

/* The directory part of a path, for $ORIGIN; the caller frees it. */
static char *
origin_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL || slash == path)
		return mem_strdup("/");
	return mem_strndup(path, (size_t)(slash - path));
}

/* Adds one element of an RPATH. */
static void
add_rpath(struct closure *c, struct closure_object *o, const char *text,
    size_t len, const char *origin)
{
	auto_strbuf struct strbuf dir;

	strbuf_init(&dir, 2 * LIMIT_PATH);
	/* What is relative depends on where the program is started. */
	if (!loader_expand(c->loader->loader, text, len, origin, &dir) ||
	    dir.len == 0 || dir.data[0] != '/')
		return;
	o->rpath = mem_realloc(o->rpath, o->rpath_count + 1, sizeof(*o->rpath));
	o->rpath[o->rpath_count++] =
	    library_search_dir(&c->loader->search, dir.data, dir.len);
}

/* The directories of the object's RUNPATH, which hides an RPATH, or RPATH. */
static void
prepare_rpath(struct closure *c, const struct closure_loaded *l)
{
	struct closure_object *o = l->object;
	const char *text =
	    o->facts->runpath != NULL ? o->facts->runpath : o->facts->rpath;
	auto_free char *origin = NULL;

	if (text == NULL ||
	    (o->rpath_path == l->path && o->rpath_loader == c->loader))
		return;
	o->rpath_path = l->path;
	o->rpath_loader = c->loader;
	o->rpath_count = 0;
	origin = origin_of(l->path);
	while (*text != '\0') {
		size_t len = strcspn(text, ":");

		add_rpath(c, o, text, len, origin);
		text += len + (text[len] == ':');
	}
}

static void
search_rpath(struct closure *c, uint32_t index, uint32_t name)
{
	const struct closure_loaded *l = &c->loaded[index];

	prepare_rpath(c, l);
	library_search_dirs(&c->loader->search, l->object->rpath,
	    l->object->rpath_count, name, &c->hits);
}

static void
search_env(struct closure *c, uint32_t name)
{
	library_search_dirs(
	    &c->loader->search, c->env_dirs, c->env_dir_count, name, &c->hits);
}

/*
 * ld.so(8): RPATHs up the chain, LD_LIBRARY_PATH, own RUNPATH, cache, built-in
 * directories.
 */
static void
search_glibc(struct closure *c, uint32_t by, uint32_t name)
{
	const struct elf_facts *facts = c->loaded[by].object->facts;
	uint32_t i;

	for (i = by; facts->runpath == NULL && i != CLOSURE_NOT_LOADED;
	     i = c->loaded[i].parent)
		if (c->loaded[i].object->facts->runpath == NULL)
			search_rpath(c, i, name);
	search_env(c, name);
	if (facts->runpath != NULL)
		search_rpath(c, by, name);
	if (!c->hits.found)
		library_search_standard(
		    &c->loader->search, name, facts->nodefaultlib, &c->hits);
}

/* musl: LD_LIBRARY_PATH, both kinds up the chain alike, then its path. */
static void
search_musl(struct closure *c, uint32_t by, uint32_t name)
{
	/* What it preloads is needed by no object. */
	uint32_t i = c->preloading != NULL ? CLOSURE_NOT_LOADED : by;

	search_env(c, name);
	for (; i != CLOSURE_NOT_LOADED && !c->hits.found;
	     i = c->loaded[i].parent)
		search_rpath(c, i, name);
	if (!c->hits.found)
		library_search_standard(
		    &c->loader->search, name, false, &c->hits);
}

/* A name with a slash is a path; glibc replaces $ORIGIN in it. */
static void
search_path(struct closure *c, uint32_t by, const char *name)
{
	auto_free char *origin = origin_of(c->loaded[by].path);
	auto_strbuf struct strbuf path;

	strbuf_init(&path, 2 * LIMIT_PATH);
	if (closure_is_musl(c))
		strbuf_add_string(&path, name);
	else
		loader_expand(
		    c->loader->loader, name, strlen(name), origin, &path);
	library_search_path(&c->loader->search, strbuf_string(&path), &c->hits);
}

void
closure_search(struct closure *c, uint32_t by, uint32_t name)
{
	const char *text = intern_string(&c->strings, name);

	c->hits.count = 0;
	c->hits.found = false;
	c->hits.configured = false;
	if (strchr(text, '/') != NULL)
		search_path(c, by, text);
	else if (closure_is_musl(c))
		search_musl(c, by, name);
	else
		search_glibc(c, by, name);
}

/*
 * Adds one element of LD_LIBRARY_PATH.  $ORIGIN is the program's: NULL for a
 * library, whose program is unknown.
 */
static void
add_env_dir(struct closure *c, const char *text, size_t len, const char *origin)
{
	auto_strbuf struct strbuf dir;

	strbuf_init(&dir, 2 * LIMIT_PATH);
	if (closure_is_musl(c))
		strbuf_add(&dir, text, len);
	else if (!loader_expand(c->loader->loader, text, len, origin, &dir))
		return;
	if (dir.overflow || dir.len == 0 || dir.data[0] != '/')
		return;
	c->env_dirs[c->env_dir_count++] =
	    library_search_dir(&c->loader->search, dir.data, dir.len);
}

bool
closure_is_secure(const struct closure_object *o)
{
	return o->facts->interpreter != NULL &&
	    (o->node->entry->mode & (S_ISUID | S_ISGID)) != 0;
}

void
closure_prepare_env(struct closure *c)
{
	const struct closure_object *root = c->loaded[0].object;
	const char *text = c->env.library_path;
	const char *separators = closure_is_musl(c) ? ":\n" : ":;";
	auto_free char *origin = NULL;

	c->env_dir_count = 0;
	if (text == NULL || closure_is_secure(root))
		return;
	if (root->facts->interpreter != NULL)
		origin = origin_of(c->loaded[0].path);
	while (*text != '\0' && c->env_dir_count < CLOSURE_MAX_ENV) {
		size_t len = strcspn(text, separators);

		add_env_dir(c, text, len, origin);
		text += len + (text[len] != '\0');
	}
}
