#include "winnow/oci.h"

#include <stdlib.h>
#include <string.h>

#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

/* A media type of a manifest or index. */
struct manifest_type {
	const char *name;
	bool index;
	bool docker;
};

static const struct manifest_type manifest_types[] = {
    {OCI_TYPE_MANIFEST, false, false},
    {OCI_TYPE_INDEX, true, false},
    {DOCKER_TYPE_MANIFEST, false, true},
    {DOCKER_TYPE_LIST, true, true},
};

/* Types of schema 1, which no client pulls any more. */
static const char *const schema1_types[] = {
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
};

/* What registries that know nothing about a document call it. */
static const char *const vague_types[] = {
    "application/json",
    "application/octet-stream",
    "text/plain",
};

/* Layers that are tar archives, whatever their compression. */
static const char *const layer_types[] = {
    "application/vnd.oci.image.layer.v1.tar",
    OCI_TYPE_LAYER_GZIP,
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
    "application/vnd.docker.image.rootfs.diff.tar",
    DOCKER_TYPE_LAYER_GZIP,
    "application/vnd.docker.image.rootfs.diff.tar.zstd",
    "application/vnd.docker.image.rootfs.foreign.diff.tar",
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
};

/* What members are called, each list ended by NULL. */
static const char *const document_names[] = {"annotations", "artifactType",
    "config", "fsLayers", "layers", "manifests", "mediaType", "schemaVersion",
    "subject", NULL};
static const char *const descriptor_names[] = {"annotations", "artifactType",
    "data", "digest", "mediaType", "platform", "size", "urls", NULL};
static const char *const platform_names[] = {"architecture", "features", "os",
    "os.features", "os.version", "variant", NULL};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* True when one of `count` names is the `len` bytes at `type`. */
static bool
is_one_of(const char *const *names, size_t count, const char *type, size_t len)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strlen(names[i]) == len && memcmp(names[i], type, len) == 0)
			return true;
	return false;
}

static const struct manifest_type *
find_manifest_type(const char *type, size_t len)
{
	size_t i;

	for (i = 0; i < COUNT(manifest_types); i++)
		if (is_one_of(&manifest_types[i].name, 1, type, len))
			return &manifest_types[i];
	return NULL;
}

/* The length of a media type without its parameters ("; charset=utf-8"). */
static size_t
type_length(const char *type)
{
	size_t len = strcspn(type, ";");

	while (len > 0 && type[len - 1] == ' ')
		len--;
	return len;
}

static void
clear_descriptor(struct oci_descriptor *d)
{
	free(d->media_type);
	oci_platform_clear(&d->platform);
}

static void
free_descriptors(struct oci_descriptor *items, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		clear_descriptor(&items[i]);
	free(items);
}

void
oci_manifest_free(struct oci_manifest *m)
{
	if (m == NULL)
		return;
	free(m->media_type);
	clear_descriptor(&m->config);
	free_descriptors(m->layers, m->layer_count);
	free_descriptors(m->manifests, m->manifest_count);
	json_decref(m->json);
	free(m);
}

/* Reads the descriptor's `platform`, where it has one. */
static int
parse_platform(json_t *json, struct oci_descriptor *d, struct err *e)
{
	const char *os = NULL, *architecture = NULL, *variant = NULL;
	json_t *platform = NULL;

	if (json_get_object(json, "platform", JSON_OPTIONAL, &platform, e) ==
	    -1)
		return -1;
	if (platform == NULL)
		return 0;
	if (json_spell(platform, platform_names, e) == -1 ||
	    json_get_string(platform, "os", JSON_REQUIRED, &os, e) == -1 ||
	    json_get_string(platform, "architecture", JSON_REQUIRED,
		&architecture, e) == -1 ||
	    json_get_string(platform, "variant", JSON_OPTIONAL, &variant, e) ==
		-1)
		return err_wrap(e, "platform");
	d->has_platform = true;
	d->platform.os = mem_strdup(os);
	d->platform.architecture = mem_strdup(architecture);
	if (variant != NULL && *variant != '\0')
		d->platform.variant = mem_strdup(variant);
	return 0;
}

/*
 * Reads one descriptor (image-spec descriptor.md) into zeroed *d, which the
 * caller clears also after a failure.
 */
static int
parse_descriptor(
    json_t *json, uint64_t max_size, struct oci_descriptor *d, struct err *e)
{
	const char *type = NULL, *digest = NULL;
	json_t *annotations = NULL;

	if (!json_is_object(json))
		return err_set(e, ERR_INVALID, "not an object");
	if (json_spell(json, descriptor_names, e) == -1 ||
	    json_get_string(json, "mediaType", JSON_REQUIRED, &type, e) == -1 ||
	    json_get_string(json, "digest", JSON_REQUIRED, &digest, e) == -1 ||
	    digest_parse(digest, &d->digest, e) == -1)
		return -1;
	if (!json_is_integer(json_object_get(json, "size")))
		return err_set(
		    e, ERR_INVALID, "\"size\" is missing or no whole number");
	if (json_get_uint(json, "size", JSON_REQUIRED, max_size, &d->size, e) ==
	    -1) {
		if (json_integer_value(json_object_get(json, "size")) > 0)
			e->code = ERR_LIMIT;
		return -1;
	}
	d->media_type = mem_strdup(type);
	d->json = json;
	if (json_get_object(
		json, "annotations", JSON_OPTIONAL, &annotations, e) == -1)
		return -1;
	d->attestation =
	    json_object_get(annotations, "vnd.docker.reference.type") != NULL;
	return parse_platform(json, d, e);
}

/*
 * Reads the array `key` of at most `max_count` descriptors.  What was read
 * before a failure is in *out and *count too, for the caller to free.
 */
