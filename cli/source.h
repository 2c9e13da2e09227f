/*
 * source: where a command reads an image: an OCI image layout or an archive of
 * docker save.
 */
#ifndef WINNOW_CLI_SOURCE_H
#define WINNOW_CLI_SOURCE_H

#include <stdbool.h>

#include "winnow/auto.h"
#include "winnow/inflate.h"
#include "winnow/oci.h"

struct source;

/* Opens "oci:DIR[:TAG]" or "docker-archive:FILE[:REPOSITORY:TAG]". */
int source_open(const char *name, struct source **out, struct err *e);
void source_free(struct source *s);

AUTO_DEFINE(source, source_free)
#define auto_source __attribute__((cleanup(auto_source_cleanup)))

/* What the user called it. */
const char *source_name(const struct source *s);

/* False for an archive: its manifest was made up, so no one knows its digest.
 */
bool source_has_manifest(const struct source *s);

/* The digest and media type (the caller frees) of its manifest or index. */
int source_resolve(const struct source *s, struct digest *digest,
    char **media_type, struct err *e);

/* Reads a blob of at most `max` bytes and verifies it.  *data: caller's. */
int source_read_blob(const struct source *s, const struct digest *digest,
    size_t max, char **data, size_t *len, struct err *e);

/* Opens a layer for reading; out->fd is the caller's to close. */
int source_open_layer(const struct source *s, const struct oci_descriptor *d,
    struct blob_source *out, struct err *e);

#endif
