/*
 * term: what standard output can show: colours on a terminal that has them
 * (not with NO_COLOR), lines that are drawn where the locale is UTF-8.
 */
#ifndef WINNOW_CLI_TERM_H
#define WINNOW_CLI_TERM_H

enum term_style {
	TERM_PLAIN, /* back to normal */
	TERM_KEPT, /* green: kept, added */
	TERM_GONE, /* red: removed */
	TERM_MIXED, /* yellow: partly, changed, a warning */
	TERM_DIM,
	TERM_BOLD,
	TERM_STYLES
};

/* The sequence that switches to a style, or "". */
const char *term_style(enum term_style style);

/* The pieces that a tree is drawn with, each as wide as four characters. */
enum term_branch { TERM_BRANCH, TERM_LAST, TERM_PASS, TERM_EMPTY };
const char *term_branch(enum term_branch branch);

#endif
