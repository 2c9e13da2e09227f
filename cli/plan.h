/*
 * plan: what a policy keeps and removes of an image, counted: by directory,
 * by rule and by reason.
 */
#ifndef WINNOW_CLI_PLAN_H
#define WINNOW_CLI_PLAN_H

#include "fold.h"
#include "options.h"
#include "preview.h"
#include "selection_tally.h"
#include "winnow/audit.h"

/* The classes of the fold. */
enum plan_class { PLAN_KEPT, PLAN_REMOVED };
#define PLAN_REASONS (SELECTION_CONFIG + 1)

/* In `causes`: nothing that has one, and several. */
#define PLAN_NO_CAUSE UINT32_MAX
#define PLAN_MANY_CAUSES (UINT32_MAX - 1)

/* What a keep rule costs. */
struct plan_rule {
	struct tally own; /* what it names and no earlier rule does */
	struct tally brought; /* what that needs */
};

struct plan {
	const struct preview *preview; /* borrowed */
	struct fold fold; /* nodes by the numbers of the tree */
	/*
	 * By node number, for all that is there: the keep rule, keep_count for
	 * what no rule asks for, or keep_count + 1 + the drop rule + 1 (0: no
	 * rule) for what is removed.
	 */
	uint32_t *causes;
	struct plan_rule *rules; /* by keep rule; the last: no rule's */
	struct tally *drops; /* by drop rule: what a keep rule names */
	struct tally reasons[PLAN_REASONS];
	struct audit *audit; /* of what is kept */
	json_t *startup;
	json_t *warnings;
	json_t *hints; /* hints.h */
	/* Why the variant would not be built, or ERR_NONE. */
	struct err problem;
};

/* Counts; plan_clear() releases. */
void plan_make(const struct preview *p, struct plan *out);
void plan_clear(struct plan *plan);

/* The text of the drop or keep rule that is a cause, appended; or nothing. */
struct strbuf;
void
plan_add_cause(const struct plan *plan, uint32_t cause, struct strbuf *out);

/* Packages that survive. */
size_t plan_packages_kept(const struct plan *plan);

/* Standard output: the whole plan, or only the paths among the operands. */
int plan_print_text(
    const struct plan *plan, const struct options *o, struct err *e);
int plan_print_json(
    const struct plan *plan, const struct options *o, struct err *e);

/*
 * The node numbers that the output starts at: the operands behind the image,
 * or the root.  ERR_NOT_FOUND names one that is not in the image.  The caller
 * frees *out.
 */
int plan_tops(const struct plan *plan, const struct options *o, uint32_t **out,
    size_t *count, struct err *e);

/* How the tree is to be folded below a top. */
struct fold_options plan_fold_options(
    const struct plan *plan, const struct options *o, uint32_t top);

#endif
