#include <stdlib.h>
#include <string.h>

#include "idmap.h"
#include "selection_private.h"
#include "winnow/closure.h"
#include "winnow/mem.h"

/* What a library on its own did not find. */
struct missing_name {
	const struct tree_node *by;
	const char *name;
};

/* A name that is preloaded, and a program that did not find it; NULL when some
 * program did: it is of another class, perhaps. */
struct preload_name {
	const struct tree_node *by;
	const char *name;
	const char *origin;
};

/* The closure over all that is kept. */
struct closure_walk {
	struct selector *sel;
	bool *done; /* by node number: was the start of a run */
	bool *reached; /* was found by an executable's run */
	const char **opened; /* the last path that it was kept by */
	struct idmap reported; /* missing names, by their address */
	bool executable; /* the current run starts at one */
	struct missing_name *pending; /* judged when all is kept */
	size_t pending_count;
	size_t pending_capacity;
	struct preload_name *preloads;
	size_t preload_count;
	size_t preload_capacity;
};

/* What is kept on the way to a library. */
struct need_walk {
	struct selector *sel;
	const struct tree_node *by;
	const struct tree_node *needed;
};

static void
keep_way(void *arg, struct tree_node *n)
{
	struct need_walk *walk = arg;

	if (tree_node_type(n) == ENTRY_DIRECTORY)
		selector_keep(walk->sel, n, SELECTION_PARENT, 0, walk->needed);
	else
		selector_keep(walk->sel, n, SELECTION_NEEDED, 0, walk->by);
}

/* Keeps walk->needed and the way to it, the path that it is opened by. */
static void
keep_opened(struct closure_walk *w, struct need_walk *walk, const char *path)
{
	uint32_t number = walk->needed->number;

	if (w->executable)
		w->reached[number] = true;
	if (w->opened[number] == path)
		return;
	w->opened[number] = path;
	tree_resolve(w->sel->tree, NULL, path, 0, keep_way, walk);
}

static void
need(void *arg, const struct tree_node *by, struct tree_node *needed,
    const char *path, const char *name)
{
	struct closure_walk *w = arg;
	struct need_walk walk = {w->sel, by, needed};

	(void)name;
	keep_opened(w, &walk, path);
}

/* The entry of a name that is preloaded; they are few (closure_preload.c). */
static struct preload_name *
get_preload(struct closure_walk *w, const struct closure_preload *p)
{
	struct preload_name *name;
	size_t i;

	for (i = 0; i < w->preload_count; i++)
		if (w->preloads[i].name == p->name)
			return &w->preloads[i];
	w->preloads = mem_grow(w->preloads, w->preload_count,
	    &w->preload_capacity, sizeof(*w->preloads));
	name = &w->preloads[w->preload_count++];
	*name = (struct preload_name){p->by, p->name, p->origin};
	return name;
}

static void
preload(void *arg, const struct closure_preload *p)
{
	struct closure_walk *w = arg;
	struct need_walk walk = {w->sel, p->by, p->needed};
	struct preload_name *name = get_preload(w, p);

	if (p->needed == NULL)
		return;
	name->by = NULL;
	w->sel->preloading = p->origin;
	keep_opened(w, &walk, p->path);
	w->sel->preloading = NULL;
}

static void
warn_preloads(struct closure_walk *w)
{
	size_t i;

	for (i = 0; i < w->preload_count; i++) {
		const struct preload_name *m = &w->preloads[i];
		auto_free char *path =
		    m->by == NULL ? NULL : selection_show_path(m->by);

		if (path != NULL)
			selector_warn(w->sel,
			    "%s%s names %s, which the loader of /%s does not "
			    "find in the image",
			    m->origin,
			    m->origin[0] == '/' ? "" : " of the image's config",
			    m->name, path);
	}
	free(w->preloads);
}

static void
warn_missing(struct selector *sel, const struct tree_node *by, const char *name)
{
	auto_free char *path = selection_show_path(by);
	auto_strbuf struct strbuf why;

	strbuf_init(&why, ERR_MESSAGE_MAX);
	selection_explain(sel->s, by, &why);
	selector_warn(sel,
	    "/%s needs %s, which its loader does not find in the image (%s)",
	    path, name, strbuf_string(&why));
}

static void
missing(void *arg, const struct tree_node *by, const char *name, bool required)
{
	struct closure_walk *w = arg;
	uint32_t seen;

	/* A library on its own may lack what its program brings. */
	if (!required || (!w->executable && w->reached[by->number]) ||
	    idmap_get(&w->reported, idmap_pointer(name), &seen))
		return;
	idmap_set(&w->reported, idmap_pointer(name), 1);
	if (w->executable) {
		warn_missing(w->sel, by, name);
		return;
	}
	w->pending = mem_grow(w->pending, w->pending_count,
	    &w->pending_capacity, sizeof(*w->pending));
	w->pending[w->pending_count].by = by;
	w->pending[w->pending_count++].name = name;
}

