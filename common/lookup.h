/*
 * lookup: where a container finds a program, as execvp(3) does, among the
 * nodes that are kept.
 */
#ifndef WINNOW_LOOKUP_H
#define WINNOW_LOOKUP_H

#include <stdbool.h>

#include "winnow/tree.h"

struct lookup {
	const struct tree *tree;
	bool (*keeps)(const void *arg, const struct tree_node *n);
	const void *arg;
	const char *dirs; /* PATH; NULL means what runtimes use then */
	const char *workdir; /* for relative names */
};

struct lookup_result {
	const struct tree_node *node; /* kept and executable, or NULL */
	const struct tree_node *lost; /* there, but it or a link that leads
					 to it is not kept; or NULL */
	char *lost_path; /* by which it was found; the caller frees */
};

/* True for a regular file with an execute bit. */
bool lookup_is_executable(const struct tree_node *n);

void lookup_program(
    const struct lookup *l, const char *name, struct lookup_result *out);
void lookup_clear(struct lookup_result *r);

#endif
