/*
 * oci: manifests, indexes and descriptors of the OCI image specification and
 * of Docker's schema 2, read strictly.
 */
#ifndef WINNOW_OCI_H
#define WINNOW_OCI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "winnow/auto.h"
#include "winnow/digest.h"
#include "winnow/err.h"

#define OCI_TYPE_INDEX "application/vnd.oci.image.index.v1+json"
#define OCI_TYPE_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define OCI_TYPE_CONFIG "application/vnd.oci.image.config.v1+json"
#define OCI_TYPE_LAYER_GZIP "application/vnd.oci.image.layer.v1.tar+gzip"
#define DOCKER_TYPE_LIST \
	"application/vnd.docker.distribution.manifest.list.v2+json"
#define DOCKER_TYPE_MANIFEST \
	"application/vnd.docker.distribution.manifest.v2+json"
#define DOCKER_TYPE_CONFIG "application/vnd.docker.container.image.v1+json"
#define DOCKER_TYPE_LAYER_GZIP \
	"application/vnd.docker.image.rootfs.diff.tar.gzip"

struct oci_platform {
	char *os;
	char *architecture;
	char *variant; /* or NULL */
};

struct oci_descriptor {
	char *media_type;
	struct digest digest;
	uint64_t size;
	bool has_platform;
	struct oci_platform platform;
	bool attestation; /* annotation vnd.docker.reference.type */
	const json_t *json; /* as the document has it; borrowed from there */
};

enum oci_kind {
	OCI_IMAGE, /* a container image: its layers can be stripped */
	OCI_INDEX, /* an index or manifest list */
	OCI_ARTIFACT /* a manifest whose config or layers are no image's */
};

struct oci_manifest {
	enum oci_kind kind;
	bool docker; /* Docker's media types, not OCI's */
	char *media_type;
	struct oci_descriptor config; /* OCI_IMAGE, OCI_ARTIFACT */
	struct oci_descriptor *layers; /* likewise */
	size_t layer_count;
	struct oci_descriptor *manifests; /* OCI_INDEX */
	size_t manifest_count;
	json_t *json; /* the whole document, for rewriting */
};

/*
 * Parses a manifest or index.  `media_type` is what the registry called it, or
 * NULL; it must agree with the document's own mediaType.  ERR_UNSUPPORTED
 * for schema 1 (and says so), ERR_INVALID, ERR_LIMIT.
 */
int oci_manifest_parse(const void *data, size_t len, const char *media_type,
    struct oci_manifest **out, struct err *e);
void oci_manifest_free(struct oci_manifest *m);

AUTO_DEFINE(oci_manifest, oci_manifest_free)
#define auto_oci_manifest __attribute__((cleanup(auto_oci_manifest_cleanup)))

/* Parses "linux/arm64/v8".  oci_platform_clear() releases. */
int
oci_platform_parse(const char *text, struct oci_platform *out, struct err *e);
void oci_platform_clear(struct oci_platform *p);
/* The platform of this machine, as Go names it: "linux/amd64". */
const char *oci_platform_host(void);

/*
 * True when an image for `have` serves `want`: os and architecture equal; the
 * variant equal where both name one (arm64 means v8).
 */
bool oci_platform_matches(
    const struct oci_platform *have, const struct oci_platform *want);

#endif
