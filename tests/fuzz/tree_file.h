/* A tree with one file whose contents are fuzzed. */
#ifndef WINNOW_FUZZ_TREE_FILE_H
#define WINNOW_FUZZ_TREE_FILE_H

#include "winnow/tree.h"

struct tree_file {
	struct layer_index *index;
	struct tree *tree;
};

/* tree_file_clear() it. */
void tree_file_init(
    struct tree_file *f, const char *path, const uint8_t *data, size_t size);
void tree_file_clear(struct tree_file *f);

/* Reads and filters the package databases of the tree, all packages kept. */
void tree_file_read_packages(const struct tree_file *f);

#endif
