/*
 * variant_job: builds the variant of a source manifest or index under a
 * policy, once at a time, and makes it reachable in a scope.
 *
 * Core only.  For an index: chooses the children of the wanted platforms, has
 * an image_job rewrite each, and writes the index over them.  An artifact (a
 * signature, a chart) is refused, or published as it is, as the policy says.
 */
#ifndef WINNOW_DAEMON_VARIANT_JOB_H
#define WINNOW_DAEMON_VARIANT_JOB_H

#include "source_job.h"
#include "variant_recipe.h"

/*
 * Joins the building of this variant, or begins it; then
 * store_get_variant(key, scope) is there; of an artifact the source itself,
 * in artifact_scope.  ERR_BUSY past the configured
 * number of jobs: nothing is joined then.
 */
int
variant_build(struct job_env *env, const struct source *s, const char *scope,
    const struct variant_recipe *r, struct flight_waiter *w, struct err *e);

#endif
