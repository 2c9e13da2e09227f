/*
 * view: the merged files of one image, and its config.
 */
#ifndef WINNOW_CLI_VIEW_H
#define WINNOW_CLI_VIEW_H

#include <jansson.h>

#include "input.h"
#include "options.h"
#include "winnow/tree.h"

struct view {
	struct input input;
	const struct oci_manifest *manifest; /* of the one platform */
	struct oci_manifest *child; /* NULL, or that which `manifest` is */
	json_t *config; /* as the source has it, checked */
	struct layer_index **indexes; /* by layer, lowest first */
	struct tree *tree;
};

/*
 * Reads the image called `name` for one platform (NULL: this machine's).  Of
 * `o` only how to read counts.  view_clear() releases `out`, also after a
 * failure.
 */
int view_open(const char *name, const char *platform, const struct options *o,
    struct view *out, struct err *e);
void view_clear(struct view *v);

/* "linux/amd64", of the config; the caller frees. */
char *view_platform(const struct view *v);

#endif
