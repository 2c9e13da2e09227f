/* Config, manifest and index of a variant. */
#include <string.h>

#include "winnow/image.h"
#include "winnow/json.h"

#define BASE_NAME "org.opencontainers.image.base.name"
#define BASE_DIGEST "org.opencontainers.image.base.digest"

/*
 * Annotations that describe the source layers' bytes for lazy pulling; they
 * would be lies about the derived ones.
 */
static const char *const stale_annotations[] = {
    "io.github.containers.zstd-chunked.",
    "containerd.io/snapshot/stargz/",
    "containerd.io/snapshot/nydus",
    "containerd.io/snapshot/overlaybd",
    "io.containers.estargz.",
};

static bool
is_stale(const char *annotation)
{
	size_t i, count = sizeof(stale_annotations) / sizeof(char *);

	for (i = 0; i < count; i++)
		if (strncmp(annotation, stale_annotations[i],
			strlen(stale_annotations[i])) == 0)
			return true;
	return false;
}

/* Removes stale annotations of a manifest or descriptor. */
static void
clean_annotations(json_t *object)
{
	json_t *annotations = json_object_get(object, "annotations"), *unused;
	const char *key;
	void *next;

	if (annotations == NULL)
		return;
	json_object_foreach_safe(annotations, next, key,
	    unused) if (is_stale(key)) json_object_del(annotations, key);
	if (json_object_size(annotations) == 0)
		json_object_del(object, "annotations");
}

/* Makes a copied descriptor name other content. */
static void
change_descriptor(
    json_t *descriptor, const struct digest *digest, uint64_t size)
{
	char text[DIGEST_TEXT];

	json_put(
	    descriptor, "digest", json_string(digest_format(digest, text)));
	json_put(descriptor, "size", json_integer((json_int_t)size));
	json_object_del(descriptor, "urls");
	json_object_del(descriptor, "data");
	clean_annotations(descriptor);
}

/* Drops what is said about the source only, and names the source. */
static void
change_document(json_t *document, bool docker, const struct image_base *base)
{
	char text[DIGEST_TEXT];
	json_t *annotations;

	json_object_del(document, "subject");
	clean_annotations(document);
	/* Docker's manifests have no annotations. */
	if (docker || base == NULL)
		return;
	annotations = json_object_get(document, "annotations");
	if (!json_is_object(annotations)) {
		annotations = json_object();
		json_put(document, "annotations", annotations);
	}
	if (base->name != NULL)
		json_put(annotations, BASE_NAME, json_string(base->name));
	json_put(annotations, BASE_DIGEST,
	    json_string(digest_format(&base->digest, text)));
}

static json_t *
make_diff_ids(const struct layer_emitted *const *emitted, size_t count)
{
	json_t *diff_ids = json_array();
	char text[DIGEST_TEXT];
	size_t i;

	for (i = 0; i < count; i++)
		if (emitted[i] != NULL)
			json_push(diff_ids,
			    json_string(
				digest_format(&emitted[i]->diff_id, text)));
	return diff_ids;
}

/* Marks the history entries whose layers were dropped. */
static void
change_history(
    json_t *config, const struct layer_emitted *const *emitted, size_t count)
{
	json_t *entry;
	size_t i, layer = 0;

	json_array_foreach(json_object_get(config, "history"), i, entry)
	{
		if (json_is_true(json_object_get(entry, "empty_layer")))
			continue;
		if (layer < count && emitted[layer] == NULL)
			json_put(entry, "empty_layer", json_true());
		layer++;
	}
}

static char *
make_config(const json_t *source, const struct layer_emitted *const *emitted,
    size_t count, size_t *len)
{
	auto_json json_t *config = json_deep_copy(source);

	json_put(json_object_get(config, "rootfs"), "diff_ids",
	    make_diff_ids(emitted, count));
	change_history(config, emitted, count);
	return json_format(config, len);
}

static json_t *
make_layers(const struct oci_manifest *source,
    const struct layer_emitted *const *emitted)
{
	const json_t *from = json_object_get(source->json, "layers");
	json_t *layers = json_array();
	size_t i;

	for (i = 0; i < source->layer_count; i++) {
		json_t *layer;

		if (emitted[i] == NULL)
			continue;
		layer = json_deep_copy(json_array_get(from, i));
		json_put(layer, "mediaType",
		    json_string(source->docker ? DOCKER_TYPE_LAYER_GZIP
					       : OCI_TYPE_LAYER_GZIP));
		change_descriptor(layer, &emitted[i]->digest, emitted[i]->size);
		json_push(layers, layer);
	}
	return layers;
}

int
image_assemble(const struct oci_manifest *source, const json_t *config,
    const struct layer_emitted *const *emitted, size_t count,
    const struct image_base *base, char **config_out, size_t *config_len,
    char **manifest_out, size_t *manifest_len, struct err *e)
{
	auto_json json_t *manifest = NULL;
	struct digest digest;

	if (source->kind != OCI_IMAGE || source->layer_count != count)
		return err_set(e, ERR_INVALID,
		    "%zu derived layers for a manifest with %zu layers", count,
		    source->layer_count);
	manifest = json_deep_copy(source->json);
	*config_out = make_config(config, emitted, count, config_len);
	digest_of(*config_out, *config_len, &digest);
	change_descriptor(
	    json_object_get(manifest, "config"), &digest, *config_len);
	json_put(manifest, "layers", make_layers(source, emitted));
	change_document(manifest, source->docker, base);
	*manifest_out = json_format(manifest, manifest_len);
	return 0;
}

/* Adds the descriptor of a rewritten child. */
static void
push_child(json_t *manifests, const struct image_child *child)
{
	json_t *descriptor = json_deep_copy(child->source->json);

	change_descriptor(descriptor, &child->digest, child->size);
	json_push(manifests, descriptor);
}

static bool
is_listed(const struct oci_manifest *index, const struct oci_descriptor *d)
{
	size_t i;

	for (i = 0; i < index->manifest_count; i++)
		if (&index->manifests[i] == d)
			return true;
	return false;
}

int
image_index(const struct oci_manifest *source,
    const struct image_child *children, size_t count,
    const struct image_base *base, char **out, size_t *len, struct err *e)
{
	auto_json json_t *index = json_deep_copy(source->json);
	auto_json json_t *manifests = json_array();
	size_t i, k;

	for (k = 0; k < count; k++)
		if (!json_is_object(children[k].source->json))
			return err_set(e, ERR_INTERNAL,
			    "a rewritten child that no index lists");
	for (i = 0; i < source->manifest_count; i++)
		for (k = 0; k < count; k++)
			if (children[k].source == &source->manifests[i])
				push_child(manifests, &children[k]);
	for (k = 0; k < count; k++)
		if (!is_listed(source, children[k].source))
			push_child(manifests, &children[k]);
	json_put(index, "manifests", json_incref(manifests));
	change_document(index, source->docker, base);
	*out = json_format(index, len);
	return 0;
}
