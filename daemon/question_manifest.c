/* Steps of a question for a manifest: a source as it is, or a variant. */
#include <stdlib.h>

#include "misses.h"
#include "question_internal.h"
#include "variant_job.h"
#include "variant_publish.h"
#include "winnow/log.h"
#include "winnow/mem.h"
#include "winnow/ref.h"

/* What misses remember a tag by; the caller frees it. */
static char *
tag_key(const struct question *q)
{
	return mem_printf("%s:%s", q->source_name, q->reference);
}

void
question_note_miss(struct question *q, const struct err *e)
{
	auto_free char *key = tag_key(q);

	if (e->code == ERR_NOT_FOUND)
		misses_add(q->context->env.misses, key,
		    q->context->config->negative_ttl_ms, e);
}

static const char *
scope_of(const struct question *q)
{
	return q->passes ? q->target.pass_scope : q->target.scope;
}

/* Answers with a manifest that the scope has; false when it does not. */
static bool
answer_manifest(
    struct question *q, const struct digest *digest, int64_t checked_ms)
{
	struct store *store = q->context->env.store;
	struct store_manifest row;

	if (!store_get_manifest(store, scope_of(q), digest, &row) ||
	    !store_has_blob(store, digest, NULL))
		return false;
	question_answer_object(q, digest, row.media_type, row.size, checked_ms);
	return true;
}

/* A source manifest as it is: from the scope, else from upstream. */
static void
step_original(
    struct question *q, const struct digest *digest, int64_t checked_ms)
{
	struct store_manifest row;
	struct err e;

	if (answer_manifest(q, digest, checked_ms))
		return;
	/* The upstream is asked even if another repository's manifest is
	 * here: only it knows whether this repository has it. */
	if (!q->fetched) {
		q->fetched = true;
		if (!question_is_refused(q))
			source_get_manifest(
			    &q->context->env, &q->source, digest, &q->waiter);
	} else if (variant_publish_original(
		       &q->context->env, scope_of(q), digest, &row, &e) == -1) {
		question_answer_error(q, &e, "manifest");
	} else {
		question_answer_object(
		    q, digest, row.media_type, row.size, checked_ms);
	}
}

/* Answers with what was made of a source: an artifact passes as it is. */
static bool
answer_variant(
    struct question *q, const struct store_variant *row, int64_t checked_ms)
{
	q->passes = q->target.pass_scope != NULL &&
	    digest_equal(&row->digest, &row->source);
	return answer_manifest(q, &row->digest, checked_ms);
}

/* The variant of a source manifest: built already, or to be built. */
static void
step_variant(
    struct question *q, const struct digest *source, int64_t checked_ms)
{
	struct variant_recipe recipe;
	struct store_variant row;
	struct err e;
	int status = 0;

	variant_recipe_init(&recipe, q->context->config, &q->target, source);
	if (!store_get_variant(
		q->context->env.store, &recipe.key, q->target.scope, &row) ||
	    !answer_variant(q, &row, checked_ms))
		status = variant_build(&q->context->env, &q->source,
		    q->target.scope, &recipe, &q->waiter, &e);
	variant_recipe_clear(&recipe);
	if (status == -1)
		question_answer_error(q, &e, "manifest");
}

/* True when upstream lately said that it has no such tag. */
static bool
is_missed(struct question *q)
{
	auto_free char *key = tag_key(q);

	return misses_find(q->context->env.misses, key, &q->resolve_error);
}

static void
step_tag(struct question *q)
{
	struct store_tag row;
	bool known = store_get_tag(
	    q->context->env.store, q->source_name, q->reference, &row);
	int64_t age = known ? source_now_ms() - row.checked_ms : 0;
	bool fresh =
	    known && age >= 0 && age < (int64_t)q->context->config->tag_ttl_ms;

	if (!fresh && !q->resolved && is_missed(q)) {
		q->resolved = true;
	} else if (!fresh && !q->resolved) {
		q->resolved = q->resolving = true;
		if (!question_is_refused(q))
			source_resolve(&q->context->env, &q->source,
			    q->reference, &q->waiter);
		return;
	}
	if (q->resolve_error.code != ERR_NONE) {
		if (!known || !question_excuses_stale(q)) {
			question_answer_error(q, &q->resolve_error, "manifest");
			return;
		}
		if (!q->stale)
			log_event(LOG_LEVEL_WARN, "tag.stale", "id",
			    question_request(q), "repository", q->source_name,
			    "tag", q->reference, "error",
			    q->resolve_error.message, NULL);
		q->stale = true;
	}
	if (q->target.mode == NAMES_STRIP)
		step_variant(q, &row.source, row.checked_ms);
	else
		step_original(q, &row.source, row.checked_ms);
}

/*
 * A digest that no variant of the repository has: other bytes under it would
 * be a lie, so it is refused with what to do instead (DESIGN section 4).
 */
static void
refuse_digest(struct question *q)
{
	const char *prefix = q->context->config->original_prefix;
	char variant_text[DIGEST_TEXT];
	struct digest variant;
	struct err e;

	if (store_get_map(
		q->context->env.store, q->target.scope, &q->digest, &variant))
		err_set(&e, ERR_NOT_FOUND,
		    "%s is the digest of the source image; its variant here is "
		    "%s: pull that, or the tag, or %s/%s@%s for the source",
		    q->reference, digest_format(&variant, variant_text), prefix,
		    q->source_name, q->reference);
	else
		err_set(&e, ERR_NOT_FOUND,
		    "no variant of %s has the digest %s: if it is the source's "
		    "digest, pull the tag, or %s/%s@%s for the source",
		    q->source_name, q->reference, prefix, q->source_name,
		    q->reference);
	question_answer_error(q, &e, "manifest");
}

/* True when a source with this digest may be served under a stripped name. */
bool
question_digest_passes(const struct question *q)
{
	struct store *store = q->context->env.store;
	const char *scope = q->target.pass_scope;

	if (scope == NULL)
		return false;
	return q->target.policy->on_source_digest == POLICY_DIGEST_PASS ||
	    store_knows_manifest(store, scope, &q->digest) ||
	    store_has_child(store, scope, &q->digest);
}

/*
 * Signatures, attestations and referrers that upstream keeps under tags are of
 * source digests.
 */
static void
refuse_signature(struct question *q)
{
	struct err e;

	err_set(&e, ERR_NOT_FOUND,
	    "a variant has none of its source's signatures and attestations: "
	    "%s/%s:%s has the source's",
	    q->context->config->original_prefix, q->source_name, q->reference);
	question_answer_error(q, &e, "manifest");
}

static void
step_digest(struct question *q)
{
	if (q->target.mode != NAMES_STRIP) {
		step_original(q, &q->digest, 0);
		return;
	}
	if (!q->passes && answer_manifest(q, &q->digest, 0))
		return;
	if (store_knows_manifest(
		q->context->env.store, q->target.scope, &q->digest) &&
	    question_rebuild(q))
		return;
	q->passes = question_digest_passes(q);
	if (q->passes)
		step_original(q, &q->digest, 0);
	else
		refuse_digest(q);
}

void
question_step_manifest(struct question *q)
{
	if (q->by_digest)
		step_digest(q);
	else if (q->target.mode == NAMES_STRIP &&
	    ref_is_signature_tag(q->reference))
		refuse_signature(q);
	else
		step_tag(q);
}
