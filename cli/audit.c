/* winnow audit: what in an image helps an intruder. */
#include <stdio.h>

#include "cli.h"
#include "view.h"
#include "winnow/audit.h"
#include "winnow/json.h"
#include "winnow/path.h"
#include "winnow/strbuf.h"

/* Findings of one category that are listed without --all. */
#define LISTED 10

static void
print_finding(const struct audit_finding *f)
{
	auto_strbuf struct strbuf text;

	strbuf_init(&text, SIZE_MAX);
	strbuf_add_format(&text, "%-16s ", audit_category_name(f->category));
	audit_where(f, &text);
	if (f->detail != NULL) {
		strbuf_add_string(&text, ": ");
		path_escape(f->detail, &text);
	}
	if (f->excused != NULL) {
		strbuf_add_string(&text, " (excused: ");
		path_escape(f->excused, &text);
		strbuf_add_char(&text, ')');
	}
	if (f->fatal)
		strbuf_add_string(&text, " (forbidden)");
	puts(strbuf_string(&text));
}

/* Prints the findings of one category. */
static void
print_category(const struct audit *a, enum audit_category category, bool all)
{
	size_t i, count = 0;

	for (i = 0; i < a->count; i++)
		if (a->findings[i].category == category &&
		    (++count <= LISTED || all))
			print_finding(&a->findings[i]);
	if (count > LISTED && !all)
		printf("%-16s and %zu more (--all lists them)\n",
		    audit_category_name(category), count - LISTED);
}

/* Prints the findings, and the verdict. */
static void
print_audit(const struct audit *a, bool all)
{
	auto_strbuf struct strbuf verdict;
	int category;

	strbuf_init(&verdict, SIZE_MAX);
	for (category = 0; category < AUDIT_CATEGORIES; category++)
		print_category(a, (enum audit_category)category, all);
	audit_verdict(a, &verdict);
	printf("%sdistroless: %s\n", a->count > 0 ? "\n" : "",
	    strbuf_string(&verdict));
}

static int
audit_view(
    const struct view *v, const struct policy *p, const struct options *o)
{
	auto_audit struct audit *a = NULL;
	auto_json json_t *object = NULL;

	audit_run(v->tree, NULL, p, v->config, &a);
	if (o->json) {
		object = audit_json(a);
		cli_print_json(object);
	} else {
		print_audit(a, o->all);
	}
	return audit_is_distroless(a) && !a->fatal ? CLI_OK : CLI_FINDINGS;
}

int
command_audit(const struct options *o)
{
	auto_policy struct policy *policy = NULL;
	int status;
	struct view v = {0};
	struct err e;

	if (o->policy_count > 0 &&
	    cli_load_policy(o->policies[0], o->sets_dir, &policy, &e) == -1)
		return cli_fail("audit", &e);
	if (view_open(o->operands[0], o->platform, o, &v, &e) == -1)
		status = cli_fail("audit", &e);
	else
		status = audit_view(&v, policy, o);
	view_clear(&v);
	return status;
}
