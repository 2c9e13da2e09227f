/*
 * nearest: the keep rule that comes nearest to a path that none names.
 */
#ifndef WINNOW_CLI_NEAREST_H
#define WINNOW_CLI_NEAREST_H

#include "winnow/policy.h"
#include "winnow/strbuf.h"
#include "winnow/tree.h"

/*
 * The keep pattern that agrees with the normalized path, links resolved, as
 * far as any does; the path up to there is put into `agrees`.  NULL when none
 * agrees further than its first component.
 */
const struct policy_rule *nearest_rule(const struct tree *t,
    const struct policy *p, const char *path, struct strbuf *agrees);

/* The first keep pattern that names the path, in the image or not; or NULL. */
const struct policy_rule *
nearest_naming(const struct tree *t, const struct policy *p, const char *path);

/* The first nodes of that name in the image: at most `max`, returns how many.
 */
size_t nearest_elsewhere(const struct tree *t, const char *name,
    const struct tree_node **out, size_t max);

/*
 * The names in a directory that look like `name`: at most `max`, the best
 * first; returns how many.
 */
size_t nearest_names(const struct tree_node *dir, const char *name,
    const struct tree_node **out, size_t max);

#endif
