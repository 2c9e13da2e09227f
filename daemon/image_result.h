/*
 * image_result: what was made of one image, stored blob by blob.  Core only.
 */
#ifndef WINNOW_DAEMON_IMAGE_RESULT_H
#define WINNOW_DAEMON_IMAGE_RESULT_H

#include <jansson.h>

#include "section.h"
#include "store.h"

struct image_blob {
	struct digest digest;
	uint64_t size;
};

/* All zero at first; image_result_clear() releases. */
struct image_result {
	struct image_blob manifest;
	char media_type[STORE_MEDIA_TYPE_MAX];
	struct image_blob *blobs; /* config first, then layers */
	size_t blob_count;
	size_t blob_capacity;
	struct image_blob report; /* JSON (doc/internals/report.md) */
};
void image_result_clear(struct image_result *r);

/* Notes a blob that is in the store. */
void image_result_add_blob(
    struct image_result *r, const struct digest *digest, uint64_t size);
/* Stores config and manifest: sections, named in `answer`, of a worker's
 * file. */
int image_result_store_files(struct image_result *r, struct store *store,
    int fd, const json_t *answer, struct err *e);
/* Stores the report, and logs what it says of the image `name` in short. */
int image_result_store_report(struct image_result *r, struct store *store,
    int fd, const struct section *section, const char *name, struct err *e);

#endif
