/*
 * layout: names of OCI image layouts on the command line, and writing them
 * (image-spec image-layout.md; oci_layout reads them).
 */
#ifndef WINNOW_CLI_LAYOUT_H
#define WINNOW_CLI_LAYOUT_H

#include <stdint.h>

#include "winnow/digest.h"
#include "winnow/err.h"

struct layout {
	char *dir;
	char *tag; /* or NULL */
};

/* Parses "oci:DIR[:TAG]".  layout_clear() releases. */
int layout_parse(const char *name, struct layout *out, struct err *e);
void layout_clear(struct layout *l);

/* Makes the layout's directories and oci-layout file where they are missing.
 */
int layout_create(const struct layout *l, struct err *e);

/*
 * A new blob: layout_begin_blob() gives a file with a temporary name, which
 * the caller writes; layout_end_blob() names it by its digest or, with NULL,
 * removes it.  Both paths close the descriptor.
 */
struct layout_blob {
	int fd;
	char *path;
};
int layout_begin_blob(
    const struct layout *l, struct layout_blob *blob, struct err *e);
int layout_end_blob(const struct layout *l, struct layout_blob *blob,
    const struct digest *digest, struct err *e);

/* Writes a whole blob and gives its digest. */
int layout_write_blob(const struct layout *l, const void *data, size_t len,
    struct digest *digest, struct err *e);

/*
 * Makes the layout's tag ("latest" without one) name a manifest, in place of
 * what it named before; other entries stay.
 */
int layout_set_tag(const struct layout *l, const char *media_type,
    const struct digest *digest, uint64_t size, struct err *e);

#endif
