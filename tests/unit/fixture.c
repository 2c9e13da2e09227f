#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "winnow/mem.h"

static void
fill_entry(struct layer_entry *to, const struct fixture_entry *from)
{
	to->type = from->type;
	to->path = mem_strdup(from->path);
	to->mode = from->mode;
	to->ordinal = LAYER_NO_ORDINAL;
	to->marks = from->marks;
	to->elf = (struct elf_facts *)(uintptr_t)from->elf;
	if (to->mode == 0)
		to->mode = from->type == ENTRY_DIRECTORY ? 0755 : 0644;
	if (from->link != NULL)
		to->link = mem_strdup(from->link);
	to->size = from->size;
	if (from->content != NULL) {
		to->content = mem_strdup(from->content);
		to->content_len = to->size = strlen(from->content);
		if (strncmp(from->content, "#!", 2) == 0)
			to->script = mem_strndup(from->content + 2,
			    strcspn(from->content + 2, "\n"));
	}
	if (from->calls != NULL)
		to->calls = mem_strdup(from->calls);
	if (from->xattr != NULL) {
		to->xattrs = mem_zalloc(1, sizeof(*to->xattrs));
		to->xattrs[0].name = mem_strdup(from->xattr);
		to->xattrs[0].value_len =
		    from->xattr_value == NULL ? 4 : from->xattr_len;
		to->xattrs[0].value = mem_zalloc(1, to->xattrs[0].value_len);
		if (from->xattr_value != NULL)
			memcpy(to->xattrs[0].value, from->xattr_value,
			    from->xattr_len);
		to->xattr_count = 1;
	}
}

struct layer_index *
fixture_layer(const struct fixture_entry *entries, size_t count)
{
	struct layer_index *layer = mem_zalloc(1, sizeof(*layer));
	size_t i;

	layer->entries = mem_zalloc(count, sizeof(*layer->entries));
	layer->count = (uint32_t)count;
	for (i = 0; i < count; i++) {
		fill_entry(&layer->entries[i], &entries[i]);
		layer->entries[i].ordinal = (uint32_t)i;
	}
	return layer;
}

void
fixture_free_layer(struct layer_index *layer)
{
	uint32_t i;

	for (i = 0; i < layer->count; i++) {
		struct layer_entry *entry = &layer->entries[i];

		free(entry->path);
		free(entry->link);
		free(entry->content);
		free(entry->script);
		free(entry->calls);
		if (entry->xattr_count > 0) {
			free(entry->xattrs[0].name);
			free(entry->xattrs[0].value);
		}
		free(entry->xattrs);
	}
	free(layer->entries);
	free(layer);
}

struct tree *
fixture_tree(const struct layer_index *layer)
{
	struct tree *t = tree_new();
	struct err e;

	if (tree_add_layer(t, layer, &e) == -1)
		fail_msg("%s", e.message);
	tree_finish(t);
	return t;
}

struct tree_node *
fixture_node(const struct tree *t, const char *path)
{
	struct tree_node *n =
	    tree_resolve(t, NULL, path, TREE_NOFOLLOW, NULL, NULL);

	if (n == NULL)
		fail_msg("the tree lacks %s", path);
	return n;
}

bool *
fixture_keep(const struct tree *t, const char *const *paths)
{
	bool *kept = mem_zalloc(tree_count(t), sizeof(*kept));

	for (; *paths != NULL; paths++) {
		const struct tree_node *n = fixture_node(t, *paths);

		for (; n != NULL; n = n->parent)
			kept[n->number] = true;
	}
	return kept;
}
