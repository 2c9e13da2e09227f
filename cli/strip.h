/*
 * strip: one image rewritten into an OCI image layout.
 */
#ifndef WINNOW_CLI_STRIP_H
#define WINNOW_CLI_STRIP_H

#include <jansson.h>

#include "input.h"
#include "layout.h"
#include "winnow/image.h"

struct strip {
	struct input *input;
	const struct layout *to;
	const struct policy *policy;
};

/* What was written. */
struct strip_result {
	struct digest digest;
	uint64_t size;
};

/*
 * Strips the image of manifest `m`, whose digest is `source`, and writes its
 * blobs; appends its report to `reports`, with "source" and "sizes" added.
 */
int strip_image(const struct strip *s, const struct oci_manifest *m,
    const struct digest *source, json_t *reports, struct strip_result *out,
    struct err *e);

#endif
