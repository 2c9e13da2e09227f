/*
 * selection_tally: how many files and bytes, each hard link counted once.
 */
#ifndef WINNOW_SELECTION_TALLY_H
#define WINNOW_SELECTION_TALLY_H

#include <stdint.h>

#include "winnow/selection.h"

/* Files (no directories), and their bytes. */
struct tally {
	uint64_t files;
	uint64_t bytes;
};

/*
 * Marks the nodes whose bytes count with another name of the same file: the
 * first of the names that are kept (NULL: all are) counts, else the first.
 * By node number; the caller frees.
 */
bool *selection_mark_repeated(const struct tree *t, const bool *kept);

/*
 * Counts a node unless it is a directory, as it is in the source or, with a
 * selection, in the variant.
 */
void tally_node(struct tally *t, const struct selection *s,
    const struct tree_node *n, const bool *repeated);

/*
 * The keep rule that a node is kept for in the end, along the chain of what
 * needs it; the number of rules when it is no rule's.
 */
size_t selection_rule_of(const struct selection *s, const struct tree_node *n);

#endif
