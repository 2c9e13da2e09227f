#include "fold_text.h"

#include <stdio.h>

#include "winnow/limits.h"
#include "winnow/num.h"
#include "winnow/path.h"

/* A size, or blanks where there is nothing. */
static void
print_size(uint64_t bytes, bool shown, enum term_style style)
{
	char buf[32];

	printf("%s%11s%s", term_style(style),
	    shown ? num_format_size(bytes, buf) : "", term_style(TERM_PLAIN));
}

static void
print_branches(const struct fold_row *row)
{
	size_t i;

	for (i = 1; i < row->level; i++)
		fputs(
		    term_branch(row->last[i] ? TERM_EMPTY : TERM_PASS), stdout);
	if (row->level > 0)
		fputs(term_branch(
			  row->last[row->level] ? TERM_LAST : TERM_BRANCH),
		    stdout);
}

/* The names from `first` to `node`; the whole path at the top. */
static void
add_name(const struct fold_row *row, const struct fold_line *line,
    struct strbuf *out)
{
	auto_strbuf struct strbuf path, up;
	const char *name;

	strbuf_init(&path, LIMIT_PATH + 1);
	strbuf_init(&up, LIMIT_PATH + 1);
	tree_node_path(line->node, &path);
	name = strbuf_string(&path);
	if (row->level == 0) {
		strbuf_add_char(out, '/');
	} else {
		tree_node_path(line->first, &up);
		name += path_base(strbuf_string(&up)) - strbuf_string(&up);
	}
	path_escape(name, out);
	if (line->directory && *name != '\0')
		strbuf_add_char(out, '/');
}

void
fold_print_line(const struct fold_row *row, const struct fold_line *line)
{
	auto_strbuf struct strbuf name;

	strbuf_init(&name, SIZE_MAX);
	if (row->group > 0)
		strbuf_add_format(&name, "%u more", row->group);
	else
		add_name(row, line, &name);
	print_size(line->columns[0], line->shown[0], TERM_KEPT);
	print_size(line->columns[1], line->shown[1], TERM_GONE);
	printf("  %s%c%s ", term_style(line->style), line->mark,
	    term_style(TERM_PLAIN));
	print_branches(row);
	printf("%s%s%s%s%s%s%s\n", term_style(line->style),
	    strbuf_string(&name), term_style(TERM_PLAIN), term_style(TERM_DIM),
	    line->note[0] != '\0' ? "  " : "", line->note,
	    term_style(TERM_PLAIN));
}
