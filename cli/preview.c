#include "preview.h"

#include <stdlib.h>

#include "cli.h"
#include "image_config.h"
#include "input.h"
#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

static int
read_layers(struct preview *p, const struct input *in,
    const struct oci_manifest *m, struct err *e)
{
	size_t i;

	p->indexes = mem_zalloc(m->layer_count, sizeof(struct layer_index *));
	p->index_count = m->layer_count;
	p->tree = tree_new();
	for (i = 0; i < m->layer_count; i++)
		if (input_read_layer(in, &m->layers[i], NULL, NULL,
			&p->indexes[i], e) == -1 ||
		    tree_add_layer(p->tree, p->indexes[i], e) == -1)
			return err_wrap(e, "layer %zu", i + 1);
	tree_finish(p->tree);
	return 0;
}

static int
select_nodes(struct preview *p, const struct input *in,
    const struct oci_manifest *m, struct err *e)
{
	auto_json json_t *config = NULL;
	auto_free char *data = NULL;
	struct selection_dirs dirs = {0};
	size_t len;
	int r;

	if (layout_read_blob(in->layout, &m->config.digest, LIMIT_CONFIG_SIZE,
		&data, &len, e) == -1 ||
	    image_config_parse(data, len, m->layer_count, &config, e) == -1 ||
	    image_config_edit(config, p->policy->config, e) == -1 ||
	    image_config_dirs(config, p->tree, &dirs, e) == -1)
		return -1;
	r = selection_make(p->tree, p->policy, &dirs, &p->selection, e);
	image_config_clear_dirs(&dirs);
	return r;
}

static int
open_image(struct preview *p, const struct input *in, struct err *e)
{
	auto_oci_manifest struct oci_manifest *child = NULL;
	const struct oci_manifest *m = in->top;

	if (in->chosen_count > 0) {
		if (input_read_child(in, in->chosen[0], &child, e) == -1)
			return -1;
		m = child;
	}
	if (m->kind != OCI_IMAGE)
		return err_set(e, ERR_UNSUPPORTED, "not a container image");
	if (read_layers(p, in, m, e) == -1)
		return -1;
	return select_nodes(p, in, m, e);
}

int
preview_open(
    const struct preview_options *o, struct preview *out, struct err *e)
{
	const char *platform = o->platform;
	struct layout layout = {0};
	struct input in = {0};
	int r;

	*out = (struct preview){0};
	if (cli_load_policy(o->policy, o->sets_dir, &out->policy, e) == -1)
		return -1;
	if (platform == NULL && out->policy->platform_count > 0)
		platform = out->policy->platforms[0];
	if (layout_parse(o->image, &layout, e) == -1)
		return -1;
	r = input_open(&layout, &platform, platform != NULL, &in, e);
	if (r == 0) {
		r = open_image(out, &in, e);
		input_clear(&in);
	}
	layout_clear(&layout);
	return r;
}

void
preview_clear(struct preview *p)
{
	size_t i;

	selection_free(p->selection);
	tree_free(p->tree);
	for (i = 0; i < p->index_count; i++)
		if (p->indexes[i] != NULL)
			layer_index_free(p->indexes[i]);
	free(p->indexes);
	policy_free(p->policy);
}
