#include "winnow/closure.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "intern.h"
#include "library_search.h"
#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/path.h"

#define NO_NAME UINT32_MAX
#define NOT_LOADED UINT32_MAX
/* Directories of LD_LIBRARY_PATH and names of LD_PRELOAD: every program meets
 * them; real images have under ten.  What comes after is ignored. */
#define CLOSURE_MAX_ENV 200

/* One ELF file of the tree, prepared once. */
struct object {
	struct tree_node *node;
	const struct elf_facts *facts;
	uint32_t soname; /* string number, or NO_NAME */
	uint32_t *needed; /* string numbers */
	/* RPATH or RUNPATH as directories, for the loader and the path that
	 * they were expanded for. */
	const struct run_loader *rpath_loader;
	const char *rpath_path;
	uint32_t *rpath;
	size_t rpath_count;
	/* In the run of this number it is loaded[index]. */
	uint32_t run;
	uint32_t index;
};

/* A loader with what was looked up for it. */
struct run_loader {
	struct loader *loader;
	struct library_search search;
};

/* An object in the order of loading. */
struct loaded {
	struct object *object;
	const char *path; /* as opened; borrowed */
	uint32_t parent; /* who loaded it, or NOT_LOADED */
	uint32_t reported_by; /* the last that was reported to need it */
};

/* Which object a name leads to in the run of this number. */
struct binding {
	uint32_t run;
	uint32_t index;
};

struct closure {
	const struct tree *tree;
	struct closure_env env;
	struct intern strings;
	struct object **objects; /* by node number; NULL until needed */
	struct run_loader **loaders;
	size_t loader_count;
	/* The current run. */
	uint32_t run;
	const struct closure_callbacks *callbacks;
	struct run_loader *loader;
	struct loaded *loaded;
	size_t loaded_count;
	size_t loaded_capacity;
	struct binding *bindings; /* by string number */
	size_t binding_capacity;
	struct library_hits hits;
	uint32_t env_dirs[CLOSURE_MAX_ENV]; /* of LD_LIBRARY_PATH */
	size_t env_dir_count;
	/* What names that which is being loaded before all else, or NULL. */
	const char *preloading;
};

struct closure *
closure_new(const struct tree *t, const struct closure_env *env)
{
	struct closure *c = mem_zalloc(1, sizeof(*c));

	c->tree = t;
	if (env != NULL)
		c->env = *env;
	c->objects = mem_zalloc(tree_count(t), sizeof(*c->objects));
	return c;
}

void
closure_free(struct closure *c)
{
	uint32_t i;

	for (i = 0; i < tree_count(c->tree); i++) {
		if (c->objects[i] == NULL)
			continue;
		free(c->objects[i]->needed);
		free(c->objects[i]->rpath);
		free(c->objects[i]);
	}
	for (i = 0; i < c->loader_count; i++) {
		library_search_clear(&c->loaders[i]->search);
		loader_free(c->loaders[i]->loader);
		free(c->loaders[i]);
	}
	intern_clear(&c->strings);
	free(c->objects);
	free(c->loaders);
	free(c->loaded);
	free(c->bindings);
	free(c->hits.items);
	free(c);
}

static uint32_t
add_string(struct closure *c, const char *s)
{
	return intern_add(&c->strings, s, strlen(s));
}

static struct object *
get_object(struct closure *c, struct tree_node *n)
{
	struct object *o = c->objects[n->number];
	size_t i;

	if (o != NULL)
		return o;
	o = c->objects[n->number] = mem_zalloc(1, sizeof(*o));
	o->node = n;
	o->facts = n->entry->elf;
	o->soname = o->facts->soname == NULL ? NO_NAME
					     : add_string(c, o->facts->soname);
	o->needed = mem_zalloc(o->facts->needed_count, sizeof(*o->needed));
	for (i = 0; i < o->facts->needed_count; i++)
		o->needed[i] = add_string(c, o->facts->needed[i]);
	return o;
}

