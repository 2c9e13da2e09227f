/*
 * strip_layers: the layers of an image on their way to derived ones, in as many
 * processes as there are processors: read, and, once there is a plan, emitted.
 */
#ifndef WINNOW_CLI_STRIP_LAYERS_H
#define WINNOW_CLI_STRIP_LAYERS_H

#include "strip.h"

struct strip_layers;

/* Of the manifest's layers; borrows both. */
struct strip_layers *
strip_layers_new(const struct strip *s, const struct oci_manifest *m);
void strip_layers_free(struct strip_layers *l);

AUTO_DEFINE(strip_layers, strip_layers_free)
#define auto_strip_layers __attribute__((cleanup(auto_strip_layers_cleanup)))

/* Reads all layers; the contents that may be kept go to spools. */
int strip_layers_read(struct strip_layers *l, struct err *e);

/* The indexes of all layers, for image_plan(); they stay l's. */
struct layer_index **strip_layers_indexes(const struct strip_layers *l);

/* Writes the blobs of the layers that keep something; checks the plan. */
int strip_layers_emit(
    struct strip_layers *l, struct image_plan *plan, struct err *e);

/* What was emitted, for image_assemble(): NULL for a dropped layer. */
const struct layer_emitted **strip_layers_emitted(const struct strip_layers *l);

#endif
