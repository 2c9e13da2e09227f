#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fold_text.h"
#include "image_config.h"
#include "plan.h"
#include "term.h"
#include "winnow/json.h"
#include "winnow/mem.h"
#include "winnow/num.h"
#include "winnow/path.h"

/* The lines of one tree. */
struct lines {
	const struct plan *plan;
	uint32_t top;
};

/* Why the one file of a line is kept, in few words. */
static void
add_reason(const struct plan *plan, uint32_t number, struct strbuf *out)
{
	const struct selection_node *node =
	    &plan->preview->selection->nodes[number];
	auto_strbuf struct strbuf by;

	strbuf_init(&by, SIZE_MAX);
	if (node->by != NULL) {
		auto_free char *name =
		    mem_strndup(node->by->name, node->by->name_len);

		path_escape(name, &by);
	}
	if (node->preloaded != NULL)
		strbuf_add_format(out, "named by %s, ", node->preloaded);
	if (node->reason == SELECTION_NEEDED)
		strbuf_add_format(out, "needed by %s", strbuf_string(&by));
	else if (node->reason == SELECTION_LINK)
		strbuf_add_format(out, "%s leads here", strbuf_string(&by));
	else if (node->reason == SELECTION_PARENT)
		strbuf_add_format(out, "on the way to %s", strbuf_string(&by));
	else if (node->reason == SELECTION_DATABASE)
		strbuf_add_string(out,
		    node->content != NULL ? "cut to what is kept"
					  : "system and package data");
	else if (node->reason == SELECTION_CONFIG)
		strbuf_add_string(out, "the config needs it");
	else
		plan_add_cause(plan, plan->causes[number], out);
}

/* What stands behind a name: why, or how many files. */
static void
add_note(
    const struct plan *plan, const struct fold_row *row, struct strbuf *out)
{
	const struct fold_node *n = &plan->fold.nodes[row->node];
	uint64_t kept = row->sums.files[PLAN_KEPT];
	uint64_t all = kept + row->sums.files[PLAN_REMOVED];
	auto_strbuf struct strbuf why;

	strbuf_init(&why, SIZE_MAX);
	if (row->group > 0 || !fold_is_uniform(&row->sums))
		;
	else if (!n->directory || n->end == row->node + 1)
		add_reason(plan, row->node, &why);
	else
		plan_add_cause(plan, plan->causes[row->node], &why);
	if (n->directory && row->group == 0) {
		if (fold_is_uniform(&row->sums) && all != 1)
			strbuf_add_format(out, "%" PRIu64 " files", all);
		else if (!fold_is_uniform(&row->sums))
			strbuf_add_format(
			    out, "%" PRIu64 " of %" PRIu64 " files", kept, all);
	}
	if (why.len > 0)
		strbuf_add_format(
		    out, "%s%s", out->len > 0 ? ", " : "", strbuf_string(&why));
}

static void
print_row(void *arg, const struct fold_row *row)
{
	const struct plan *plan = ((struct lines *)arg)->plan;
	const struct tree *t = plan->preview->view->tree;
	const struct fold_sums *s = &row->sums;
	bool kept = s->classes & (1u << PLAN_KEPT);
	bool removed = s->classes & (1u << PLAN_REMOVED);
	auto_strbuf struct strbuf note;
	struct fold_line line = {
	    .mark = '~',
	    .style = TERM_MIXED,
	    .columns = {s->bytes[PLAN_KEPT], s->bytes[PLAN_REMOVED]},
	    .shown = {kept && (!removed || s->files[PLAN_KEPT] > 0),
		removed || s->bytes[PLAN_REMOVED] > 0},
	    .first = tree_at(t, row->first),
	    .node = tree_at(t, row->node),
	    .directory = plan->fold.nodes[row->node].directory,
	};

	strbuf_init(&note, SIZE_MAX);
	add_note(plan, row, &note);
	line.note = strbuf_string(&note);
	if (!removed) {
		line.mark = '+';
		line.style = TERM_KEPT;
	} else if (!kept) {
		line.mark = '-';
		line.style = TERM_GONE;
	}
	fold_print_line(row, &line);
}

static void
print_tree(const struct plan *plan, const struct options *o, uint32_t top)
{
	struct lines lines = {.plan = plan, .top = top};
	const struct fold_options fold = plan_fold_options(plan, o, top);

	printf("%s       kept    removed%s\n", term_style(TERM_BOLD),
	    term_style(TERM_PLAIN));
	fold_walk(&plan->fold, top, &fold, print_row, &lines);
	putchar('\n');
}

