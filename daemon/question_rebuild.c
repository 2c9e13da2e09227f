/* What was evicted of a variant is made again from its recipe. */
#include "question_internal.h"
#include "variant_job.h"
#include "winnow/auto.h"
#include "winnow/log.h"

/*
 * Begins the build of a recipe, or joins it.  A recipe of another version of
 * winnow would give other bytes: its key differs from the one that this
 * version gives it.
 */
static int
build(struct question *q, const struct variant_memory *m,
    const struct digest *key, struct err *e)
{
	struct source source = {
	    .upstream = context_find_upstream(q->context, m->host),
	    .host = m->host,
	    .repository = m->repository};

	if (source.upstream == NULL)
		return err_set(e, ERR_NOT_FOUND,
		    "%s is not configured as an upstream any more", m->host);
	if (!digest_equal(&m->recipe.key, key))
		return err_set(e, ERR_NOT_FOUND,
		    "%s was made by another version of winnow and is no longer "
		    "here: pull the tag",
		    q->reference);
	return variant_build(&q->context->env, &source, q->target.scope,
	    &m->recipe, &q->waiter, e);
}

bool
question_rebuild(struct question *q)
{
	auto_variant_memory struct variant_memory m = {.json = NULL};
	auto_store_holder struct store_holder holder = {.recipe = NULL};
	struct err e;

	if (q->rebuilt || q->target.mode != NAMES_STRIP || q->passes ||
	    !store_find_holder(
		q->context->env.store, q->target.scope, &q->digest, &holder))
		return false;
	q->rebuilt = true;
	log_event(LOG_LEVEL_INFO, "variant.again", "id", question_request(q),
	    "repository", q->target.scope, "for", q->reference, NULL);
	if (variant_memory_read(&m, &holder, &e) == -1 ||
	    build(q, &m, &holder.key, &e) == -1)
		question_answer_error(
		    q, &e, q->kind == ASK_BLOB ? "blob" : "manifest");
	return true;
}
