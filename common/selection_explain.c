#include <stdlib.h>

#include "selection_private.h"
#include "winnow/limits.h"
#include "winnow/path.h"

char *
selection_show_path(const struct tree_node *n)
{
	auto_strbuf struct strbuf path, shown;

	strbuf_init(&path, LIMIT_PATH);
	strbuf_init(&shown, 4 * LIMIT_PATH);
	tree_node_path(n, &path);
	path_escape(strbuf_string(&path), &shown);
	strbuf_add(&shown, "", 0);
	return strbuf_steal(&shown);
}

static void
add_rule(const struct policy_rule *rule, const char *verb, struct strbuf *out)
{
	strbuf_add_format(out, "%s %s %s%s", rule->origin, verb,
	    rule->kind == POLICY_PACKAGE ? "package " : "", rule->text);
}

/* How `by` explains the node, up to its path. */
static const char *
relation(const struct tree_node *n, const struct selection_node *node)
{
	if (node->reason == SELECTION_NEEDED)
		return "needed by ";
	if (node->reason == SELECTION_LINK)
		return "target of the link ";
	return tree_node_type(n) == ENTRY_SYMLINK ? "link on the way to "
						  : "parent of ";
}

/* A reason that needs no other node. */
static void
add_reason(const struct selection *s, const struct selection_node *node,
    struct strbuf *out)
{
	if (node->reason == SELECTION_RULE) {
		add_rule(&s->policy->keep[node->rule], "keep", out);
	} else if (node->reason == SELECTION_DATABASE) {
		strbuf_add_string(out, "system and package data");
	} else if (node->reason == SELECTION_CONFIG) {
		strbuf_add_string(out, "directory of the image's config");
	} else if (node->dropped != 0) {
		strbuf_add_string(out, "dropped by ");
		add_rule(&s->policy->drop[node->dropped - 1], "drop", out);
	} else {
		strbuf_add_string(out, "not kept");
	}
}

void
selection_explain(
    const struct selection *s, const struct tree_node *n, struct strbuf *out)
{
	const struct selection_node *node = &s->nodes[n->number];
	size_t open = 0;

	/* `by` was kept before what it explains, so this ends. */
	while (node->by != NULL) {
		auto_free char *path = selection_show_path(node->by);

		if (node->preloaded != NULL)
			strbuf_add_format(
			    out, "named by %s, ", node->preloaded);
		strbuf_add_format(out, "%s%s (", relation(n, node), path);
		open++;
		n = node->by;
		node = &s->nodes[n->number];
	}
	add_reason(s, node, out);
	while (open-- > 0)
		strbuf_add_char(out, ')');
}