/*
 * Warns of what libraries lack, unless some kept file has that name: the
 * program that opens them has loaded it (libjvm.so), wherever it lies.
 */
static void
judge_pending(struct closure_walk *w)
{
	struct intern names = {0};
	size_t known, i;

	for (i = 0; i < tree_count(w->sel->tree); i++) {
		const struct tree_node *n = tree_at(w->sel->tree, (uint32_t)i);

		if (!selection_keeps(w->sel->s, n) || n->entry == NULL ||
		    n->entry->elf == NULL)
			continue;
		intern_add(&names, n->name, n->name_len);
		if (n->entry->elf->soname != NULL)
			intern_add(&names, n->entry->elf->soname,
			    strlen(n->entry->elf->soname));
	}
	known = names.count;
	for (i = 0; i < w->pending_count; i++) {
		const struct missing_name *m = &w->pending[i];

		if (intern_add(&names, m->name, strlen(m->name)) >= known)
			warn_missing(w->sel, m->by, m->name);
	}
	intern_clear(&names);
	free(w->pending);
}

/* True for kept ELF files that a run starts at. */
static bool
is_root(const struct closure_walk *w, const struct tree_node *n)
{
	const struct selection_node *node = &w->sel->s->nodes[n->number];

	return node->reason != SELECTION_NOT_KEPT &&
	    node->reason != SELECTION_NEEDED && !w->done[n->number] &&
	    tree_node_type(n) == ENTRY_FILE && n->entry->elf != NULL;
}

/* Runs from all kept executables, or all kept libraries; true if any. */
static bool
run_all(struct closure_walk *w, struct closure *c)
{
	const struct closure_callbacks callbacks = {need, missing, preload, w};
	bool any = false;
	uint32_t i;

	for (i = 0; i < tree_count(w->sel->tree); i++) {
		struct tree_node *n = tree_at(w->sel->tree, i);

		if (!is_root(w, n) ||
		    (n->entry->elf->interpreter != NULL) != w->executable)
			continue;
		w->done[i] = true;
		any = true;
		closure_run(c, n, &callbacks);
	}
	selector_keep_links(w->sel);
	return any;
}

struct closure_env
selection_closure_env(
    const struct selection *s, const struct closure_env *config)
{
	struct closure_env env = {0};
	size_t len = 0;

	if (config != NULL)
		env = *config;
	if (selection_keeps_path(s, CLOSURE_PRELOAD_FILE))
		env.preload_file =
		    tree_content(s->tree, CLOSURE_PRELOAD_FILE, &len);
	return env;
}

/*
 * The loader opens /etc/ld.so.preload by its path, through links.  The index
 * has the contents of what stands under that name, not of every file that a
 * link of that name could lead to.
 */
static void
warn_unread_preload(struct selector *sel, const struct closure_env *env)
{
	auto_free char *path = NULL;
	struct tree_node *n;

	if (env->preload_file != NULL ||
	    !selection_keeps_path(sel->s, CLOSURE_PRELOAD_FILE))
		return;
	n = tree_resolve(sel->tree, NULL, CLOSURE_PRELOAD_FILE, 0, NULL, NULL);
	if (tree_node_type(n) != ENTRY_FILE)
		return;
	path = selection_show_path(n);
	selector_warn(sel,
	    CLOSURE_PRELOAD_FILE " leads to /%s, whose contents winnow does "
				 "not have: keep the libraries that it names",
	    path);
}

void
selector_keep_needed(struct selector *sel)
{
	uint32_t count = tree_count(sel->tree);
	const struct closure_env env = selection_closure_env(sel->s, sel->env);
	auto_closure struct closure *c = closure_new(sel->tree, &env);
	auto_free bool *done = mem_zalloc(count, sizeof(*done));
	auto_free bool *reached = mem_zalloc(count, sizeof(*reached));
	auto_free const char **opened = mem_zalloc(count, sizeof(*opened));
	struct closure_walk w = {
	    .sel = sel, .done = done, .reached = reached, .opened = opened};
	bool any = true;

	/* A link of a library may lead to one more file to start at. */
	while (any) {
		w.executable = true;
		any = run_all(&w, c);
		w.executable = false;
		any = run_all(&w, c) || any;
	}
	judge_pending(&w);
	warn_preloads(&w);
	warn_unread_preload(sel, &env);
	idmap_clear(&w.reported);
}
