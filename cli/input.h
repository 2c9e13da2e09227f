/*
 * input: source images and their layers, for the commands that read them.
 */
#ifndef WINNOW_CLI_INPUT_H
#define WINNOW_CLI_INPUT_H

#include "progress.h"
#include "source.h"
#include "winnow/layer_index.h"
#include "winnow/oci.h"

/* What a source names: a manifest, or an index with the chosen children. */
struct input {
	struct source *source; /* owned */
	struct digest digest;
	struct oci_manifest *top;
	const struct oci_descriptor **chosen; /* of an index; borrowed */
	size_t chosen_count;
	bool use_cache; /* of layer indexes; the caller may set it */
	struct progress *progress; /* NULL, or the caller's */
};

/*
 * Opens the image called `name`; of an index the children for the `count`
 * platforms, or without any for this machine's.  ERR_NOT_FOUND names a
 * platform without an image.  input_clear() releases.
 */
int input_open(const char *name, const char *const *platforms, size_t count,
    struct input *out, struct err *e);
void input_clear(struct input *in);

/* Reads and parses one child of an index. */
int input_read_child(const struct input *in, const struct oci_descriptor *d,
    struct oci_manifest **out, struct err *e);

/* The bytes of all layers as they are stored. */
uint64_t input_layers_size(const struct oci_manifest *m);

/* Reads a whole small blob: a config. */
int input_read_blob(const struct input *in, const struct digest *digest,
    size_t max, char **data, size_t *len, struct err *e);

/* Opens a layer, with its progress counted; out->fd is the caller's. */
int input_open_layer(const struct input *in, const struct oci_descriptor *d,
    struct blob_source *out, struct err *e);

/*
 * Reads the index of a layer; contents that `filter` wants go to `spool`
 * (both or neither).  Without them it may come out of the cache.
 */
int input_read_layer(const struct input *in, const struct oci_descriptor *d,
    const struct spool_filter *filter, struct spool *spool,
    struct layer_index **out, struct err *e);

#endif