static struct run_loader *
get_loader(struct closure *c, const struct elf_facts *facts)
{
	struct run_loader *l;
	size_t i;

	for (i = 0; i < c->loader_count; i++)
		if (loader_fits(c->loaders[i]->loader, facts))
			return c->loaders[i];
	l = mem_zalloc(1, sizeof(*l));
	l->loader = loader_new(c->tree, facts);
	library_search_init(&l->search, c->tree, l->loader, &c->strings);
	c->loaders = mem_realloc(
	    c->loaders, c->loader_count + 1, sizeof(struct run_loader *));
	c->loaders[c->loader_count++] = l;
	return l;
}

static bool
is_musl(const struct closure *c)
{
	return c->loader->loader->kind == LOADER_MUSL;
}

/* Later needs of this name mean that object; the first binding stays. */
static void
bind_name(struct closure *c, uint32_t name, uint32_t index)
{
	if (name >= c->binding_capacity) {
		size_t want = c->strings.count * 2;

		c->bindings =
		    mem_realloc(c->bindings, want, sizeof(*c->bindings));
		memset(c->bindings + c->binding_capacity, 0,
		    (want - c->binding_capacity) * sizeof(*c->bindings));
		c->binding_capacity = want;
	}
	if (c->bindings[name].run == c->run)
		return;
	c->bindings[name].run = c->run;
	c->bindings[name].index = index;
}

static uint32_t
bound_index(const struct closure *c, uint32_t name)
{
	if (name >= c->binding_capacity || c->bindings[name].run != c->run)
		return NOT_LOADED;
	return c->bindings[name].index;
}

/* Appends the file to what is loaded, unless it is; returns its index. */
static uint32_t
load_object(
    struct closure *c, struct tree_node *n, const char *path, uint32_t parent)
{
	struct object *o = get_object(c, n);
	struct loaded *l;

	if (o->run == c->run)
		return o->index;
	c->loaded = mem_grow(
	    c->loaded, c->loaded_count, &c->loaded_capacity, sizeof(*l));
	l = &c->loaded[c->loaded_count];
	l->object = o;
	l->path = path;
	l->parent = parent;
	l->reported_by = NOT_LOADED;
	o->run = c->run;
	o->index = (uint32_t)c->loaded_count++;
	/* musl knows what it loaded by the names asked for only. */
	if (o->soname != NO_NAME && !is_musl(c))
		bind_name(c, o->soname, o->index);
	return o->index;
}

/* Reports what the program preloads, or does not find: NULL. */
static void
report_preload(
    struct closure *c, struct tree_node *n, const char *path, const char *name)
{
	const struct closure_preload preload = {
	    .by = c->loaded[0].object->node,
	    .needed = n,
	    .path = path,
	    .name = name,
	    .origin = c->preloading,
	};

	c->callbacks->preload(c->callbacks->arg, &preload);
}

