/*
 * variant_recipe: what a variant is made of: a source, a policy, platforms.
 * Its key names the variant; its text and the policy's, in the store, are
 * enough to build the same bytes again after they were evicted.  Core only.
 */
#ifndef WINNOW_DAEMON_VARIANT_RECIPE_H
#define WINNOW_DAEMON_VARIANT_RECIPE_H

#include <jansson.h>

#include "names.h"
#include "store.h"
#include "winnow/digest.h"

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

/* A copy that owns its platforms, too; and its end. */
void variant_recipe_copy(
    struct variant_recipe *to, const struct variant_recipe *from);
void variant_recipe_clear_copy(struct variant_recipe *r);

/*
 * The text for the store, with the digests of reports; the caller frees it.
 * The source and the policy's text are kept beside it.
 */
char *variant_recipe_format(const struct variant_recipe *r, const char *host,
    const char *repository, const struct digest *reports, size_t count);

/* What is remembered of a variant. */
struct variant_memory {
	json_t *json;
	const char *host; /* of json, as is the next */
	const char *repository;
	struct policy *policy;
	char **platforms;
	size_t platform_count;
	/* Its key is the row's, unless another version of winnow wrote that:
	 * the bytes would differ. */
	struct variant_recipe recipe;
};
/* Reads it from the store's row; variant_memory_clear() releases. */
int variant_memory_read(
    struct variant_memory *out, const struct store_holder *from, struct err *e);
void variant_memory_clear(struct variant_memory *m);

#define auto_variant_memory __attribute__((cleanup(variant_memory_clear)))

#endif
