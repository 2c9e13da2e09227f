#include <stdlib.h>
#include <string.h>

#include "strip.h"
#include "winnow/fsutil.h"
#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

/* A source layer on its way to a derived one. */
struct strip_layer {
	struct layer_index *index;
	int spool_fd;
	struct spool *spool;
	struct layer_emitted emitted;
};

/* An image on its way; one strip_layer per source layer. */
struct strip_work {
	const struct strip *strip;
	const struct oci_manifest *manifest;
	struct strip_layer *layers;
	const struct layer_emitted **emitted; /* NULL: dropped */
};

static void
init_work(
    struct strip_work *w, const struct strip *s, const struct oci_manifest *m)
{
	size_t i;

	*w = (struct strip_work){.strip = s, .manifest = m};
	w->layers = mem_zalloc(m->layer_count, sizeof(*w->layers));
	w->emitted = mem_zalloc(m->layer_count, sizeof(*w->emitted));
	for (i = 0; i < m->layer_count; i++)
		w->layers[i].spool_fd = -1;
}

static void
clear_spool(struct strip_layer *layer)
{
	if (layer->spool != NULL)
		spool_free(layer->spool);
	layer->spool = NULL;
	if (layer->spool_fd != -1)
		close(layer->spool_fd);
	layer->spool_fd = -1;
}

static void
clear_work(struct strip_work *w)
{
	size_t i;

	for (i = 0; i < w->manifest->layer_count; i++) {
		clear_spool(&w->layers[i]);
		if (w->layers[i].index != NULL)
			layer_index_free(w->layers[i].index);
	}
	free(w->layers);
	free(w->emitted);
}

static int
open_spool(struct strip_work *w, struct strip_layer *layer, struct err *e)
{
	clear_spool(layer);
	if (fsutil_open_unlinked(w->strip->to->dir, &layer->spool_fd, e) == -1)
		return -1;
	layer->spool = spool_new(layer->spool_fd);
	return 0;
}

/* Libraries may be needed by what is kept, whatever the rules say. */
static enum spool_want
want_content(void *arg, const struct layer_entry *entry)
{
	const struct strip *s = arg;

	return policy_may_keep(s->policy, entry->path) ? SPOOL_YES
						       : SPOOL_IF_LIBRARY;
}

/* Reads all layers; the contents that may be kept go to spools. */
static int
read_layers(struct strip_work *w, struct err *e)
{
	struct strip strip = *w->strip;
	const struct spool_filter filter = {
	    .want = want_content, .arg = &strip};
	auto_progress struct progress *progress =
	    progress_new("reading", input_layers_size(w->manifest));
	size_t i;

	strip.input->progress = progress;
	for (i = 0; i < w->manifest->layer_count; i++) {
		struct strip_layer *layer = &w->layers[i];

		if (open_spool(w, layer, e) == -1 ||
		    input_read_layer(strip.input, &w->manifest->layers[i],
			&filter, layer->spool, &layer->index, e) == -1 ||
		    spool_finish(layer->spool, e) == -1) {
			strip.input->progress = NULL;
			return -1;
		}
	}
	strip.input->progress = NULL;
	return 0;
}

static int
make_plan(struct strip_work *w, struct image_plan **out, struct err *e)
{
	size_t i, len, count = w->manifest->layer_count;
	auto_free struct layer_index **indexes =
	    mem_zalloc(count, sizeof(*indexes));
	auto_free char *config = NULL;

	for (i = 0; i < count; i++)
		indexes[i] = w->layers[i].index;
	if (input_read_blob(w->strip->input, &w->manifest->config.digest,
		LIMIT_CONFIG_SIZE, &config, &len, e) == -1)
		return -1;
	return image_plan(
	    indexes, count, config, len, w->strip->policy, out, e);
}

/* Spools the plan's contents where the first reading guessed too little. */
static int
complete_spool(struct strip_work *w, size_t i, const struct layer_index *plan,
    struct err *e)
{
	struct blob_source source;
	auto_fd int fd = -1;

	if (layer_plan_missing(plan, w->layers[i].spool) == 0)
		return 0;
	if (input_open_layer(
		w->strip->input, &w->manifest->layers[i], &source, e) == -1)
		return -1;
	fd = source.fd;
	if (open_spool(w, &w->layers[i], e) == -1)
		return -1;
	if (layer_plan_extract(plan, &source, w->layers[i].spool, e) == -1)
		return -1;
	return spool_finish(w->layers[i].spool, e);
}

static int
emit_layer(struct strip_work *w, size_t i, const struct layer_index *plan,
    struct err *e)
{
	struct strip_layer *layer = &w->layers[i];
	struct layout_blob blob;
	struct err ignored;

	if (complete_spool(w, i, plan, e) == -1 ||
	    layout_begin_blob(w->strip->to, &blob, e) == -1)
		return -1;
	if (layer_emit(plan, layer->spool, blob.fd, &layer->emitted, e) == -1) {
		layout_end_blob(w->strip->to, &blob, NULL, &ignored);
		return -1;
	}
	if (layout_end_blob(w->strip->to, &blob, &layer->emitted.digest, e) ==
	    -1)
		return -1;
	w->emitted[i] = &layer->emitted;
	clear_spool(layer);
	return 0;
}

/* Adds where the image came from, and its compressed size before and after. */
static void
complete_report(const struct strip_work *w, const struct digest *source,
    const json_t *config, json_t *report)
{
	json_t *object = json_object(), *sizes = json_object();
	uint64_t before = 0, after = 0;
	char text[DIGEST_TEXT];
	json_int_t layers = 0;
	size_t i;

	for (i = 0; i < w->manifest->layer_count; i++) {
		before += w->manifest->layers[i].size;
		if (w->emitted[i] == NULL)
			continue;
		after += w->emitted[i]->size;
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

	if (image_assemble(w->manifest, plan->config, w->emitted,
		w->manifest->layer_count, &base, &config, &config_len,
		&manifest, &manifest_len, e) == -1 ||
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
	size_t i;

	if (read_layers(w, e) == -1 || make_plan(w, &plan, e) == -1)
		return -1;
	for (i = 0; i < plan->layer_count; i++)
		if (plan->layers[i]->count > 0 &&
		    emit_layer(w, i, plan->layers[i], e) == -1)
			return err_wrap(e, "layer %zu", i + 1);
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
	struct strip_work w;
	int r;

	if (m->kind != OCI_IMAGE)
		return err_set(e, ERR_UNSUPPORTED,
		    "not a container image: config %.100s",
		    m->kind == OCI_INDEX ? m->media_type
					 : m->config.media_type);
	init_work(&w, s, m);
	r = do_work(&w, source, reports, out, e);
	clear_work(&w);
	return r;
}
