/* What was evicted of a variant is made again from its recipe. */
#include "question_internal.h"
#include "variant_job.h"
#include "winnow/log.h"

struct rebuild {
	struct question *q;
	struct source source;
	struct variant_memory memory; /* of the last variant looked at */
	struct err error; /* why not, of the first */
	size_t looked_at;
};

/*
 * A recipe of another version of winnow would give other bytes: its key
 * differs from the one that this version gives it.
 */
static int
read_recipe(
    struct rebuild *r, const struct store_holder *variant, struct err *e)
{
	struct variant_memory *m = &r->memory;

	if (variant_memory_read(m, variant, e) == -1)
		return -1;
	r->source = (struct source){
	    .upstream = context_find_upstream(r->q->context, m->host),
	    .host = m->host,
	    .repository = m->repository};
	if (r->source.upstream == NULL)
		return err_set(e, ERR_NOT_FOUND,
		    "%s is not configured as an upstream any more", m->host);
	if (!digest_equal(&m->recipe.key, &variant->key))
		return err_set(e, ERR_NOT_FOUND,
		    "%s was made by another version of winnow and is no longer "
		    "here: pull the tag",
		    r->q->reference);
	return 0;
}

/*
 * Several variants may hold a blob, and versions of winnow may agree on the
 * bytes of a variant: any one that can be built will do.
 */
static bool
can_build(void *arg, const struct store_holder *variant)
{
	struct rebuild *r = arg;
	struct err e;

	variant_memory_clear(&r->memory);
	if (read_recipe(r, variant, &e) == 0)
		return true;
	if (r->looked_at++ == 0)
		r->error = e;
	return false;
}

/* Begins the build, or joins it. */
static int
build(struct rebuild *r, struct err *e)
{
	struct question *q = r->q;

	return variant_build(&q->context->env, &r->source, q->target.scope,
	    &r->memory.recipe, &q->waiter, e);
}

bool
question_rebuild(struct question *q)
{
	struct rebuild r = {.q = q};
	bool can;

	if (q->rebuilt || q->target.mode != NAMES_STRIP || q->passes)
		return false;
	can = store_find_holder(
	    q->context->env.store, q->target.scope, &q->digest, can_build, &r);
	if (!can && r.looked_at == 0)
		return false;
	q->rebuilt = true;
	log_event(LOG_LEVEL_INFO, "variant.again", "id", question_request(q),
	    "repository", q->target.scope, "for", q->reference, NULL);
	if (!can || build(&r, &r.error) == -1)
		question_answer_error(
		    q, &r.error, q->kind == ASK_BLOB ? "blob" : "manifest");
	variant_memory_clear(&r.memory);
	return true;
}
