/*
 * diff: two sides, each an image or what a policy keeps of one, and in what
 * they differ.
 */
#ifndef WINNOW_CLI_DIFF_H
#define WINNOW_CLI_DIFF_H

#include <jansson.h>

#include "fold.h"
#include "options.h"
#include "preview.h"

struct diff_side {
	const struct view *view; /* borrowed */
	struct preview preview; /* `selection` NULL without a policy */
	const bool *kept; /* by node number; NULL: all */
	const json_t *config; /* borrowed */
	const struct pkgdb *packages; /* borrowed */
	struct pkgdb *own_packages; /* or NULL */
};

/* The classes of the fold. */
enum diff_class { DIFF_SAME, DIFF_ADDED, DIFF_REMOVED, DIFF_CHANGED };

/* In what two files of one path differ: bits. */
enum diff_how {
	DIFF_TYPE = 1,
	DIFF_MODE = 2,
	DIFF_OWNER = 4,
	DIFF_SIZE = 8,
	DIFF_CONTENT = 16,
	DIFF_LINK = 32,
	DIFF_XATTRS = 64,
	DIFF_DEVICE = 128
};

/* One path of either side. */
struct diff_file {
	const struct tree_node *node[2]; /* NULL: the side has none */
	enum diff_class class;
	unsigned how; /* of DIFF_CHANGED */
};

struct diff {
	const struct diff_side *sides; /* two; borrowed */
	struct diff_file *files; /* in canonical order */
	struct fold fold; /* nodes by the numbers of `files` */
	uint64_t
	    counts[FOLD_CLASSES]; /* what is no directory, but for changes */
	json_t
	    *packages; /* arrays of objects: name, and a and b, the versions */
	json_t *config; /* key, a, b */
	json_t *audit; /* finding, a and b: booleans */
	bool distroless[2];
	bool same; /* no difference at all */
};

/* Opens the sides of the command line.  Both need diff_side_clear(). */
int diff_side_open(const struct view *v, struct policy *policy,
    struct diff_side *out, struct err *e);
void diff_side_clear(struct diff_side *s);

/* Compares; reads layers only for files that may differ in content alone. */
int diff_make(const struct diff_side *sides, struct diff *out, struct err *e);
void diff_clear(struct diff *d);

/* diff_files.c: fills `files`, but for what only contents tell. */
void diff_compare_files(struct diff *d);

/* What the side's policy decided about a node; NULL without one. */
const struct selection_node *
diff_selected(const struct diff_side *s, const struct tree_node *n);

/* The size of what a file holds on one side. */
uint64_t diff_size(const struct diff_side *s, const struct tree_node *n);

/*
 * diff_contents.c: compares the contents of files of which all else is known:
 * sets DIFF_CONTENT where they differ.
 */
int diff_compare_contents(struct diff *d, struct err *e);

/* diff_lists.c: fills `packages`, `config`, `audit` and `distroless`. */
void diff_compare_lists(struct diff *d);

/* The bits of `how` as a text: "mode 0644 -> 0755, content", appended. */
void diff_add_how(
    const struct diff *d, const struct diff_file *f, struct strbuf *out);

void diff_print_text(const struct diff *d, const struct options *o);
void diff_print_json(const struct diff *d);

#endif
