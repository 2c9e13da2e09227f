/* winnow explain: why paths of an image are kept, or are not. */
#include <stdio.h>

#include "cli.h"
#include "preview.h"
#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/path.h"

/* A link is explained itself; links on the way to it are followed. */
static const struct tree_node *
find_node(const struct preview *p, const char *path)
{
	return tree_resolve(
	    p->view->tree, NULL, path, TREE_NOFOLLOW, NULL, NULL);
}

static void
print_path(const struct preview *p, const char *path)
{
	const struct tree_node *n = find_node(p, path);
	auto_strbuf struct strbuf text;

	strbuf_init(&text, SIZE_MAX);
	path_escape(path, &text);
	strbuf_add_string(&text, "\n    ");
	if (n == NULL)
		strbuf_add_string(&text, "not in the image");
	else
		selection_explain(p->selection, n, &text);
	puts(strbuf_string(&text));
}

static json_t *
describe_path(const struct preview *p, const char *path)
{
	const struct tree_node *n = find_node(p, path);
	json_t *object = json_object();
	auto_strbuf struct strbuf why;

	strbuf_init(&why, SIZE_MAX);
	json_put(object, "path", json_escaped(path));
	json_put(object, "in_image", json_boolean(n != NULL));
	json_put(object, "kept",
	    json_boolean(n != NULL && selection_keeps(p->selection, n)));
	if (n != NULL) {
		selection_explain(p->selection, n, &why);
		json_put(object, "why", json_escaped(strbuf_string(&why)));
	}
	return object;
}

static void
print_json(const struct preview *p, const struct options *o)
{
	auto_json json_t *list = json_array();
	int i;

	for (i = 1; i < o->operand_count; i++)
		json_push(list, describe_path(p, o->operands[i]));
	cli_print_json(list);
}

static int
explain(const struct options *o, const struct view *v, struct policy *policy,
    struct err *e)
{
	struct preview p;
	int i, r = preview_make(v, policy, &p, e);

	if (r == 0 && o->json)
		print_json(&p, o);
	for (i = 1; r == 0 && !o->json && i < o->operand_count; i++)
		print_path(&p, o->operands[i]);
	preview_clear(&p);
	return r;
}

int
command_explain(const struct options *o)
{
	return preview_run("explain", o, explain);
}