static int
parse_descriptors(const json_t *json, const char *key, size_t max_count,
    struct oci_descriptor **out, size_t *count, struct err *e)
{
	uint64_t max_size = LIMIT_MANIFEST_SIZE;
	json_t *array = NULL;
	size_t i;

	if (strcmp(key, "layers") == 0)
		max_size = INT64_MAX;
	if (json_get_array(json, key, JSON_REQUIRED, &array, e) == -1)
		return -1;
	if (json_array_size(array) > max_count)
		return err_set(e, ERR_LIMIT, "%zu %s, more than %zu",
		    json_array_size(array), key, max_count);
	*out = mem_zalloc(json_array_size(array), sizeof(**out));
	for (i = 0; i < json_array_size(array); i++) {
		*count = i + 1;
		if (parse_descriptor(json_array_get(array, i), max_size,
			&(*out)[i], e) == -1)
			return err_wrap(e, "%s[%zu]", key, i);
	}
	return 0;
}

/* True when config and layers are those of a container image. */
static bool
is_image(const struct oci_manifest *m)
{
	size_t i;

	if (strcmp(m->config.media_type, OCI_TYPE_CONFIG) != 0 &&
	    strcmp(m->config.media_type, DOCKER_TYPE_CONFIG) != 0)
		return false;
	for (i = 0; i < m->layer_count; i++) {
		const char *type = m->layers[i].media_type;

		if (!is_one_of(
			layer_types, COUNT(layer_types), type, strlen(type)))
			return false;
	}
	return true;
}

/*
 * The media type out of what the registry and the document say, which must
 * agree; without either, by what the document holds.  NULL on failure.
 */
static const struct manifest_type *
choose_type(const json_t *json, const char *told, struct err *e)
{
	const struct manifest_type *type;
	const char *own = NULL;
	size_t len = told == NULL ? 0 : type_length(told);

	if (json_get_string(json, "mediaType", JSON_OPTIONAL, &own, e) == -1)
		return NULL;
	if (len == 0 || is_one_of(vague_types, COUNT(vague_types), told, len))
		told = NULL;
	if (own != NULL && told != NULL && !is_one_of(&own, 1, told, len)) {
		err_set(e, ERR_INVALID,
		    "the registry calls it %.100s, the document calls itself "
		    "%.100s",
		    told, own);
		return NULL;
	}
	if (told == NULL) {
		told = own;
		if (told == NULL && json_object_get(json, "manifests") == NULL)
			told = OCI_TYPE_MANIFEST;
		if (told == NULL)
			told = OCI_TYPE_INDEX;
		len = strlen(told);
	}
	type = find_manifest_type(told, len);
	if (type == NULL)
		err_set(e, ERR_UNSUPPORTED,
		    "media type %.200s is neither a manifest nor an index",
		    told);
	return type;
}

/* Refuses what older clients would read as something else. */
static int
check_shape(const json_t *json, const char *told, struct err *e)
{
	uint64_t version = 0;

	if (json_get_uint(
		json, "schemaVersion", JSON_REQUIRED, 1000, &version, e) == -1)
		return -1;
	if (version == 1 || json_object_get(json, "fsLayers") != NULL ||
	    (told != NULL &&
		is_one_of(schema1_types, COUNT(schema1_types), told,
		    type_length(told))))
		return err_set(e, ERR_UNSUPPORTED,
		    "schema 1 manifests are not supported: push the image "
		    "again with a current client");
	if (version != 2)
		return err_set(e, ERR_INVALID, "\"schemaVersion\" is not 2");
	/* CVE-2021-41190: one digest read as a manifest here, an index there */
	if (json_object_get(json, "manifests") != NULL &&
	    (json_object_get(json, "layers") != NULL ||
		json_object_get(json, "config") != NULL))
		return err_set(e, ERR_INVALID,
		    "both a manifest and an index: it has \"manifests\" and "
		    "\"layers\" or \"config\"");
	return 0;
}

/* Fills in the lists of a manifest or index of known type. */
static int
parse_lists(struct oci_manifest *m, struct err *e)
{
	if (m->kind == OCI_INDEX)
		return parse_descriptors(m->json, "manifests",
		    LIMIT_INDEX_MANIFESTS, &m->manifests, &m->manifest_count,
		    e);
	if (parse_descriptor(json_object_get(m->json, "config"),
		LIMIT_CONFIG_SIZE, &m->config, e) == -1)
		return err_wrap(e, "config");
	if (parse_descriptors(m->json, "layers", LIMIT_LAYERS, &m->layers,
		&m->layer_count, e) == -1)
		return -1;
	m->kind = is_image(m) ? OCI_IMAGE : OCI_ARTIFACT;
	return 0;
}

int
oci_manifest_parse(const void *data, size_t len, const char *media_type,
    struct oci_manifest **out, struct err *e)
{
	auto_oci_manifest struct oci_manifest *m = mem_zalloc(1, sizeof(*m));
	const struct manifest_type *type;

	if (len > LIMIT_MANIFEST_SIZE)
		return err_set(e, ERR_LIMIT,
		    "the manifest is larger than %u bytes",
		    LIMIT_MANIFEST_SIZE);
	if (json_parse_object(data, len, "the manifest", &m->json, e) == -1)
		return -1;
	if (json_spell(m->json, document_names, e) == -1 ||
	    check_shape(m->json, media_type, e) == -1)
		return err_wrap(e, "the manifest");
	type = choose_type(m->json, media_type, e);
	if (type == NULL)
		return err_wrap(e, "the manifest");
	m->kind = type->index ? OCI_INDEX : OCI_IMAGE;
	m->docker = type->docker;
	m->media_type = mem_strdup(type->name);
	if (parse_lists(m, e) == -1)
		return err_wrap(e, "the manifest");
	*out = steal(&m);
	return 0;
}
