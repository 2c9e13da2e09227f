#include <stdio.h>

#include "cli.h"
#include "diff.h"
#include "winnow/json.h"
#include "winnow/limits.h"

static json_t *
make_side(const struct diff_side *s)
{
	auto_free char *platform = view_platform(s->view);
	json_t *object = json_object();

	json_put(
	    object, "image", json_escaped(source_name(s->view->input.source)));
	json_put(object, "platform", json_escaped(platform));
	if (s->preview.policy != NULL)
		json_put(
		    object, "policy", json_escaped(s->preview.policy->file));
	return object;
}

/* The attributes of one side's file. */
static json_t *
make_attributes(const struct diff_side *s, const struct tree_node *n)
{
	json_t *object = json_object();
	char mode[16];

	json_put(
	    object, "type", json_string(entry_type_name(tree_node_type(n))));
	if (tree_node_type(n) == ENTRY_FILE)
		json_put(
		    object, "size", json_integer((json_int_t)diff_size(s, n)));
	if (n->entry == NULL)
		return object;
	snprintf(mode, sizeof(mode), "%04o", n->entry->mode);
	json_put(object, "mode", json_string(mode));
	json_put(object, "uid", json_integer((json_int_t)n->entry->uid));
	json_put(object, "gid", json_integer((json_int_t)n->entry->gid));
	if (tree_node_type(n) == ENTRY_SYMLINK)
		json_put(object, "link", json_escaped(n->entry->link));
	return object;
}

static json_t *
make_how(unsigned how)
{
	static const char *const names[] = {"type", "mode", "owner", "size",
	    "content", "link", "attributes", "device"};
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (how & (1u << i))
			json_push(list, json_string(names[i]));
	return list;
}

static json_t *
make_file(const struct diff *d, const struct diff_file *f)
{
	static const char *const classes[] = {
	    [DIFF_SAME] = "same",
	    [DIFF_ADDED] = "added",
	    [DIFF_REMOVED] = "removed",
	    [DIFF_CHANGED] = "changed",
	};
	json_t *object = json_object();
	auto_strbuf struct strbuf path;

	strbuf_init(&path, LIMIT_PATH + 1);
	tree_node_path(f->node[f->node[0] == NULL], &path);
	json_put(object, "path", json_escaped(strbuf_string(&path)));
	json_put(object, "change", json_string(classes[f->class]));
	if (f->class == DIFF_CHANGED)
		json_put(object, "how", make_how(f->how));
	if (f->node[0] != NULL)
		json_put(
		    object, "a", make_attributes(&d->sides[0], f->node[0]));
	if (f->node[1] != NULL)
		json_put(
		    object, "b", make_attributes(&d->sides[1], f->node[1]));
	return object;
}

void
diff_print_json(const struct diff *d)
{
	auto_json json_t *out = json_object();
	json_t *files = json_array(), *distroless = json_array();
	uint32_t i;

	for (i = 0; i < d->fold.count; i++)
		if (d->files[i].class != DIFF_SAME)
			json_push(files, make_file(d, &d->files[i]));
	json_push(distroless, json_boolean(d->distroless[0]));
	json_push(distroless, json_boolean(d->distroless[1]));
	json_put(out, "a", make_side(&d->sides[0]));
	json_put(out, "b", make_side(&d->sides[1]));
	json_put(out, "same", json_boolean(d->same));
	json_put(out, "files", files);
	json_put(out, "packages", json_incref(d->packages));
	json_put(out, "config", json_incref(d->config));
	json_put(out, "audit", json_incref(d->audit));
	json_put(out, "distroless", distroless);
	cli_print_json(out);
}
