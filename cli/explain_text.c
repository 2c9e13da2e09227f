/* What is known of a path, for a reader. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "explain.h"
#include "nearest.h"
#include "term.h"
#include "winnow/limits.h"
#include "winnow/num.h"
#include "winnow/path.h"

/* How much is shown of the command that made a layer. */
#define CREATED_BY_WIDTH 60

/* "    LABEL        text". */
static void __attribute__((format(printf, 2, 3)))
print_line(const char *label, const char *fmt, ...)
{
	va_list ap;

	printf("    %s%-12s%s ", term_style(TERM_DIM), label,
	    term_style(TERM_PLAIN));
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static void
print_rule(const char *label, const struct policy_rule *rule, const char *verb,
    const char *more)
{
	print_line(label, "%s %s %s%s%s", rule->origin, verb,
	    rule->kind == POLICY_PACKAGE ? "package " : "", rule->text, more);
}

const char *
explain_relation(const struct tree_node *n, const struct selection_node *node)
{
	if (node->preloaded != NULL)
		return node->preloaded[0] == '/'
		    ? "named by " CLOSURE_PRELOAD_FILE ", needed by"
		    : "named by LD_PRELOAD, needed by";
	if (node->reason == SELECTION_NEEDED)
		return "needed by";
	if (node->reason == SELECTION_LINK)
		return "target of";
	return tree_node_type(n) == ENTRY_SYMLINK ? "on the way to"
						  : "parent of";
}

/* The chain from a kept node down to what needs no other. */
static void
print_chain(const struct preview *p, const struct tree_node *n)
{
	const struct selection_node *node = &p->selection->nodes[n->number];
	const char *label = "kept";

	for (; node->by != NULL; label = "") {
		auto_strbuf struct strbuf by;

		strbuf_init(&by, SIZE_MAX);
		tree_show_path(node->by, &by);
		print_line(label, "%s %s", explain_relation(n, node),
		    strbuf_string(&by));
		n = node->by;
		node = &p->selection->nodes[n->number];
	}
	if (node->reason == SELECTION_RULE)
		print_rule(label, &p->policy->keep[node->rule], "keep", "");
	else if (node->reason == SELECTION_DATABASE)
		print_line(label, "system and package data%s",
		    node->content != NULL ? ", cut to what is kept" : "");
	else
		print_line(label, "a directory of the image's config");
}

/* The rule that comes nearest, and how near. */
static void
print_nearest(const struct preview *p, const struct facts *f)
{
	auto_strbuf struct strbuf agrees, note;
	const struct policy_rule *rule;

	strbuf_init(&agrees, LIMIT_PATH + 1);
	strbuf_init(&note, SIZE_MAX);
	rule = nearest_rule(
	    p->view->tree, p->policy, strbuf_string(&f->path), &agrees);
	if (rule == NULL) {
		print_line("nearest rule", "none comes near");
		return;
	}
	strbuf_add_string(&note, " (agrees as far as /");
	path_escape(strbuf_string(&agrees), &note);
	strbuf_add_char(&note, ')');
	print_rule("nearest rule", rule, "keep", strbuf_string(&note));
}

/* Why a node is removed, and what would keep it. */
static void
print_removed(const struct preview *p, const struct facts *f)
{
	const struct selection_node *node =
	    &p->selection->nodes[f->node->number];
	auto_strbuf struct strbuf path;

	strbuf_init(&path, SIZE_MAX);
	if (node->dropped != 0) {
		print_rule(
		    "removed", &p->policy->drop[node->dropped - 1], "drop", "");
		if (node->denied != 0)
			print_rule("in spite of",
			    &p->policy->keep[node->denied - 1], "keep", "");
		else
			print_line("", "and no keep rule names it");
		return;
	}
	print_line("removed", "no rule names it, and nothing kept needs it");
	print_nearest(p, f);
	tree_show_path(f->node, &path);
	print_line("to keep it", "- %s%s", strbuf_string(&path),
	    tree_node_type(f->node) == ENTRY_DIRECTORY ? "/**" : "");
	if (f->package >= 0)
		print_line("or", "- package: %s",
		    pkgdb_name(p->selection->packages, (size_t)f->package));
}

/* Type, size, owner, mode; where a link leads. */
static void
print_kind(const struct preview *p, const struct facts *f)
{
	const struct layer_entry *entry = f->node->entry;
	const struct tree_node *to;
	auto_strbuf struct strbuf text;
	uint64_t files, kept;
	char size[32];

	strbuf_init(&text, SIZE_MAX);
	strbuf_add_string(&text, entry_type_name(tree_node_type(f->node)));
	if (tree_node_type(f->node) == ENTRY_SYMLINK) {
		strbuf_add_string(&text, " to ");
		path_escape(entry->link, &text);
		to = tree_follow(p->view->tree, f->node);
		if (to == NULL) {
			strbuf_add_string(&text, ", which leads nowhere");
		} else {
			strbuf_add_string(&text, ", that is ");
			tree_show_path(to, &text);
		}
	} else if (tree_node_type(f->node) == ENTRY_DIRECTORY) {
		facts_count(p, f->node, &files, &kept);
		if (files == 0)
			strbuf_add_string(&text, ", no files below");
		else
			strbuf_add_format(&text,
			    ", %" PRIu64 " of the %" PRIu64
			    " files below are kept",
			    kept, files);
	} else {
		strbuf_add_format(
		    &text, ", %s", num_format_size(entry->size, size));
	}
	if (entry != NULL && entry->type != ENTRY_SYMLINK)
		strbuf_add_format(&text,
		    ", mode %04o, owner %" PRIu64 ":%" PRIu64, entry->mode,
		    entry->uid, entry->gid);
	print_line("is a", "%s", strbuf_string(&text));
}

static void
print_layer(const struct preview *p, const char *label, uint32_t layer,
    const char *what)
{
	auto_strbuf struct strbuf by;

	strbuf_init(&by, SIZE_MAX);
	path_escape(facts_created_by(p->view, layer), &by);
	if (by.len > CREATED_BY_WIDTH) {
		strbuf_truncate(&by, CREATED_BY_WIDTH);
		strbuf_add_string(&by, "...");
	}
	print_line(label, "%u of %u%s%s%s", layer + 1,
	    tree_layers(p->view->tree), what, by.len > 0 ? ": " : "",
	    strbuf_string(&by));
}

const char *
explain_act(enum facts_act act)
{
	static const char *const names[] = {
	    [FACTS_HAS] = "has it",
	    [FACTS_DELETES] = "deletes",
	    [FACTS_HIDES] = "empties",
	    [FACTS_REPLACES] = "replaces",
	};

	return names[act];
}

/* Which layers have the path, and which take it away. */
static void
print_layers(const struct preview *p, const struct facts *f)
{
	size_t i;

	if (f->node != NULL && f->event_count < 2) {
		if (f->node->entry != NULL)
			print_layer(p, "layer", f->node->layer, "");
		return;
	}
	for (i = 0; i < f->event_count; i++) {
		const struct facts_event *event = &f->events[i];
		auto_strbuf struct strbuf what;

		strbuf_init(&what, SIZE_MAX);
		strbuf_add_format(&what, " %s", explain_act(event->act));
		if (event->act != FACTS_HAS) {
			strbuf_add_string(&what, " /");
			path_escape(event->entry->path, &what);
		}
		print_layer(p, "layer", event->layer, strbuf_string(&what));
	}
}

/* Where the way to what is not in the image ends. */
static void
print_missing(const struct preview *p, const struct facts *f)
{
	const struct policy_rule *rule =
	    nearest_naming(p->view->tree, p->policy, strbuf_string(&f->path));
	auto_strbuf struct strbuf text, names;
	size_t i;

	strbuf_init(&text, SIZE_MAX);
	strbuf_init(&names, SIZE_MAX);
	tree_show_path(f->last, &text);
	if (f->missing != NULL) {
		path_escape(f->missing, &names);
		print_line("not there", "%s has no %s", strbuf_string(&text),
		    strbuf_string(&names));
	} else if (tree_node_type(f->last) == ENTRY_SYMLINK) {
		path_escape(f->last->entry->link, &names);
		print_line("not there",
		    "%s is a symbolic link to %s, which "
		    "leads nowhere",
		    strbuf_string(&text), strbuf_string(&names));
	} else {
		print_line(
		    "not there", "%s is no directory", strbuf_string(&text));
	}
	strbuf_reset(&names);
	for (i = 0; i < f->similar_count; i++) {
		strbuf_add_string(&names, i > 0 ? " " : "");
		tree_show_path(f->similar[i], &names);
	}
	if (f->similar_count > 0)
		print_line("there is", "%s", strbuf_string(&names));
	if (rule != NULL)
		print_rule("named by", rule, "keep", "");
	else
		print_nearest(p, f);
}

void
explain_print(const struct preview *p, const struct facts *f)
{
	auto_strbuf struct strbuf asked, real;

	strbuf_init(&asked, SIZE_MAX);
	strbuf_init(&real, SIZE_MAX);
	path_escape(f->asked, &asked);
	printf("%s%s%s\n", term_style(TERM_BOLD), strbuf_string(&asked),
	    term_style(TERM_PLAIN));
	if (f->node == NULL) {
		print_missing(p, f);
		print_layers(p, f);
		return;
	}
	tree_show_path(f->node, &real);
	if (selection_keeps(p->selection, f->node))
		print_chain(p, f->node);
	else
		print_removed(p, f);
	if (strcmp(strbuf_string(&real), strbuf_string(&asked)) != 0)
		print_line("lies at", "%s", strbuf_string(&real));
	print_kind(p, f);
	if (f->package >= 0)
		print_line("package", "%s %s",
		    pkgdb_name(p->selection->packages, (size_t)f->package),
		    pkgdb_version(p->selection->packages, (size_t)f->package));
	print_layers(p, f);
}