/* Files and bytes in two columns, or blanks. */
static void
print_tally(const struct tally *t)
{
	char buf[32];

	if (t->files == 0)
		printf("%8s %11s", "", "");
	else
		printf("%8" PRIu64 " %11s", t->files,
		    num_format_size(t->bytes, buf));
}

static void
print_rule(const struct policy_rule *rule, const char *verb)
{
	printf("   %s %s %s%s\n", rule->origin, verb,
	    rule->kind == POLICY_PACKAGE ? "package " : "", rule->text);
}

/* Adds up the keep rules from `i` on that are of the same set. */
static size_t
sum_set(const struct plan *plan, size_t i, struct plan_rule *sum)
{
	const struct policy *p = plan->preview->policy;
	size_t len = strcspn(p->keep[i].origin, ":"), first = i;

	*sum = (struct plan_rule){0};
	for (; i < p->keep_count && p->keep[i].from_set &&
	     strncmp(p->keep[i].origin, p->keep[first].origin, len + 1) == 0;
	     i++) {
		sum->own.files += plan->rules[i].own.files;
		sum->own.bytes += plan->rules[i].own.bytes;
		sum->brought.files += plan->rules[i].brought.files;
		sum->brought.bytes += plan->rules[i].brought.bytes;
	}
	return i - first;
}

/* The line of a keep rule of the policy itself. */
static void
print_keep(const struct plan *plan, size_t i)
{
	const struct plan_rule *r = &plan->rules[i];
	bool idle = plan->preview->selection->rule_matches[i] == 0;

	fputs(term_style(idle ? TERM_MIXED : TERM_PLAIN), stdout);
	if (idle || r->own.files + r->brought.files > 0)
		print_tally(&r->own);
	else
		printf("%8s %11s", "", "directory");
	print_tally(&r->brought);
	print_rule(&plan->preview->policy->keep[i],
	    idle ? "keep, for nothing:" : "keep");
	fputs(term_style(TERM_PLAIN), stdout);
}

/* The keep rules; those of a set are one line, but with --depth 0. */
static void
print_keeps(const struct plan *plan, const struct options *o)
{
	const struct policy *p = plan->preview->policy;
	struct plan_rule sum;
	size_t i, rules;

	for (i = 0; i < p->keep_count; i += rules) {
		rules = 1;
		if (!p->keep[i].from_set || o->depth == 0) {
			print_keep(plan, i);
			continue;
		}
		rules = sum_set(plan, i, &sum);
		print_tally(&sum.own);
		print_tally(&sum.brought);
		printf("   %.*s, %zu rules\n",
		    (int)strcspn(p->keep[i].origin, ":"), p->keep[i].origin,
		    rules);
	}
}

/* What each rule costs. */
static void
print_rules(const struct plan *plan, const struct options *o)
{
	const struct policy *p = plan->preview->policy;
	static const struct tally nothing;
	size_t i;

	printf("%s   files        size  brings        size   rule%s\n",
	    term_style(TERM_BOLD), term_style(TERM_PLAIN));
	print_keeps(plan, o);
	if (plan->rules[p->keep_count].brought.files > 0) {
		print_tally(&nothing);
		print_tally(&plan->rules[p->keep_count].brought);
		printf(
		    "   system and package data, the config's directories\n");
	}
	for (i = 0; i < p->drop_count; i++) {
		bool idle = plan->drops[i].files == 0;

		if (idle && p->drop[i].from_set)
			continue;
		fputs(term_style(idle ? TERM_MIXED : TERM_GONE), stdout);
		print_tally(&plan->drops[i]);
		print_tally(&nothing);
		print_rule(
		    &p->drop[i], idle ? "drop, of nothing kept:" : "drop");
		fputs(term_style(TERM_PLAIN), stdout);
	}
	putchar('\n');
}

static void
print_reasons(const struct plan *plan)
{
	static const char *const names[PLAN_REASONS] = {
	    [SELECTION_RULE] = "a rule names it",
	    [SELECTION_NEEDED] = "a kept program or library needs it",
	    [SELECTION_LINK] = "a kept link leads to it",
	    [SELECTION_PARENT] = "a link on the way to what is kept",
	    [SELECTION_DATABASE] = "system and package data",
	    [SELECTION_CONFIG] = "the config needs it",
	};
	int i;

	printf("%s   files        size   kept because%s\n",
	    term_style(TERM_BOLD), term_style(TERM_PLAIN));
	for (i = SELECTION_RULE; i < PLAN_REASONS; i++) {
		if (plan->reasons[i].files == 0)
			continue;
		print_tally(&plan->reasons[i]);
		printf("   %s\n", names[i]);
	}
	putchar('\n');
}

