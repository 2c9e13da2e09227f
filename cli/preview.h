/*
 * preview: what a policy selects of an image, without writing a variant.
 */
#ifndef WINNOW_CLI_PREVIEW_H
#define WINNOW_CLI_PREVIEW_H

#include "view.h"
#include "winnow/policy.h"
#include "winnow/selection.h"

struct preview {
	struct policy *policy;
	const struct view *view; /* borrowed */
	json_t *config; /* edited by the policy */
	struct selection *selection;
	bool *kept; /* by node number */
};

/*
 * Loads policy `number` of the command line, and the platform that it means:
 * --platform, or its first, or NULL.
 */
int preview_load_policy(const struct options *o, int number,
    struct policy **policy, const char **platform, struct err *e);

/*
 * Selects from a view; takes the policy.  preview_clear() releases `out`,
 * also after a failure.
 */
int preview_make(const struct view *v, struct policy *policy,
    struct preview *out, struct err *e);
void preview_clear(struct preview *p);

/*
 * A command over one image and one policy: loads both, calls `run`, which
 * takes the policy, and returns the exit status.
 */
int preview_run(const char *command, const struct options *o,
    int (*run)(const struct options *o, const struct view *v,
	struct policy *policy, struct err *e));

#endif
