#include <stdlib.h>
#include <string.h>

#include "strip_layers.h"
#include "winnow/json.h"
#include "winnow/limits.h"

/* An image on its way. */
struct strip_work {
	const struct strip *strip;
	const struct oci_manifest *manifest;
	struct strip_layers *layers;
};

static int
make_plan(struct strip_work *w, struct image_plan **out, struct err *e)
{
	auto_free char *config = NULL;
	size_t len;

	if (input_read_blob(w->strip->input, &w->manifest->config.digest,
		LIMIT_CONFIG_SIZE, &config, &len, e) == -1)
		return -1;
	return image_plan(strip_layers_indexes(w->layers),
	    w->manifest->layer_count, config, len, w->strip->policy, out, e);
}

/* Adds where the image came from, and its compressed size before and after. */
static void
complete_report(const struct strip_work *w, const struct digest *source,
    const json_t *config, json_t *report)
{
	json_t *object = json_object(), *sizes = json_object();
	const struct layer_emitted **emitted = strip_layers_emitted(w->layers);
	uint64_t before = 0, after = 0;
	char text[DIGEST_TEXT];
	json_int_t layers = 0;
	size_t i;

	for (i = 0; i < w->manifest->layer_count; i++) {
		before += w->manifest->layers[i].size;
		if (emitted[i] == NULL)
			continue;
		after += emitted[i]->size;
		layers++;
	}
	json_put(object, "digest", json_string(digest_format(source, text)));
	json_put(object, "platform",
	    json_pack("s++", json_string_value(json_object_get(config, "os")),
		"/",
		json_string_value(json_object_get(config, "architecture"))));
	json_put(report, "source", object);
	json_put(sizes, "layers_before",
	    json_integer((json_int_t)w->manifest->layer_count));
	json_put(sizes, "layers_after", json_integer(layers));
	json_put(sizes, "bytes_before", json_integer((json_int_t)before));
	json_put(sizes, "bytes_after", json_integer((json_int_t)after));
	json_put(report, "sizes", sizes);
}

/* Writes config and manifest. */
static int
write_documents(struct strip_work *w, const struct image_plan *plan,
    const struct digest *source, struct strip_result *out, struct err *e)
{
	const struct image_base base = {.digest = *source};
	auto_free char *config = NULL, *manifest = NULL;
	size_t config_len, manifest_len;
	struct digest config_digest;

	if (image_assemble(w->manifest, plan->config,
		strip_layers_emitted(w->layers), w->manifest->layer_count,
		source_has_manifest(w->strip->input->source) ? &base : NULL,
		&config, &config_len, &manifest, &manifest_len, e) == -1 ||
	    layout_write_blob(
		w->strip->to, config, config_len, &config_digest, e) == -1 ||
	    layout_write_blob(
		w->strip->to, manifest, manifest_len, &out->digest, e) == -1)
		return -1;
	out->size = manifest_len;
	return 0;
}

static int
do_work(struct strip_work *w, const struct digest *source, json_t *reports,
    struct strip_result *out, struct err *e)
{
	auto_image_plan struct image_plan *plan = NULL;

	if (strip_layers_read(w->layers, e) == -1 ||
	    make_plan(w, &plan, e) == -1 ||
	    strip_layers_emit(w->layers, plan, e) == -1)
		return -1;
	if (write_documents(w, plan, source, out, e) == -1)
		return -1;
	complete_report(w, source, plan->config, plan->report);
	json_push(reports, json_incref(plan->report));
	return 0;
}

int
strip_image(const struct strip *s, const struct oci_manifest *m,
    const struct digest *source, json_t *reports, struct strip_result *out,
    struct err *e)
{
	auto_strip_layers struct strip_layers *layers = NULL;
	struct strip_work w = {.strip = s, .manifest = m};

	if (m->kind != OCI_IMAGE)
		return err_set(e, ERR_UNSUPPORTED,
		    "not a container image: config %.100s",
		    m->kind == OCI_INDEX ? m->media_type
					 : m->config.media_type);
	w.layers = layers = strip_layers_new(s, m);
	return do_work(&w, source, reports, out, e);
}
