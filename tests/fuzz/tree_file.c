#include "tree_file.h"

#include <stdlib.h>
#include <string.h>

#include "winnow/mem.h"
#include "winnow/pkgdb.h"

void
tree_file_init(
    struct tree_file *f, const char *path, const uint8_t *data, size_t size)
{
	struct layer_entry *entry;
	struct err e;

	f->index = layer_index_new();
	entry = layer_index_add(f->index);
	entry->type = ENTRY_FILE;
	entry->mode = 0644;
	entry->path = arena_strndup(f->index->arena, path, strlen(path));
	entry->content =
	    arena_strndup(f->index->arena, (const char *)data, size);
	entry->content_len = entry->size = size;
	f->tree = tree_new();
	if (tree_add_layer(f->tree, f->index, &e) == -1)
		abort();
	tree_finish(f->tree);
}

void
tree_file_clear(struct tree_file *f)
{
	tree_free(f->tree);
	layer_index_free(f->index);
}

void
tree_file_read_packages(const struct tree_file *f)
{
	auto_pkgdb struct pkgdb *db = NULL;
	auto_free bool *kept = NULL;
	struct pkgdb_file *files = NULL;
	size_t i, count = 0;
	struct err e;

	if (pkgdb_read(f->tree, &db, &e) == -1)
		return;
	kept = mem_zalloc(tree_count(f->tree), sizeof(*kept));
	for (i = 0; i < tree_count(f->tree); i++)
		kept[i] = true;
	pkgdb_filter(db, kept, &files, &count);
	for (i = 0; i < count; i++)
		free(files[i].content);
	free(files);
}
