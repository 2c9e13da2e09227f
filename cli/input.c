#include "input.h"

#include <stdlib.h>

#include "index_cache.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

static int
read_manifest(const struct source *source, const struct digest *digest,
    const char *media_type, struct oci_manifest **out, struct err *e)
{
	char buf[DIGEST_TEXT];
	auto_free char *data = NULL;
	size_t len;

	if (source_read_blob(
		source, digest, LIMIT_MANIFEST_SIZE, &data, &len, e) == -1)
		return -1;
	if (oci_manifest_parse(data, len, media_type, out, e) == -1)
		return err_wrap(e, "%s", digest_format(digest, buf));
	return 0;
}

/* Adds the first child of the index for this platform. */
static int
choose_child(struct input *in, const char *platform, struct err *e)
{
	struct oci_platform want = {0};
	const struct oci_descriptor *found = NULL;
	size_t i;

	if (oci_platform_parse(platform, &want, e) == -1)
		return -1;
	for (i = 0; i < in->top->manifest_count && found == NULL; i++) {
		const struct oci_descriptor *d = &in->top->manifests[i];

		if (d->has_platform && !d->attestation &&
		    oci_platform_matches(&d->platform, &want))
			found = d;
	}
	oci_platform_clear(&want);
	if (found == NULL)
		return err_set(e, ERR_NOT_FOUND,
		    "the index has no image for %s", platform);
	for (i = 0; i < in->chosen_count; i++)
		if (in->chosen[i] == found)
			return 0;
	in->chosen[in->chosen_count++] = found;
	return 0;
}

/* Chooses the children of an index for the platforms. */
static int
choose_children(
    struct input *in, const char *const *platforms, size_t count, struct err *e)
{
	const char *host = oci_platform_host();
	size_t i;

	if (count == 0) {
		platforms = &host;
		count = 1;
	}
	in->chosen = mem_zalloc(count, sizeof(*in->chosen));
	for (i = 0; i < count; i++)
		if (choose_child(in, platforms[i], e) == -1)
			return -1;
	return 0;
}

int
input_open(const char *name, const char *const *platforms, size_t count,
    struct input *out, struct err *e)
{
	struct input in = {0};
	auto_free char *media_type = NULL;

	if (source_open(name, &in.source, e) == -1)
		return -1;
	if (source_resolve(in.source, &in.digest, &media_type, e) == -1 ||
	    read_manifest(in.source, &in.digest, media_type, &in.top, e) ==
		-1 ||
	    (in.top->kind == OCI_INDEX &&
		choose_children(&in, platforms, count, e) == -1)) {
		input_clear(&in);
		return -1;
	}
	*out = in;
	return 0;
}

void
input_clear(struct input *in)
{
	oci_manifest_free(in->top);
	free(in->chosen);
	source_free(in->source);
	*in = (struct input){0};
}

int
input_read_child(const struct input *in, const struct oci_descriptor *d,
    struct oci_manifest **out, struct err *e)
{
	return read_manifest(in->source, &d->digest, d->media_type, out, e);
}

uint64_t
input_layers_size(const struct oci_manifest *m)
{
	uint64_t size = 0;
	size_t i;

	for (i = 0; i < m->layer_count; i++)
		size += m->layers[i].size;
	return size;
}

int
input_read_blob(const struct input *in, const struct digest *digest, size_t max,
    char **data, size_t *len, struct err *e)
{
	return source_read_blob(in->source, digest, max, data, len, e);
}

int
input_open_layer(const struct input *in, const struct oci_descriptor *d,
    struct blob_source *out, struct err *e)
{
	if (source_open_layer(in->source, d, out, e) == -1)
		return -1;
	if (in->progress != NULL) {
		out->on_read = progress_add;
		out->on_read_arg = in->progress;
	}
	return 0;
}

int
input_read_layer(const struct input *in, const struct oci_descriptor *d,
    const struct spool_filter *filter, struct spool *spool,
    struct layer_index **out, struct err *e)
{
	struct blob_source source;
	char buf[DIGEST_TEXT];
	auto_fd int fd = -1;

	if (in->use_cache && spool == NULL &&
	    index_cache_read(&d->digest, out)) {
		if (in->progress != NULL)
			progress_add(in->progress, d->size);
		return 0;
	}
	if (input_open_layer(in, d, &source, e) == -1)
		return -1;
	fd = source.fd;
	if (layer_index_read(&source, filter, spool, out, e) == -1)
		return err_wrap(e, "layer %s", digest_format(&d->digest, buf));
	if (in->use_cache)
		index_cache_write(&d->digest, *out);
	return 0;
}
