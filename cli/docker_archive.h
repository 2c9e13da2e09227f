/*
 * docker_archive: images that `docker save` and its like wrote to a tar
 * archive, compressed or not: manifest.json with the config and the layers of
 * each image, as directories with a layer.tar each or as OCI blobs.
 *
 * Such an archive has no manifest of the image's own and no digests of its
 * layers but those in the config: a manifest is made up, and every layer is
 * checked against the config when it is read.
 */
#ifndef WINNOW_CLI_DOCKER_ARCHIVE_H
#define WINNOW_CLI_DOCKER_ARCHIVE_H

#include "winnow/auto.h"
#include "winnow/digest.h"
#include "winnow/inflate.h"
#include "winnow/oci.h"

struct docker_archive;

/*
 * Opens "FILE" or "FILE:REPOSITORY:TAG".  A compressed archive is unpacked
 * once, to an unlinked file in $TMPDIR or /var/tmp; others are read in place.
 */
int docker_archive_open(
    const char *name, struct docker_archive **out, struct err *e);
void docker_archive_free(struct docker_archive *a);

AUTO_DEFINE(docker_archive, docker_archive_free)
#define auto_docker_archive \
	__attribute__((cleanup(auto_docker_archive_cleanup)))

/* The digest of the manifest that was made up. */
const struct digest *docker_archive_digest(const struct docker_archive *a);

/* That manifest, or the config, by its digest.  *data: caller's. */
int docker_archive_read_blob(const struct docker_archive *a,
    const struct digest *digest, char **data, size_t *len, struct err *e);

/* Where a layer lies; out->fd is the caller's to close. */
int docker_archive_open_layer(const struct docker_archive *a,
    const struct digest *digest, struct blob_source *out, struct err *e);

#endif
