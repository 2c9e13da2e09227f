/* What was evicted of a variant is made again from its recipe. */
#include <stdlib.h>
#include <string.h>

#include "question_internal.h"
#include "variant_job.h"
#include "winnow/auto.h"
#include "winnow/json.h"
#include "winnow/log.h"
#include "winnow/mem.h"

/* What the recipe's text says (variant_job.c writes it). */
struct remembered {
	json_t *json;
	struct policy *policy;
	const char **platforms; /* of json */
	size_t platform_count;
	const char *host;
	const char *repository;
};

static void
remembered_clear(struct remembered *r)
{
	json_decref(r->json);
	if (r->policy != NULL)
		policy_free(r->policy);
	free(r->platforms);
}

static int
read_recipe(const char *text, struct remembered *r, struct err *e)
{
	const char *policy;
	json_t *list;
	size_t i;

	if (json_parse_object(text, strlen(text), "the recipe", &r->json, e) ==
		-1 ||
	    json_get_string(r->json, "host", JSON_REQUIRED, &r->host, e) ==
		-1 ||
	    json_get_string(r->json, "repository", JSON_REQUIRED,
		&r->repository, e) == -1 ||
	    json_get_string(r->json, "policy", JSON_REQUIRED, &policy, e) ==
		-1 ||
	    json_get_array(r->json, "platforms", JSON_REQUIRED, &list, e) ==
		-1 ||
	    policy_parse(policy, strlen(policy), &r->policy, e) == -1)
		return -1;
	r->platform_count = json_array_size(list);
	r->platforms = mem_zalloc(r->platform_count + 1, sizeof(char *));
	for (i = 0; i < r->platform_count; i++) {
		r->platforms[i] = json_string_value(json_array_get(list, i));
		if (r->platforms[i] == NULL)
			return err_set(e, ERR_INVALID, "a platform is no text");
	}
	return 0;
}

/*
 * Begins the build of a recipe, or joins it.  A recipe of another version of
 * winnow would give other bytes: its key differs from the one that this
 * version gives it.
 */
static int
build(struct question *q, const struct remembered *r,
    const struct store_variant *row, const struct digest *key, struct err *e)
{
	struct names_target target = {.mode = NAMES_STRIP, .policy = r->policy};
	struct source source = {
	    .upstream = context_find_upstream(q->context, r->host),
	    .host = r->host,
	    .repository = r->repository};
	auto_free char **platforms =
	    mem_zalloc(r->platform_count + 1, sizeof(char *));
	struct config config = {
	    .platforms = platforms, .platform_count = r->platform_count};
	struct variant_recipe recipe;
	int status;

	if (source.upstream == NULL)
		return err_set(e, ERR_NOT_FOUND,
		    "%s is not configured as an upstream any more", r->host);
	memcpy(platforms, r->platforms, r->platform_count * sizeof(char *));
	variant_recipe_init(&recipe, &config, &target, &row->source);
	if (digest_equal(&recipe.key, key))
		status = variant_build(&q->context->env, &source,
		    q->target.scope, &recipe, &q->waiter, e);
	else
		status = err_set(e, ERR_NOT_FOUND,
		    "%s was made by another version of winnow and is no longer "
		    "here: pull the tag",
		    q->reference);
	variant_recipe_clear(&recipe);
	return status;
}

bool
question_rebuild(struct question *q)
{
	struct remembered r = {.json = NULL};
	auto_free char *text = NULL;
	struct store_variant row;
	struct digest key;
	struct err e;

	if (q->rebuilt || q->target.mode != NAMES_STRIP || q->passes ||
	    !store_find_holder(q->context->env.store, q->target.scope,
		&q->digest, &key, &row, &text))
		return false;
	q->rebuilt = true;
	log_event(LOG_LEVEL_INFO, "variant.again", "repository",
	    q->target.scope, "for", q->reference, NULL);
	if (read_recipe(text, &r, &e) == -1 ||
	    build(q, &r, &row, &key, &e) == -1)
		question_answer_error(
		    q, &e, q->kind == ASK_BLOB ? "blob" : "manifest");
	remembered_clear(&r);
	return true;
}
