#include "closure_private.h"

#include <stdlib.h>
#include <string.h>

#include "winnow/mem.h"

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

uint32_t
closure_add_string(struct closure *c, const char *s)
{
	return intern_add(&c->strings, s, strlen(s));
}

static struct closure_object *
get_object(struct closure *c, struct tree_node *n)
{
	struct closure_object *o = c->objects[n->number];
	size_t i;

	if (o != NULL)
		return o;
	o = c->objects[n->number] = mem_zalloc(1, sizeof(*o));
	o->node = n;
	o->facts = n->entry->elf;
	o->soname = o->facts->soname == NULL
	    ? CLOSURE_NO_NAME
	    : closure_add_string(c, o->facts->soname);
	o->needed = mem_zalloc(o->facts->needed_count, sizeof(*o->needed));
	for (i = 0; i < o->facts->needed_count; i++)
		o->needed[i] = closure_add_string(c, o->facts->needed[i]);
	return o;
}

struct closure_loader *
closure_get_loader(struct closure *c, const struct elf_facts *facts)
{
	struct closure_loader *l;
	size_t i;

	for (i = 0; i < c->loader_count; i++)
		if (loader_fits(c->loaders[i]->loader, facts))
			return c->loaders[i];
	l = mem_zalloc(1, sizeof(*l));
	l->loader = loader_new(c->tree, facts);
	library_search_init(&l->search, c->tree, l->loader, &c->strings);
	c->loaders = mem_realloc(
	    c->loaders, c->loader_count + 1, sizeof(struct closure_loader *));
	c->loaders[c->loader_count++] = l;
	return l;
}

bool
closure_is_musl(const struct closure *c)
{
	return c->loader->loader->kind == LOADER_MUSL;
}

void
closure_bind(struct closure *c, uint32_t name, uint32_t index)
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

uint32_t
closure_bound(const struct closure *c, uint32_t name)
{
	if (name >= c->binding_capacity || c->bindings[name].run != c->run)
		return CLOSURE_NOT_LOADED;
	return c->bindings[name].index;
}

uint32_t
closure_load(
    struct closure *c, struct tree_node *n, const char *path, uint32_t parent)
{
	struct closure_object *o = get_object(c, n);
	struct closure_loaded *l;

	if (o->run == c->run)
		return o->index;
	c->loaded = mem_grow(
	    c->loaded, c->loaded_count, &c->loaded_capacity, sizeof(*l));
	l = &c->loaded[c->loaded_count];
	l->object = o;
	l->path = path;
	l->parent = parent;
	l->reported_by = CLOSURE_NOT_LOADED;
	o->run = c->run;
	o->index = (uint32_t)c->loaded_count++;
	/* musl knows what it loaded by the names asked for only. */
	if (o->soname != CLOSURE_NO_NAME && !closure_is_musl(c))
		closure_bind(c, o->soname, o->index);
	return o->index;
}
