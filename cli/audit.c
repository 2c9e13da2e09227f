/* winnow audit: what in an image helps an intruder. */
#include <getopt.h>
#include <stdio.h>

#include "cli.h"
#include "input.h"
#include "winnow/audit.h"
#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/path.h"
#include "winnow/strbuf.h"
#include "winnow/tree.h"

static const struct option options[] = {
    {"platform", required_argument, NULL, 'p'},
    {NULL, 0, NULL, 0},
};

static void
print_finding(const struct audit_finding *f)
{
	auto_strbuf struct strbuf path, text;

	strbuf_init(&path, LIMIT_PATH + 1);
	strbuf_init(&text, SIZE_MAX);
	tree_node_path(f->node, &path);
	strbuf_add_format(&text, "%-16s /", audit_category_name(f->category));
	path_escape(strbuf_string(&path), &text);
	if (f->detail != NULL) {
		strbuf_add_string(&text, ": ");
		path_escape(f->detail, &text);
	}
	puts(strbuf_string(&text));
}

/* Prints the findings, how many of which kind, and the verdict. */
static int
print_audit(const struct audit *a)
{
	bool distroless = audit_is_distroless(a);
	size_t i, n;

	for (i = 0; i < a->count; i++)
		print_finding(&a->findings[i]);
	printf("%sdistroless: %s\n", a->count > 0 ? "\n" : "",
	    distroless ? "yes" : "no");
	for (i = 0; i < AUDIT_CATEGORIES; i++) {
		n = audit_count(a, (enum audit_category)i);
		if (n > 0)
			printf("%6zu %s\n", n,
			    audit_category_name((enum audit_category)i));
	}
	return distroless ? CLI_OK : CLI_FINDINGS;
}

/* Merges the layers of an image; the indexes are the tree's to borrow. */
static int
read_tree(const struct input *in, const struct oci_manifest *m,
    struct layer_index **indexes, struct tree *t, struct err *e)
{
	size_t i;

	for (i = 0; i < m->layer_count; i++)
		if (input_read_layer(
			in, &m->layers[i], NULL, NULL, &indexes[i], e) == -1 ||
		    tree_add_layer(t, indexes[i], e) == -1)
			return -1;
	tree_finish(t);
	return 0;
}

static int
audit_image(const struct input *in, const struct oci_manifest *m, int *status,
    struct err *e)
{
	auto_free struct layer_index **indexes =
	    mem_zalloc(m->layer_count, sizeof(*indexes));
	struct tree *t = tree_new();
	struct audit *a = NULL;
	size_t i;
	int r;

	if (m->kind != OCI_IMAGE)
		r = err_set(e, ERR_UNSUPPORTED, "not a container image");
	else
		r = read_tree(in, m, indexes, t, e);
	if (r == 0) {
		audit_run(t, NULL, NULL, &a);
		*status = print_audit(a);
		audit_free(a);
	}
	tree_free(t);
	for (i = 0; i < m->layer_count; i++)
		if (indexes[i] != NULL)
			layer_index_free(indexes[i]);
	return r;
}

static int
audit_layout(const struct layout *layout, const char *platform, int *status,
    struct err *e)
{
	auto_oci_manifest struct oci_manifest *child = NULL;
	struct input in = {0};
	int r;

	if (input_open(layout, &platform, platform != NULL, &in, e) == -1)
		return -1;
	if (in.chosen_count == 0)
		r = audit_image(&in, in.top, status, e);
	else
		r = input_read_child(&in, in.chosen[0], &child, e);
	if (r == 0 && child != NULL)
		r = audit_image(&in, child, status, e);
	input_clear(&in);
	return r;
}

int
command_audit(int argc, char **argv)
{
	const char *platform = NULL;
	struct layout layout = {0};
	int c, status = CLI_OK;
	struct err e;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'p')
			return cli_usage("audit");
		platform = optarg;
	}
	if (optind != argc - 1)
		return cli_usage("audit");
	if (layout_parse(argv[optind], &layout, &e) == -1 ||
	    audit_layout(&layout, platform, &status, &e) == -1)
		status = cli_fail("audit", &e);
	layout_clear(&layout);
	return status;
}
