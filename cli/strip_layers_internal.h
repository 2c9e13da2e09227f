/* strip_layers, in two files: reading, and emitting. */
#ifndef WINNOW_CLI_STRIP_LAYERS_INTERNAL_H
#define WINNOW_CLI_STRIP_LAYERS_INTERNAL_H

#include "layout.h"
#include "strip_layers.h"

struct strip_layer {
	struct blob_source source; /* fd -1: not open */
	int spool_fd;
	int index_fd; /* where its process leaves the index */
	struct spool *spool;
	struct layout_blob blob; /* path NULL: none is being written */
};

struct strip_layers {
	const struct strip *strip;
	const struct oci_manifest *manifest;
	size_t count;
	struct strip_layer *items;
	uint64_t *sizes;
	struct layer_index **indexes;
	struct layer_emitted *results;
	const struct layer_emitted **emitted; /* NULL: dropped */
};

/* Opens the layer's blob, and an empty spool. */
int strip_layers_open(struct strip_layers *l, size_t i, struct err *e);

/* Closes what is open of a layer. */
void strip_layers_clear(struct strip_layers *l, struct strip_layer *item);

#endif
