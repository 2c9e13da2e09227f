/*
 * fold: a tree of files of which each is of one class (kept or removed; added,
 * removed, changed or the same), shown in few lines: a directory whose files
 * are all of one class is one line, and so are many small files.
 */
#ifndef WINNOW_CLI_FOLD_H
#define WINNOW_CLI_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FOLD_CLASSES 4

struct fold_sums {
	unsigned classes; /* bits: the classes that are there */
	uint64_t files[FOLD_CLASSES]; /* by class; all but directories */
	uint64_t bytes[FOLD_CLASSES];
};

/* Filled by the caller in canonical order, but for `end`. */
struct fold_node {
	const char *name; /* borrowed; name_len bytes */
	uint32_t name_len;
	uint32_t parent; /* its number; the root is 0 and its own parent */
	uint32_t end; /* the number behind all that is below */
	bool directory;
	struct fold_sums sums; /* its own, then with all below */
};

struct fold {
	struct fold_node *nodes;
	uint32_t count;
};

/* Sets `end` and adds up `sums`. */
void fold_sum(struct fold *f);

struct fold_options {
	unsigned depth; /* of directories that are opened; 0: all are */
	unsigned hidden; /* bits of classes that are not shown */
	/* Lines of fewer bytes than this, in each class, are put together. */
	uint64_t small[FOLD_CLASSES];
};

/* One line. */
struct fold_row {
	uint32_t node; /* its number; of a group, the first */
	uint32_t first; /* where the name begins: an ancestor of `node` from
			   which single directories led here */
	uint32_t group; /* how many siblings are in this line, or 0 */
	bool opened; /* lines below it follow */
	struct fold_sums sums;
	size_t level; /* below the top, which is 0 */
	const bool *last; /* by level, from 1: the last of its siblings */
};

typedef void (*fold_row_cb)(void *arg, const struct fold_row *row);

/*
 * Calls `row` for the node `top` and the lines below it: largest first, or in
 * canonical order where depth is 0.
 */
void fold_walk(const struct fold *f, uint32_t top, const struct fold_options *o,
    fold_row_cb row, void *arg);

/* True when all is of one class. */
bool fold_is_uniform(const struct fold_sums *sums);

#endif
