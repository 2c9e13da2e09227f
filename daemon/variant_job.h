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

#include "names.h"
#include "source_job.h"

/* What a variant is made of; names the variant. */
struct variant_recipe {
	struct digest source;
	struct digest key;
	char *policy; /* policy_format() */
	size_t policy_len;
	char **platforms; /* borrowed from policy or configuration */
	size_t platform_count;
	char *policy_file; /* for messages */
	char *artifact_scope; /* where artifacts are; NULL: they are refused */
};

/* For a target under NAMES_STRIP. */
void variant_recipe_init(struct variant_recipe *r, const struct config *c,
    const struct names_target *t, const struct digest *source);
void variant_recipe_clear(struct variant_recipe *r);

/*
 * Joins the building of this variant, or begins it; then
 * store_get_variant(key, scope) is there; of an artifact the source itself,
 * in artifact_scope.  ERR_BUSY past the configured
 * number of jobs: nothing is joined then.
 */
int
variant_build(struct job_env *env, const struct source *s, const char *scope,
    const struct variant_recipe *r, struct flight_waiter *w, struct err *e);

/*
 * Makes a source manifest that is in the store reachable in a scope, with
 * what it refers to.  *row describes it.
 */
int variant_publish_original(struct job_env *env, const char *scope,
    const struct digest *digest, struct store_manifest *row, struct err *e);

#endif
