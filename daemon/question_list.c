/* Lists and the digest map: questions whose answer is no blob. */
#include <stdlib.h>

#include "lists.h"
#include "question_internal.h"
#include "winnow/json.h"
#include "winnow/log.h"

/* For list_page_tags(). */
static bool
serves_tag(void *arg, const char *tag)
{
	const struct question *q = arg;

	return names_serve_tag(
	    q->context->config, q->context->policies, &q->target, tag);
}

static void
answer_page(struct question *q, const json_t *items)
{
	bool more = false;
	json_t *page = q->kind == ASK_TAGS
	    ? list_page_tags(items, &q->page, serves_tag, q, &more)
	    : list_page_referrers(items, &q->page, &more);

	question_answer(
	    q, json_pack("{s:o, s:b}", "items", page, "more", more));
}

/* The tags that were pulled here, while upstream cannot say which it has. */
static json_t *
known_tags(const struct question *q)
{
	json_t *list = json_array();
	size_t count, i;
	char **tags;

	store_list_tags(q->context->env.store, q->source_name, &tags, &count);
	for (i = 0; i < count; i++) {
		json_push(list, json_string(tags[i]));
		free(tags[i]);
	}
	free(tags);
	return list;
}

/* Upstream failed: an old list beats an error, and says that it is old. */
static void
answer_stale(struct question *q, const json_t *items)
{
	auto_json json_t *known = NULL;

	if (items == NULL && q->kind == ASK_TAGS)
		items = known = known_tags(q);
	if (!question_excuses_stale(q) || json_array_size(items) == 0) {
		question_answer_error(q, &q->resolve_error,
		    q->kind == ASK_TAGS ? "repository" : "manifest");
		return;
	}
	log_event(LOG_LEVEL_WARN, "list.stale", "id", question_request(q),
	    "repository", q->source_name, "error", q->resolve_error.message,
	    NULL);
	q->stale = true;
	answer_page(q, items);
}

void
question_step_list(struct question *q)
{
	struct job_env *env = &q->context->env;
	const struct digest *subject =
	    q->kind == ASK_REFERRERS ? &q->digest : NULL;
	auto_json json_t *none = NULL;
	int64_t checked_ms = 0, age;
	const json_t *items;

	/* Nobody refers to what winnow made. */
	if (subject != NULL && q->target.mode == NAMES_STRIP &&
	    !question_digest_passes(q)) {
		none = json_array();
		answer_page(q, none);
		return;
	}
	items = lists_get(env->lists, &q->source, subject, &checked_ms);
	age = source_now_ms() - checked_ms;
	if (!q->fetched &&
	    (items == NULL || age < 0 ||
		age >= (int64_t)q->context->config->tag_ttl_ms)) {
		q->fetched = q->resolving = true;
		if (!question_is_refused(q))
			lists_fetch(env, &q->source, subject, &q->waiter);
	} else if (q->resolve_error.code != ERR_NONE) {
		answer_stale(q, items);
	} else {
		answer_page(q, items);
	}
}

void
question_step_map(struct question *q)
{
	struct store *store = q->context->env.store;
	struct digest source = q->digest, variant = q->digest;
	char source_text[DIGEST_TEXT], variant_text[DIGEST_TEXT];
	struct err e;

	if (q->target.mode != NAMES_STRIP) {
		err_set(&e, ERR_NOT_FOUND,
		    "%s is served as it is: its digests are the source's",
		    q->name);
		question_answer_error(q, &e, "manifest");
		return;
	}
	if (!store_get_map(store, q->target.scope, &q->digest, &variant) &&
	    !store_get_map_source(
		store, q->target.scope, &q->digest, &source)) {
		err_set(&e, ERR_NOT_FOUND,
		    "no variant of %s is known by the digest %s, neither by "
		    "its own nor by its source's: pull the tag first",
		    q->target.scope, q->reference);
		question_answer_error(q, &e, "manifest");
		return;
	}
	question_answer(q,
	    json_pack("{s:{s:s, s:s, s:s}}", "map", "repository",
		q->target.scope, "source", digest_format(&source, source_text),
		"variant", digest_format(&variant, variant_text)));
}