static void
print_notices(const struct plan *plan)
{
	json_t *each;
	size_t i;

	json_array_foreach(plan->hints, i, each) printf("%shint:%s %s\n",
	    term_style(TERM_MIXED), term_style(TERM_PLAIN),
	    json_string_value(json_object_get(each, "text")));
	json_array_foreach(plan->warnings, i, each)
	    printf("%swarning:%s %s\n", term_style(TERM_MIXED),
		term_style(TERM_PLAIN), json_string_value(each));
}

/* Words of a command, quoted where they would not look like one. */
static void
print_words(const json_t *words, size_t from)
{
	size_t i;
	json_t *each;

	json_array_foreach(words, i, each)
	{
		auto_json json_t *word = json_escaped(json_string_value(each));
		const char *text = json_string_value(word);
		const char *quote =
		    *text == '\0' || strchr(text, ' ') != NULL ? "\"" : "";

		if (i >= from)
			printf(" %s%s%s", quote, text, quote);
	}
}

static void
print_user(const char *user)
{
	auto_json json_t *text = json_escaped(*user == '\0' ? "root" : user);

	printf(" as %s\n", json_string_value(text));
}

/* What the source starts, where the policy has changed that. */
static void
print_original(const struct preview *p)
{
	static const char *const members[] = {"Entrypoint", "Cmd"};
	const json_t *config = p->view->config;
	const char *user = image_config_string(config, "User");
	bool same = strcmp(user, image_config_string(p->config, "User")) == 0;
	size_t i;

	for (i = 0; i < 2; i++) {
		const json_t *a = image_config_list(config, members[i]);
		const json_t *b = image_config_list(p->config, members[i]);

		same = same && (a == b || json_equal(a, b));
	}
	if (same)
		return;
	printf("instead of");
	for (i = 0; i < 2; i++)
		print_words(image_config_list(config, members[i]), 0);
	print_user(user);
}

static void
print_startup(const struct plan *plan)
{
	const char *program =
	    json_string_value(json_object_get(plan->startup, "program"));

	if (program == NULL)
		return;
	printf("starts     /%s", program);
	print_words(json_object_get(plan->startup, "command"), 1);
	print_user(image_config_string(plan->preview->config, "User"));
	print_original(plan->preview);
}

/* The last lines: what one looks for first. */
static void
print_verdict(const struct plan *plan)
{
	const struct fold_sums *s = &plan->fold.nodes[0].sums;
	uint64_t kept = s->bytes[PLAN_KEPT];
	uint64_t all = kept + s->bytes[PLAN_REMOVED];
	char a[32], b[32];

	printf("kept       %s of %s (%.1f %%), %" PRIu64 " of %" PRIu64
	       " files, %zu of %zu packages\n",
	    num_format_size(kept, a), num_format_size(all, b),
	    all > 0 ? 100 * (double)kept / (double)all : 100.0,
	    s->files[PLAN_KEPT], s->files[PLAN_KEPT] + s->files[PLAN_REMOVED],
	    plan_packages_kept(plan),
	    pkgdb_count(plan->preview->selection->packages));
	print_startup(plan);
	printf(
	    "distroless %s\n", audit_is_distroless(plan->audit) ? "yes" : "no");
}

static void
print_header(const struct plan *plan)
{
	const struct view *v = plan->preview->view;
	auto_free char *platform = view_platform(v);

	printf("%s%s%s (%s) with %s\n\n", term_style(TERM_BOLD),
	    source_name(v->input.source), term_style(TERM_PLAIN), platform,
	    plan->preview->policy->file);
}

int
plan_print_text(const struct plan *plan, const struct options *o, struct err *e)
{
	auto_free uint32_t *tops = NULL;
	size_t count, i;

	if (plan_tops(plan, o, &tops, &count, e) == -1)
		return -1;
	print_header(plan);
	for (i = 0; i < count; i++)
		print_tree(plan, o, tops[i]);
	if (o->operand_count > 1)
		return 0;
	print_rules(plan, o);
	print_reasons(plan);
	print_notices(plan);
	print_verdict(plan);
	return 0;
}
