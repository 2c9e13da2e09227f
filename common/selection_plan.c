#include <stdlib.h>
#include <string.h>

#include "idmap.h"
#include "selection_private.h"
#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/path.h"

#define MADE_DIR_MODE 0755

/* A layer plan that is being made. */
struct plan {
	const struct selection *s;
	uint32_t layer;
	struct layer_index *out;
	bool *inside; /* by node number: the plan holds it */
	struct idmap firsts; /* entry -> its place in `out` */
};

/* The entry as of this layer: for directories, the newest version by then. */
static const struct layer_entry *
entry_at(const struct plan *p, const struct tree_node *n)
{
	const struct layer_entry *oldest = n->entry;
	const struct tree_version *v;

	if (n->entry == NULL || n->layer <= p->layer)
		return n->entry;
	for (v = n->older; v != NULL; v = v->older) {
		if (v->layer <= p->layer)
			return v->entry;
		oldest = v->entry;
	}
	return oldest;
}

static char *
copy_string(const struct plan *p, const char *text)
{
	return arena_strndup(p->out->arena, text, strlen(text));
}

/* Adds a directory as winnow makes it: 0755, root, time 0. */
static void
add_made_dir(struct plan *p, const char *path)
{
	struct layer_entry *to = layer_index_add(p->out);

	to->type = ENTRY_DIRECTORY;
	to->mode = MADE_DIR_MODE;
	to->ordinal = LAYER_NO_ORDINAL;
	to->path = copy_string(p, path);
}

/* Adds one more name of the entry at `first`. */
static void
add_hard_link(struct plan *p, const char *path, uint32_t first)
{
	struct layer_entry *to = layer_index_add(p->out);
	const struct layer_entry *file = &p->out->entries[first];

	to->type = ENTRY_HARDLINK;
	to->mode = file->mode;
	to->uid = file->uid;
	to->gid = file->gid;
	to->mtime = file->mtime;
	to->mtime_nsec = file->mtime_nsec;
	to->ordinal = LAYER_NO_ORDINAL;
	to->path = copy_string(p, path);
	to->link = file->path;
}

/* Adds the entry under this path; its other strings stay borrowed. */
static void
add_copy(struct plan *p, const char *path, const struct layer_entry *from,
    const struct selection_node *node)
{
	struct layer_entry *to = layer_index_add(p->out);

	*to = *from;
	to->path = copy_string(p, path);
	to->elf = NULL;
	to->script = NULL;
	to->calls = NULL;
	to->content = NULL;
	to->content_len = 0;
	if (from->type != ENTRY_FILE)
		to->ordinal = LAYER_NO_ORDINAL;
	if (node->content == NULL)
		return;
	to->content =
	    arena_strndup(p->out->arena, node->content, node->content_len);
	to->content_len = node->content_len;
	to->size = node->content_len;
	to->ordinal = LAYER_NO_ORDINAL;
}

static void
add_node(struct plan *p, const struct tree_node *n, const char *path)
{
	const struct selection_node *node = &p->s->nodes[n->number];
	const struct layer_entry *from = entry_at(p, n);
	uint32_t first;

	if (from == NULL) {
		add_made_dir(p, path);
		return;
	}
	/* A name with contents of its own leaves the group. */
	if (n->links < 2 || node->content != NULL ||
	    from->type == ENTRY_DIRECTORY) {
		add_copy(p, path, from, node);
		return;
	}
	if (idmap_get(&p->firsts, idmap_pointer(from), &first)) {
		add_hard_link(p, path, first);
		return;
	}
	idmap_set(&p->firsts, idmap_pointer(from), p->out->count);
	add_copy(p, path, from, node);
}

/* Takes the node and its ancestors into the plan. */
static void
mark(struct plan *p, const struct tree_node *n)
{
	while (n != NULL && !p->inside[n->number]) {
		p->inside[n->number] = true;
		n = n->parent;
	}
}

/*
 * True for a node that some layer's plan must hold for its own sake: it has
 * an entry, or is a directory that the archive implies and a rule names.
 */
static bool
is_placed(const struct plan *p, const struct tree_node *n)
{
	enum selection_reason reason = p->s->nodes[n->number].reason;

	if (reason == SELECTION_NOT_KEPT)
		return false;
	return n->entry != NULL ||
	    (n->parent != NULL && reason != SELECTION_PARENT);
}

static bool
is_of_layer(const struct plan *p, const struct tree_node *n)
{
	return is_placed(p, n) && n->layer == p->layer;
}

/* True when this is the last layer that keeps anything. */
static bool
is_topmost(const struct plan *p)
{
	uint32_t i;

	for (i = 0; i < tree_count(p->s->tree); i++) {
		const struct tree_node *n = tree_at(p->s->tree, i);

		if (is_placed(p, n) && n->layer > p->layer)
			return false;
	}
	return true;
}

/* Takes in what there is of the made directory's ancestors. */
static void
mark_made_dir(struct plan *p, const char *path)
{
	struct tree_node *n = tree_root(p->s->tree);
	const char *name;
	size_t len;

	while (n != NULL && (name = path_next(&path, &len)) != NULL) {
		mark(p, n);
		n = tree_child(p->s->tree, n, name, len);
	}
}

static int
compare_entries(const void *a, const void *b)
{
	return path_compare(((const struct layer_entry *)a)->path,
	    ((const struct layer_entry *)b)->path);
}

static void
add_marked(struct plan *p)
{
	auto_strbuf struct strbuf path;
	uint32_t i;

	strbuf_init(&path, LIMIT_PATH);
	for (i = 0; i < tree_count(p->s->tree); i++) {
		const struct tree_node *n = tree_at(p->s->tree, i);

		if (!p->inside[i])
			continue;
		tree_node_path(n, &path);
		add_node(p, n, strbuf_string(&path));
	}
}

void
selection_plan_layer(
    const struct selection *s, uint32_t layer, struct layer_index **out)
{
	uint32_t count = tree_count(s->tree), i;
	auto_free bool *inside = mem_zalloc(count, sizeof(*inside));
	struct plan p = {.s = s, .layer = layer, .inside = inside};
	size_t made;

	p.out = layer_index_new();
	for (i = 0; i < count; i++)
		if (is_of_layer(&p, tree_at(s->tree, i)))
			mark(&p, tree_at(s->tree, i));
	/* What is kept holds the root, so an empty plan has not marked it. */
	made = inside[0] && is_topmost(&p) ? s->made_dir_count : 0;
	for (i = 0; i < made; i++)
		mark_made_dir(&p, s->made_dirs[i]);
	add_marked(&p);
	for (i = 0; i < made; i++)
		add_made_dir(&p, s->made_dirs[i]);
	if (made > 0)
		qsort(p.out->entries, p.out->count, sizeof(*p.out->entries),
		    compare_entries);
	idmap_clear(&p.firsts);
	*out = p.out;
}
