/* winnow audit: what in an image helps an intruder. */
#include <stdio.h>

#include "cli.h"
#include "view.h"
#include "winnow/audit.h"
#include "winnow/limits.h"
#include "winnow/path.h"
#include "winnow/strbuf.h"

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

int
command_audit(const struct options *o)
{
	struct audit *a = NULL;
	int status = CLI_OK;
	struct view v;
	struct err e;

	if (view_open(o->operands[0], o->platform, o, &v, &e) == -1) {
		status = cli_fail("audit", &e);
	} else {
		audit_run(v.tree, NULL, NULL, &a);
		status = print_audit(a);
		audit_free(a);
	}
	view_clear(&v);
	return status;
}