/* Reports that `by` needs `index`, by the path it was opened by. */
static void
report(struct closure *c, uint32_t by, uint32_t index, const char *path,
    const char *name)
{
	struct loaded *l = &c->loaded[index];

	if (by == index || (l->reported_by == by && l->path == path))
		return;
	l->reported_by = by;
	if (c->preloading != NULL)
		report_preload(c, l->object->node, path, name);
	else
		c->callbacks->need(c->callbacks->arg,
		    c->loaded[by].object->node, l->object->node, path, name);
}

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
add_rpath(struct closure *c, struct object *o, const char *text, size_t len,
    const char *origin)
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
prepare_rpath(struct closure *c, const struct loaded *l)
{
	struct object *o = l->object;
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
	const struct loaded *l = &c->loaded[index];

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

	for (i = by; facts->runpath == NULL && i != NOT_LOADED;
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
	uint32_t i = c->preloading != NULL ? NOT_LOADED : by;

	search_env(c, name);
	for (; i != NOT_LOADED && !c->hits.found; i = c->loaded[i].parent)
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
	if (is_musl(c))
		strbuf_add_string(&path, name);
	else
		loader_expand(
		    c->loader->loader, name, strlen(name), origin, &path);
	library_search_path(&c->loader->search, strbuf_string(&path), &c->hits);
}

/* Reports the file without which the loader would not find the library. */
static void
report_config(struct closure *c, uint32_t by)
{
	const char *path = c->loader->loader->config;
	struct tree_node *n = tree_resolve(c->tree, NULL, path, 0, NULL, NULL);

	if (n != NULL)
		c->callbacks->need(c->callbacks->arg,
		    c->loaded[by].object->node, n, path, path_base(path));
}

/* Loads what `by` asks for by `name`, and reports it; false: not found. */
static bool
need_library(struct closure *c, uint32_t by, uint32_t name)
{
	const char *text = intern_string(&c->strings, name);
	uint32_t index = bound_index(c, name);
	size_t i;

	if (index == NOT_LOADED && loader_is_own_name(c->loader->loader, text))
		index = bound_index(
		    c, add_string(c, c->loader->loader->interpreter));
	if (index != NOT_LOADED) {
		report(c, by, index, c->loaded[index].path, text);
		return true;
	}
	c->hits.count = 0;
	c->hits.found = false;
	c->hits.configured = false;
	if (strchr(text, '/') != NULL)
		search_path(c, by, text);
	else if (is_musl(c))
		search_musl(c, by, name);
	else
		search_glibc(c, by, name);
	for (i = 0; i < c->hits.count; i++) {
		const struct library_hit *hit = &c->hits.items[i];

		index = load_object(c, hit->node, hit->path, by);
		bind_name(c, name, index);
		report(c, by, index, hit->path, text);
	}
	if (c->hits.configured)
		report_config(c, by);
	return c->hits.count > 0;
}

static void
load_needed(struct closure *c, uint32_t by)
{
	const struct object *o = c->loaded[by].object;
	size_t i;

	for (i = 0; i < o->facts->needed_count; i++)
		if (!need_library(c, by, o->needed[i]))
			c->callbacks->missing(c->callbacks->arg, o->node,
			    o->facts->needed[i], true);
}

/* Of each .note.dlopen entry the first library that is there. */
static void
load_dlopens(struct closure *c, uint32_t by)
{
	const struct object *o = c->loaded[by].object;
	size_t i, j;

	for (i = 0; i < o->facts->dlopen_count; i++) {
		const struct elf_dlopen *d = &o->facts->dlopens[i];

		for (j = 0; j < d->count; j++)
			if (need_library(c, by, add_string(c, d->sonames[j])))
				break;
		if (j == d->count && d->count > 0)
			c->callbacks->missing(c->callbacks->arg, o->node,
			    d->sonames[0], d->priority == ELF_REQUIRED);
	}
}

/*
 * Loads the interpreter: for a library only to know its names, as some
 * program has loaded it before.
 */
static void
load_interpreter(struct closure *c)
{
	const struct loader *l = c->loader->loader;
	const struct object *root = c->loaded[0].object;
	uint32_t index, name;

	if (l->interpreter == NULL)
		return;
	if (l->node == NULL || tree_node_type(l->node) != ENTRY_FILE ||
	    l->node->entry->elf == NULL) {
		if (l->named)
			c->callbacks->missing(c->callbacks->arg, root->node,
			    root->facts->interpreter, true);
		return;
	}
	name = add_string(c, l->interpreter);
	index = load_object(
	    c, l->node, intern_string(&c->strings, name), NOT_LOADED);
	bind_name(c, name, index);
	if (l->named)
		report(c, 0, index, c->loaded[index].path, l->interpreter);
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
	if (is_musl(c))
		strbuf_add(&dir, text, len);
	else if (!loader_expand(c->loader->loader, text, len, origin, &dir))
		return;
	if (dir.overflow || dir.len == 0 || dir.data[0] != '/')
		return;
	c->env_dirs[c->env_dir_count++] =
	    library_search_dir(&c->loader->search, dir.data, dir.len);
}

/* True for a program that the kernel starts with AT_SECURE. */
static bool
is_secure(const struct object *o)
{
	return o->facts->interpreter != NULL &&
	    (o->node->entry->mode & (S_ISUID | S_ISGID)) != 0;
}

/* The directories of LD_LIBRARY_PATH for the current run. */
static void
prepare_env(struct closure *c)
{
	const struct object *root = c->loaded[0].object;
	const char *text = c->env.library_path;
	const char *separators = is_musl(c) ? ":\n" : ":;";
	auto_free char *origin = NULL;

	c->env_dir_count = 0;
	if (text == NULL || is_secure(root))
		return;
	if (root->facts->interpreter != NULL)
		origin = origin_of(c->loaded[0].path);
	while (*text != '\0' && c->env_dir_count < CLOSURE_MAX_ENV) {
		size_t len = strcspn(text, separators);

		add_env_dir(c, text, len, origin);
		text += len + (text[len] != '\0');
	}
}

static void
preload_library(struct closure *c, const char *text, size_t len)
{
	uint32_t name = intern_add(&c->strings, text, len);

	if (!need_library(c, 0, name))
		report_preload(c, NULL, NULL, intern_string(&c->strings, name));
}

static void
preload_libraries(struct closure *c, const char *origin, const char *text,
    const char *separators)
{
	size_t i, len;

	c->preloading = origin;
	text += strspn(text, separators);
	for (i = 0; *text != '\0' && i < CLOSURE_MAX_ENV; i++) {
		len = strcspn(text, separators);
		if (len < LIMIT_PATH)
			preload_library(c, text, len);
		text += len;
		text += strspn(text, separators);
	}
	c->preloading = NULL;
}

/*
 * Blanks comments as glibc 2.36 does: it looks for each further one in as many
 * bytes from the start as the last one left, and so leaves later ones alone.
 */
static void
blank_comments(char *text)
{
	size_t rest = strlen(text);
	char *comment;

	while ((comment = memchr(text, '#', rest)) != NULL) {
		rest -= (size_t)(comment - text);
		do
			*comment++ = ' ';
		while (--rest > 0 && *comment != '\n');
	}
}

/* Loads what is to be so before anything that the program needs. */
static void
load_preloads(struct closure *c)
{
	const struct object *root = c->loaded[0].object;
	auto_free char *names = NULL;

	if (root->facts->interpreter == NULL)
		return;
	if (c->env.preload != NULL && !is_secure(root))
		preload_libraries(c, "LD_PRELOAD", c->env.preload,
		    is_musl(c) ? " \t\n\v\f\r:" : " :");
	if (c->env.preload_file == NULL || is_musl(c))
		return;
	names = mem_strdup(c->env.preload_file);
	blank_comments(names);
	preload_libraries(c, CLOSURE_PRELOAD_FILE, names, ": \t\n");
}

/* The absolute path of a node, borrowed. */
static const char *
path_of(struct closure *c, const struct tree_node *n)
{
	auto_strbuf struct strbuf path;
	auto_free char *absolute = NULL;

	strbuf_init(&path, LIMIT_PATH);
	tree_node_path(n, &path);
	absolute = mem_printf("/%s", strbuf_string(&path));
	return intern_string(&c->strings, add_string(c, absolute));
}

void
closure_run(struct closure *c, struct tree_node *executable,
    const struct closure_callbacks *callbacks)
{
	uint32_t next = 0, next_dlopen = 0;

	if (tree_node_type(executable) != ENTRY_FILE ||
	    executable->entry->elf == NULL)
		return;
	c->run++;
	c->callbacks = callbacks;
	c->loaded_count = 0;
	c->loader = get_loader(c, executable->entry->elf);
	load_object(c, executable, path_of(c, executable), NOT_LOADED);
	load_interpreter(c);
	prepare_env(c);
	load_preloads(c);
	/* What is opened at run time is so after all that was needed. */
	while (next < c->loaded_count || next_dlopen < c->loaded_count)
		if (next < c->loaded_count)
			load_needed(c, next++);
		else
			load_dlopens(c, next_dlopen++);
}
