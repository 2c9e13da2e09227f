#include "winnow/closure.h"

#include "closure_private.h"
#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/path.h"

/* Reports that `by` needs `index`, by the path it was opened by. */
static void
report(struct closure *c, uint32_t by, uint32_t index, const char *path,
    const char *name)
{
	struct closure_loaded *l = &c->loaded[index];

	if (by == index || (l->reported_by == by && l->path == path))
		return;
	l->reported_by = by;
	if (c->preloading != NULL)
		closure_report_preload(c, l->object->node, path, name);
	else
		c->callbacks->need(c->callbacks->arg,
		    c->loaded[by].object->node, l->object->node, path, name);
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

bool
closure_need(struct closure *c, uint32_t by, uint32_t name)
{
	const char *text = intern_string(&c->strings, name);
	uint32_t index = closure_bound(c, name);
	size_t i;

	if (index == CLOSURE_NOT_LOADED &&
	    loader_is_own_name(c->loader->loader, text))
		index = closure_bound(
		    c, closure_add_string(c, c->loader->loader->interpreter));
	if (index != CLOSURE_NOT_LOADED) {
		report(c, by, index, c->loaded[index].path, text);
		return true;
	}
	closure_search(c, by, name);
	for (i = 0; i < c->hits.count; i++) {
		const struct library_hit *hit = &c->hits.items[i];

		index = closure_load(c, hit->node, hit->path, by);
		closure_bind(c, name, index);
		report(c, by, index, hit->path, text);
	}
	if (c->hits.configured)
		report_config(c, by);
	return c->hits.count > 0;
}

static void
load_needed(struct closure *c, uint32_t by)
{
	const struct closure_object *o = c->loaded[by].object;
	size_t i;

	for (i = 0; i < o->facts->needed_count; i++)
		if (!closure_need(c, by, o->needed[i]))
			c->callbacks->missing(c->callbacks->arg, o->node,
			    o->facts->needed[i], true);
}

/* Of each .note.dlopen entry the first library that is there. */
static void
load_dlopens(struct closure *c, uint32_t by)
{
	const struct closure_object *o = c->loaded[by].object;
	size_t i, j;

	for (i = 0; i < o->facts->dlopen_count; i++) {
		const struct elf_dlopen *d = &o->facts->dlopens[i];

		for (j = 0; j < d->count; j++)
			if (closure_need(
				c, by, closure_add_string(c, d->sonames[j])))
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
	const struct closure_object *root = c->loaded[0].object;
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
	name = closure_add_string(c, l->interpreter);
	index = closure_load(
	    c, l->node, intern_string(&c->strings, name), CLOSURE_NOT_LOADED);
	closure_bind(c, name, index);
	if (l->named)
		report(c, 0, index, c->loaded[index].path, l->interpreter);
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
	return intern_string(&c->strings, closure_add_string(c, absolute));
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
	c->loader = closure_get_loader(c, executable->entry->elf);
	closure_load(c, executable, path_of(c, executable), CLOSURE_NOT_LOADED);
	load_interpreter(c);
	closure_prepare_env(c);
	closure_load_preloads(c);
	/* What is opened at run time is so after all that was needed. */
	while (next < c->loaded_count || next_dlopen < c->loaded_count)
		if (next < c->loaded_count)
			load_needed(c, next++);
		else
			load_dlopens(c, next_dlopen++);
}
