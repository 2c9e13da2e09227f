/*
 * preview: what a policy selects of an image, without writing a variant.
 */
#ifndef WINNOW_CLI_PREVIEW_H
#define WINNOW_CLI_PREVIEW_H

#include "winnow/policy.h"
#include "winnow/selection.h"

struct preview_options {
	const char *image; /* oci:DIR[:TAG] */
	const char *policy;
	const char *sets_dir; /* NULL: that beside the policy */
	const char *platform; /* NULL: the policy's first, or this machine's */
};

/* The selection and all that it borrows from. */
struct preview {
	struct policy *policy;
	struct layer_index **indexes;
	size_t index_count;
	struct tree *tree;
	struct selection *selection;
};

/*
 * Reads the layers of an image and selects from them.  preview_clear()
 * releases `out`, also after a failure.
 */
int preview_open(
    const struct preview_options *o, struct preview *out, struct err *e);
void preview_clear(struct preview *p);

#endif
