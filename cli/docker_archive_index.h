/*
 * docker_archive_index: manifest.json of a saved archive, and the config's
 * layers.
 */
#ifndef WINNOW_CLI_DOCKER_ARCHIVE_INDEX_H
#define WINNOW_CLI_DOCKER_ARCHIVE_INDEX_H

#include <stddef.h>

#include "winnow/digest.h"
#include "winnow/err.h"

/* The names of an image's files in the archive. */
struct docker_archive_image {
	char *config;
	char **layers;
	size_t layer_count;
};

/*
 * Chooses the image called `tag` ("postgres:16"), or with NULL the only one.
 * docker_archive_image_clear() releases, also after a failure.
 */
int docker_archive_choose(const char *text, size_t len, const char *tag,
    struct docker_archive_image *out, struct err *e);
void docker_archive_image_clear(struct docker_archive_image *image);

/* rootfs.diff_ids of a config; the caller frees *out. */
int docker_archive_diff_ids(const char *config, size_t len, struct digest **out,
    size_t *count, struct err *e);

#endif
