/*
 * input: source images in an OCI image layout, for the commands that read
 * them.
 */
#ifndef WINNOW_CLI_INPUT_H
#define WINNOW_CLI_INPUT_H

#include "layout.h"
#include "winnow/layer_index.h"
#include "winnow/oci.h"

/* What a tag names: a manifest, or an index with the chosen children. */
struct input {
	const struct layout *layout; /* borrowed */
	struct digest digest;
	struct oci_manifest *top;
	const struct oci_descriptor **chosen; /* of an index; borrowed */
	size_t chosen_count;
};

/*
 * Opens the image of `layout`; of an index the children for the `count`
 * platforms, or without any for this machine's.  ERR_NOT_FOUND names a
 * platform without an image.  input_clear() releases.
 */
int input_open(const struct layout *layout, const char *const *platforms,
    size_t count, struct input *out, struct err *e);
void input_clear(struct input *in);

/* Reads and parses one child of an index. */
int input_read_child(const struct input *in, const struct oci_descriptor *d,
    struct oci_manifest **out, struct err *e);

/*
 * Reads layer `i`; contents that `filter` wants go to `spool` (both or
 * neither).
 */
int input_read_layer(const struct input *in, const struct oci_descriptor *d,
    const struct spool_filter *filter, struct spool *spool,
    struct layer_index **out, struct err *e);

#endif
