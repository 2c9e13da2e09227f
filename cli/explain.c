/* winnow explain: why paths of an image are kept, or are not. */
#include <getopt.h>
#include <stdio.h>

#include "cli.h"
#include "preview.h"
#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/path.h"

static const struct option options[] = {
    {"json", no_argument, NULL, 'j'},
    {"platform", required_argument, NULL, 'P'},
    {"policy", required_argument, NULL, 'p'},
    {"sets", required_argument, NULL, 's'},
    {NULL, 0, NULL, 0},
};

/* A link is explained itself; links on the way to it are followed. */
static const struct tree_node *
find_node(const struct preview *p, const char *path)
{
	return tree_resolve(p->tree, NULL, path, TREE_NOFOLLOW, NULL, NULL);
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
print_json(const struct preview *p, char **paths, int count)
{
	auto_json json_t *list = json_array();
	auto_free char *text = NULL;
	size_t len;
	int i;

	for (i = 0; i < count; i++)
		json_push(list, describe_path(p, paths[i]));
	text = json_format(list, &len);
	puts(text);
}

static int
parse_options(int argc, char **argv, struct preview_options *o, bool *json)
{
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			*json = true;
			break;
		case 'P':
			o->platform = optarg;
			break;
		case 'p':
			o->policy = optarg;
			break;
		case 's':
			o->sets_dir = optarg;
			break;
		default:
			return -1;
		}
	}
	return o->policy != NULL && optind <= argc - 2 ? 0 : -1;
}

int
command_explain(int argc, char **argv)
{
	struct preview_options o = {0};
	struct preview p;
	bool json = false;
	int i, status = CLI_OK;
	struct err e;

	if (parse_options(argc, argv, &o, &json) == -1)
		return cli_usage("explain");
	o.image = argv[optind];
	if (preview_open(&o, &p, &e) == -1)
		status = cli_fail("explain", &e);
	else if (json)
		print_json(&p, argv + optind + 1, argc - optind - 1);
	else
		for (i = optind + 1; i < argc; i++)
			print_path(&p, argv[i]);
	preview_clear(&p);
	return status;
}
