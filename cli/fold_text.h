/*
 * fold_text: the lines of a folded tree on a terminal or in a pipe.
 */
#ifndef WINNOW_CLI_FOLD_TEXT_H
#define WINNOW_CLI_FOLD_TEXT_H

#include "fold.h"
#include "term.h"
#include "winnow/tree.h"

/* What a line says beside the tree's shape. */
struct fold_line {
	char mark; /* '+', '-' or '~' */
	enum term_style style;
	uint64_t columns[2]; /* sizes */
	bool shown[2]; /* blank where false */
	const struct tree_node *first; /* where the name begins */
	const struct tree_node *node;
	bool directory;
	const char *note; /* behind the name; "" for none */
};

void fold_print_line(const struct fold_row *row, const struct fold_line *line);

#endif
