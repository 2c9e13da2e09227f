#include "facts.h"

#include <stdlib.h>
#include <string.h>

#include "nearest.h"
#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/path.h"

/*
 * Goes down from the root as far as the way leads: f->last is where, f->path
 * what it is called there, with the rest of what was asked for.
 */
static void
follow(const struct tree *t, const char *path, struct facts *f)
{
	auto_strbuf struct strbuf prefix;
	const char *rest = path, *name, *tail = "";
	const struct tree_node *n;
	size_t len;

	strbuf_init(&prefix, LIMIT_PATH + 1);
	f->last = tree_root(t);
	while (*tail == '\0' && (name = path_next(&rest, &len)) != NULL) {
		strbuf_add_char(&prefix, '/');
		strbuf_add(&prefix, name, len);
		n = tree_resolve(
		    t, NULL, strbuf_string(&prefix), 0, NULL, NULL);
		if (n != NULL) {
			f->last = n;
			continue;
		}
		tail = name;
		if (tree_node_type(f->last) != ENTRY_DIRECTORY)
			continue;
		n = tree_child(t, f->last, name, len);
		if (n == NULL) {
			f->missing = mem_strndup(name, len);
			continue;
		}
		/* A link that is there, but leads nowhere. */
		f->last = n;
		tail = rest;
		break;
	}
	tree_node_path(f->last, &f->path);
	if (*tail != '\0' && f->path.len > 0)
		strbuf_add_char(&f->path, '/');
	strbuf_add_string(&f->path, tail);
}

static void
add_event(struct facts *f, uint32_t layer, enum facts_act act,
    const struct layer_entry *entry)
{
	f->events = mem_grow(
	    f->events, f->event_count, &f->event_capacity, sizeof(*f->events));
	f->events[f->event_count++] =
	    (struct facts_event){.layer = layer, .act = act, .entry = entry};
}

/* What one entry of a layer means for the path. */
static void
note_entry(struct facts *f, uint32_t layer, const struct layer_entry *entry)
{
	const char *path = strbuf_string(&f->path);
	bool same = strcmp(path, entry->path) == 0;

	if (entry->type == ENTRY_OPAQUE) {
		if (!same && path_is_below(path, entry->path))
			add_event(f, layer, FACTS_HIDES, entry);
	} else if (entry->type == ENTRY_WHITEOUT) {
		if (path_is_below(path, entry->path))
			add_event(f, layer, FACTS_DELETES, entry);
	} else if (same) {
		add_event(f, layer, FACTS_HAS, entry);
	} else if (entry->type != ENTRY_DIRECTORY && entry->path[0] != '\0' &&
	    path_is_below(path, entry->path)) {
		add_event(f, layer, FACTS_REPLACES, entry);
	}
}

/* Only what happens to a path that some layer has is worth telling. */
static void
find_events(const struct view *v, struct facts *f)
{
	uint32_t layer, i;
	size_t first, kept = 0;

	for (layer = 0; layer < tree_layers(v->tree); layer++)
		for (i = 0; i < v->indexes[layer]->count; i++)
			note_entry(f, layer, &v->indexes[layer]->entries[i]);
	for (first = 0; first < f->event_count; first++)
		if (f->events[first].act == FACTS_HAS)
			break;
	for (; first < f->event_count; first++)
		f->events[kept++] = f->events[first];
	f->event_count = kept;
}

/* Looks for the node among the files of a package. */
struct owner_search {
	const struct tree_node *node;
	bool found;
};

static void
compare_owned(void *arg, struct tree_node *n)
{
	struct owner_search *search = arg;

	if (n == search->node)
		search->found = true;
}

static long
find_package(const struct pkgdb *db, const struct tree_node *n)
{
	struct owner_search search = {.node = n};
	size_t i;

	for (i = 0; i < pkgdb_count(db); i++) {
		pkgdb_files(db, i, compare_owned, &search);
		if (search.found)
			return (long)i;
	}
	return -1;
}

/* The same name elsewhere, then names like it where the way ended. */
static void
find_similar(const struct tree *t, const char *path, struct facts *f)
{
	if (f->missing == NULL)
		return;
	f->similar_count =
	    nearest_elsewhere(t, path_base(path), f->similar, FACTS_ELSEWHERE);
	f->similar_count += nearest_names(f->last, f->missing,
	    f->similar + f->similar_count, FACTS_SIMILAR - f->similar_count);
}

int
facts_find(
    const struct preview *p, const char *path, struct facts *out, struct err *e)
{
	const struct view *v = p->view;
	auto_strbuf struct strbuf plain;
	struct facts f = {.asked = path, .package = -1};

	strbuf_init(&plain, LIMIT_PATH + 1);
	strbuf_init(&f.path, 2 * LIMIT_PATH);
	if (path_normalize(path, strlen(path), &plain, e) == -1)
		return err_wrap(e, "%.200s", path);
	/* A link is explained itself; links on the way to it are followed. */
	f.node = tree_resolve(v->tree, NULL, path, TREE_NOFOLLOW, NULL, NULL);
	if (f.node != NULL) {
		tree_node_path(f.node, &f.path);
		f.package = find_package(p->selection->packages, f.node);
	} else {
		follow(v->tree, strbuf_string(&plain), &f);
		find_similar(v->tree, strbuf_string(&plain), &f);
	}
	find_events(v, &f);
	*out = f;
	return 0;
}

void
facts_clear(struct facts *f)
{
	strbuf_clear(&f->path);
	free(f->missing);
	free(f->events);
}

const char *
facts_created_by(const struct view *v, uint32_t layer)
{
	const json_t *history = json_object_get(v->config, "history"), *entry;
	size_t i;

	json_array_foreach(history, i, entry)
	{
		const char *by =
		    json_string_value(json_object_get(entry, "created_by"));

		if (json_is_true(json_object_get(entry, "empty_layer")))
			continue;
		if (layer-- == 0)
			return by == NULL ? "" : by;
	}
	return "";
}

void
facts_count(const struct preview *p, const struct tree_node *dir,
    uint64_t *files, uint64_t *kept)
{
	const struct tree_node *up = dir;
	uint32_t i, end = tree_count(p->view->tree);

	while (up != NULL && up->next == NULL)
		up = up->parent;
	if (up != NULL)
		end = up->next->number;
	*files = *kept = 0;
	for (i = dir->number; i < end; i++) {
		if (tree_node_type(tree_at(p->view->tree, i)) ==
		    ENTRY_DIRECTORY)
			continue;
		(*files)++;
		*kept += p->kept[i];
	}
}
