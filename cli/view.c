#include "view.h"

#include <stdlib.h>

#include "image_config.h"
#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

/* Chooses the manifest of the platform; reads the config. */
static int
open_manifest(struct view *v, struct err *e)
{
	auto_free char *data = NULL;
	size_t len;

	v->manifest = v->input.top;
	if (v->input.chosen_count > 0) {
		if (input_read_child(
			&v->input, v->input.chosen[0], &v->child, e) == -1)
			return -1;
		v->manifest = v->child;
	}
	if (v->manifest->kind != OCI_IMAGE)
		return err_set(e, ERR_UNSUPPORTED, "not a container image");
	if (input_read_blob(&v->input, &v->manifest->config.digest,
		LIMIT_CONFIG_SIZE, &data, &len, e) == -1)
		return -1;
	return image_config_parse(
	    data, len, v->manifest->layer_count, &v->config, e);
}

static int
read_layers(struct view *v, struct err *e)
{
	const struct oci_manifest *m = v->manifest;
	auto_progress struct progress *progress =
	    progress_new("reading", input_layers_size(m));
	size_t i;
	int r = 0;

	v->indexes = mem_zalloc(m->layer_count, sizeof(*v->indexes));
	v->tree = tree_new();
	v->input.progress = progress;
	for (i = 0; i < m->layer_count && r == 0; i++) {
		r = input_read_layer(
		    &v->input, &m->layers[i], NULL, NULL, &v->indexes[i], e);
		if (r == 0)
			r = tree_add_layer(v->tree, v->indexes[i], e);
		if (r == -1)
			err_wrap(e, "layer %zu", i + 1);
	}
	v->input.progress = NULL;
	if (r == 0)
		tree_finish(v->tree);
	return r;
}

int
view_open(const char *name, const char *platform, const struct options *o,
    struct view *out, struct err *e)
{
	*out = (struct view){0};
	if (input_open(name, &platform, platform != NULL, &out->input, e) == -1)
		return -1;
	out->input.use_cache = !o->no_cache;
	if (open_manifest(out, e) == -1 || read_layers(out, e) == -1)
		return err_wrap(e, "%s", name);
	return 0;
}

void
view_clear(struct view *v)
{
	size_t i;

	tree_free(v->tree);
	for (i = 0; v->indexes != NULL && i < v->manifest->layer_count; i++)
		if (v->indexes[i] != NULL)
			layer_index_free(v->indexes[i]);
	free(v->indexes);
	json_decref(v->config);
	oci_manifest_free(v->child);
	input_clear(&v->input);
	*v = (struct view){0};
}

char *
view_platform(const struct view *v)
{
	const char *os = json_string_value(json_object_get(v->config, "os"));
	const char *architecture =
	    json_string_value(json_object_get(v->config, "architecture"));

	return mem_printf("%s/%s", os == NULL ? "?" : os,
	    architecture == NULL ? "?" : architecture);
}
