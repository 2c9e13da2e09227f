#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "diff.h"
#include "fold_text.h"
#include "term.h"
#include "winnow/json.h"
#include "winnow/num.h"

/* So many differences are all listed. */
#define FEW 60
#define SMALL_PART 100

static const struct tree_node *
node_of(const struct diff *d, uint32_t number)
{
	const struct diff_file *f = &d->files[number];

	return f->node[f->node[1] != NULL];
}

static void
add_count(struct strbuf *out, uint64_t count, const char *what)
{
	if (count > 0)
		strbuf_add_format(out, "%s%" PRIu64 " %s",
		    out->len > 0 ? ", " : "", count, what);
}

/* How many of which kind; of one thing, how it changed. */
static void
add_note(const struct diff *d, const struct fold_row *row, struct strbuf *out)
{
	const struct fold_sums *s = &row->sums;
	const struct fold_node *n = &d->fold.nodes[row->node];
	uint64_t files = s->files[DIFF_ADDED] + s->files[DIFF_REMOVED];

	if (row->group == 0)
		diff_add_how(d, &d->files[row->node], out);
	if (!n->directory && row->group == 0)
		return;
	if (fold_is_uniform(s) && !(s->classes & (1u << DIFF_CHANGED))) {
		if (row->group == 0)
			add_count(out, files, files == 1 ? "file" : "files");
		return;
	}
	add_count(out, s->files[DIFF_ADDED], "added");
	add_count(out, s->files[DIFF_REMOVED], "removed");
	add_count(out,
	    s->files[DIFF_CHANGED] -
		(row->group == 0 && d->files[row->node].class == DIFF_CHANGED),
	    "changed");
}

static void
print_row(void *arg, const struct fold_row *row)
{
	const struct diff *d = arg;
	unsigned classes = row->sums.classes;
	struct fold_line line = {.mark = '~', .style = TERM_MIXED};
	auto_strbuf struct strbuf note;

	strbuf_init(&note, SIZE_MAX);
	if (classes == 1u << DIFF_ADDED) {
		line.mark = '+';
		line.style = TERM_KEPT;
	} else if (classes == 1u << DIFF_REMOVED) {
		line.mark = '-';
		line.style = TERM_GONE;
	}
	add_note(d, row, &note);
	line.columns[0] = row->sums.bytes[DIFF_ADDED];
	line.columns[1] = row->sums.bytes[DIFF_REMOVED];
	line.shown[0] = line.columns[0] > 0 || line.mark == '+';
	line.shown[1] = line.columns[1] > 0 || line.mark == '-';
	line.node = node_of(d, row->node);
	line.first = node_of(d, row->first);
	line.directory = d->fold.nodes[row->node].directory;
	line.note = strbuf_string(&note);
	fold_print_line(row, &line);
}

static void
print_side(const struct diff_side *s, const char *mark, enum term_style style)
{
	auto_free char *platform = view_platform(s->view);

	printf("%s%s %s (%s)%s%s%s\n", term_style(style), mark,
	    source_name(s->view->input.source), platform,
	    s->preview.policy != NULL ? " with " : "",
	    s->preview.policy != NULL ? s->preview.policy->file : "",
	    term_style(TERM_PLAIN));
}

static void
print_files(const struct diff *d, const struct options *o)
{
	const struct fold_sums *s = &d->fold.nodes[0].sums;
	struct fold_options fold = {
	    .depth = o->depth, .hidden = 1u << DIFF_SAME};
	uint64_t all = d->counts[DIFF_ADDED] + d->counts[DIFF_REMOVED] +
	    d->counts[DIFF_CHANGED];
	int i;

	if (s->classes == 1u << DIFF_SAME)
		return;
	for (i = 0; all > FEW && i < FOLD_CLASSES; i++)
		fold.small[i] = s->bytes[i] / SMALL_PART + 1;
	printf("\n%s      added    removed%s\n", term_style(TERM_BOLD),
	    term_style(TERM_PLAIN));
	fold_walk(&d->fold, 0, &fold, print_row, (void *)(uintptr_t)d);
}

/*
 * Text of a config, in which some bytes are escaped already: what terminals
 * obey or what hides other text is, too.
 */
static void
print_safely(const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < ' ' || c >= 0x7f)
			printf("\\x%02x", c);
		else
			putchar(c);
	}
}

/* A value as it is read: a string without quotes. */
static void
print_value(const json_t *value)
{
	auto_free char *text = NULL;

	if (json_is_string(value)) {
		print_safely(json_string_value(value));
		return;
	}
	text = json_format(value, NULL);
	print_safely(text);
}

/* One list: packages, members of the config, findings. */
static void
print_list(const char *title, const json_t *list, const char *key)
{
	const json_t *item;
	size_t i;

	if (json_array_size(list) == 0)
		return;
	printf(
	    "\n%s%s%s\n", term_style(TERM_BOLD), title, term_style(TERM_PLAIN));
	json_array_foreach(list, i, item)
	{
		const json_t *a = json_object_get(item, "a");
		const json_t *b = json_object_get(item, "b");
		bool added = json_is_null(a), removed = json_is_null(b);

		printf("  %s%c%s ",
		    term_style(added  ? TERM_KEPT
			    : removed ? TERM_GONE
				      : TERM_MIXED),
		    added         ? '+'
			: removed ? '-'
				  : '~',
		    term_style(TERM_PLAIN));
		print_safely(json_string_value(json_object_get(item, key)));
		if (!json_is_true(added ? b : a)) {
			putchar(' ');
			print_value(added ? b : a);
			if (!added && !removed) {
				fputs(" -> ", stdout);
				print_value(b);
			}
		}
		putchar('\n');
	}
}

void
diff_print_text(const struct diff *d, const struct options *o)
{
	const struct fold_sums *s = &d->fold.nodes[0].sums;
	char a[32], b[32];

	if (d->same)
		return;
	print_side(&d->sides[0], "---", TERM_GONE);
	print_side(&d->sides[1], "+++", TERM_KEPT);
	print_files(d, o);
	print_list("packages", d->packages, "name");
	print_list("config", d->config, "key");
	print_list("audit", d->audit, "finding");
	printf("\nfiles      %" PRIu64 " added, %" PRIu64 " removed, %" PRIu64
	       " changed: +%s, -%s\n",
	    d->counts[DIFF_ADDED], d->counts[DIFF_REMOVED],
	    d->counts[DIFF_CHANGED], num_format_size(s->bytes[DIFF_ADDED], a),
	    num_format_size(s->bytes[DIFF_REMOVED], b));
	printf("distroless %s%s%s\n", d->distroless[0] ? "yes" : "no",
	    d->distroless[0] == d->distroless[1] ? "" : " -> ",
	    d->distroless[0] == d->distroless[1] ? ""
		: d->distroless[1]               ? "yes"
						 : "no");
}
