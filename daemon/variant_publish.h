/*
 * variant_publish: the rows that make a manifest and what it refers to
 * reachable in a scope, written in one transaction.  Core only.
 */
#ifndef WINNOW_DAEMON_VARIANT_PUBLISH_H
#define WINNOW_DAEMON_VARIANT_PUBLISH_H

#include "image_job.h"
#include "source_job.h"
#include "variant_recipe.h"

/* One platform's image; all borrowed. */
struct variant_image {
	const struct oci_descriptor *entry; /* NULL: the source is no index */
	struct digest source; /* of its manifest */
	const struct image_result *result;
};

/* A variant whose images are made; all borrowed. */
struct variant_product {
	const char *host;
	const char *repository;
	const char *scope;
	const struct variant_recipe *recipe;
	const struct oci_manifest *manifest; /* the source */
	const struct variant_image *images;
	size_t count;
};

/* Writes the index, if the source is one, and makes the variant known. */
int variant_publish(
    struct job_env *env, const struct variant_product *p, struct err *e);

/*
 * Makes a source manifest that is in the store reachable in a scope, with
 * what it refers to.  *row describes it.
 */
int variant_publish_original(struct job_env *env, const char *scope,
    const struct digest *digest, struct store_manifest *row, struct err *e);

#endif
