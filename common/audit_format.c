/* Findings and the verdict in words and as JSON. */
#include <string.h>

#include "winnow/audit.h"
#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/path.h"

/* Findings of one category that the verdict names. */
#define VERDICT_PATHS 3

void
audit_where(const struct audit_finding *f, struct strbuf *out)
{
	if (f->node == NULL)
		strbuf_add_format(out, "config.%s", f->member);
	else
		tree_show_path(f->node, out);
}

/* Appends "2 shells (/bin/x: why; /bin/y)" when there are any. */
static void
add_reasons(const struct audit *a, enum audit_category category,
    const char *noun, struct strbuf *out)
{
	const char *between =
	    out->len > 0 && out->data[out->len - 1] == ')' ? ", " : "";
	size_t i, count = 0, named = 0;

	for (i = 0; i < a->count; i++)
		count += a->findings[i].category == category;
	if (count == 0)
		return;
	strbuf_add_format(
	    out, "%s%zu %s%s (", between, count, noun, count == 1 ? "" : "s");
	for (i = 0; i < a->count && named < VERDICT_PATHS; i++) {
		const struct audit_finding *f = &a->findings[i];

		if (f->category != category)
			continue;
		strbuf_add_string(out, named++ == 0 ? "" : "; ");
		audit_where(f, out);
		if (f->detail != NULL) {
			strbuf_add_string(out, ": ");
			path_escape(f->detail, out);
		}
	}
	strbuf_add_string(out, count > named ? "; ...)" : ")");
}

void
audit_verdict(const struct audit *a, struct strbuf *out)
{
	strbuf_reset(out);
	if (audit_is_distroless(a)) {
		strbuf_add_string(out, "yes");
		if (audit_count(a, AUDIT_PACKED) == 0)
			return;
		strbuf_add_string(out, ", but for ");
		add_reasons(a, AUDIT_PACKED, "packed executable", out);
		return;
	}
	strbuf_add_string(out, "no: ");
	add_reasons(a, AUDIT_SHELL, "shell", out);
	add_reasons(a, AUDIT_PACKAGE_MANAGER, "package manager", out);
}

static json_t *
make_finding(const struct audit_finding *f)
{
	auto_strbuf struct strbuf path;
	json_t *object = json_object();

	strbuf_init(&path, LIMIT_PATH + 1);
	json_put(
	    object, "category", json_string(audit_category_name(f->category)));
	if (f->node != NULL) {
		tree_node_path(f->node, &path);
		json_put(object, "path", json_escaped(strbuf_string(&path)));
	} else {
		json_put(object, "config", json_string(f->member));
	}
	if (f->detail != NULL)
		json_put(object, "detail", json_escaped(f->detail));
	if (f->excused != NULL)
		json_put(object, "excused", json_escaped(f->excused));
	return object;
}

json_t *
audit_json(const struct audit *a)
{
	json_t *object = json_object(), *findings = json_array();
	auto_strbuf struct strbuf verdict;
	size_t i;

	strbuf_init(&verdict, SIZE_MAX);
	audit_verdict(a, &verdict);
	json_put(object, "distroless", json_boolean(audit_is_distroless(a)));
	json_put(object, "verdict", json_escaped(strbuf_string(&verdict)));
	for (i = 0; i < a->count; i++)
		json_push(findings, make_finding(&a->findings[i]));
	json_put(object, "findings", findings);
	return object;
}
