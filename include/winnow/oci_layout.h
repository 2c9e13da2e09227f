/*
 * oci_layout: reading OCI image layouts (image-spec image-layout.md): a
 * directory with index.json, which names manifests, and blobs by digest.
 * Everything in one may be damaged or hostile.
 */
#ifndef WINNOW_OCI_LAYOUT_H
#define WINNOW_OCI_LAYOUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "winnow/digest.h"
#include "winnow/err.h"

/* The annotation of index.json that holds a tag, or a whole name. */
#define OCI_LAYOUT_REF_NAME "org.opencontainers.image.ref.name"

/* The image that is looked for in index.json. */
struct oci_layout_name {
	const char *tag; /* NULL: the only image */
	/* "REPOSITORY:TAG" and "HOST/REPOSITORY:TAG", both or neither. */
	const char *name;
	const char *full_name;
};

/* True when `dir` holds an image layout. */
bool oci_layout_is_one(const char *dir);

/* Reads index.json; its "manifests" are an array, each not checked. */
int oci_layout_read_index(const char *dir, json_t **out, struct err *e);

/*
 * The digest and the media type (the caller frees) that index.json has for a
 * name.  A full name that containerd or docker wrote beside the tag decides
 * alone, where the full name wanted is known: the bare tag may be that of any
 * repository.  ERR_NOT_FOUND; ERR_INVALID where there is no tag and not
 * exactly one image.
 */
int oci_layout_find(const char *dir, const struct oci_layout_name *want,
    struct digest *digest, char **media_type, struct err *e);

/*
 * Adds the tags that index.json has for a repository to an array.  In `want`
 * only name ("REPOSITORY:") and full_name ("HOST/REPOSITORY:") count.
 */
int oci_layout_list_tags(const char *dir, const struct oci_layout_name *want,
    json_t *tags, struct err *e);

/* Opens a blob, which must be a regular file; *size is its size. */
int oci_layout_open_blob(const char *dir, const struct digest *digest,
    uint64_t *size, int *fd, struct err *e);

/* Reads a blob of at most `max` bytes and verifies it.  *data: caller's. */
int oci_layout_read_blob(const char *dir, const struct digest *digest,
    size_t max, char **data, size_t *len, struct err *e);

/* The path of a blob; the caller frees it. */
char *oci_layout_blob_path(const char *dir, const struct digest *digest);

#endif
