#include "input.h"

#include <string.h>

#include "winnow/limits.h"
#include "winnow/mem.h"

static int
read_manifest(const struct layout *layout, const struct digest *digest,
    const char *media_type, struct oci_manifest **out, struct err *e)
{
	char buf[DIGEST_TEXT];
	auto_free char *data = NULL;
	size_t len;

	if (layout_read_blob(
		layout, digest, LIMIT_MANIFEST_SIZE, &data, &len, e) == -1)
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

int
input_open(const struct layout *layout, const char *const *platforms,
    size_t count, struct input *out, struct err *e)
{
	const char *host = oci_platform_host();
	struct input in = {.layout = layout};
	auto_free char *media_type = NULL;
	size_t i;

	if (count == 0) {
		platforms = &host;
		count = 1;
	}
	if (layout_resolve(layout, &in.digest, &media_type, e) == -1 ||
	    read_manifest(layout, &in.digest, media_type, &in.top, e) == -1)
		return -1;
	if (in.top->kind == OCI_INDEX) {
		in.chosen = mem_zalloc(count, sizeof(*in.chosen));
		for (i = 0; i < count; i++)
			if (choose_child(&in, platforms[i], e) == -1) {
				input_clear(&in);
				return -1;
			}
	}
	*out = in;
	return 0;
}

void
input_clear(struct input *in)
{
	oci_manifest_free(in->top);
	free(in->chosen);
	*in = (struct input){0};
}

int
input_read_child(const struct input *in, const struct oci_descriptor *d,
    struct oci_manifest **out, struct err *e)
{
	return read_manifest(in->layout, &d->digest, d->media_type, out, e);
}

int
input_read_layer(const struct input *in, const struct oci_descriptor *d,
    const struct spool_filter *filter, struct spool *spool,
    struct layer_index **out, struct err *e)
{
	struct blob_source source = {
	    .progress_fd = -1, .size = d->size, .digest = d->digest};
	char buf[DIGEST_TEXT];
	auto_fd int fd = -1;

	if (layout_open_blob(in->layout, &d->digest, &fd, e) == -1)
		return -1;
	source.fd = fd;
	if (layer_index_read(&source, filter, spool, out, e) == -1)
		return err_wrap(e, "layer %s", digest_format(&d->digest, buf));
	return 0;
}
