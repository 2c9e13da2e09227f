/* The step of a question for a blob, which may be on its way or lost. */
#include <unistd.h>

#include "question_internal.h"
#include "winnow/json.h"
#include "winnow/log.h"

/* Smaller blobs are here before a client could use their first bytes. */
#define STREAM_MIN (1u << 20)

/*
 * The bytes of a source's blob come: the server may send them on, up to what
 * it holds back until the answer says that all are right.
 */
static void
on_blob_ready(void *arg)
{
	struct question *q = arg;
	char text[DIGEST_TEXT];
	int fds[2];
	json_t *body;

	if (q->coming || q->size < STREAM_MIN ||
	    !source_watch_blob(&q->waiter, &fds[0], &fds[1]))
		return;
	q->coming = true;
	/* From here on the client waits for bytes, whose time is limited. */
	evtimer_del(q->timer);
	body = json_pack("{s:s, s:I, s:s, s:I, s:b}", "type", "answer", "id",
	    (json_int_t)q->id, "digest", digest_format(&q->digest, text),
	    "size", (json_int_t)q->size, "coming", 1);
	q->send(q->arg, body, fds, 2);
	json_decref(body);
	close(fds[1]);
}

bool
question_blob_is_lost(const struct question *q, const struct err *e)
{
	return q->kind == ASK_BLOB && q->target.mode == NAMES_STRIP &&
	    !q->passes && e->code == ERR_NOT_FOUND;
}

void
question_answer_lost(struct question *q)
{
	struct job_env *env = &q->context->env;
	struct err e;

	err_set(&e, ERR_NOT_FOUND,
	    "blob %s of %s is lost from the store: pull again, and it is built "
	    "again",
	    q->reference, q->target.scope);
	log_event(LOG_LEVEL_ERROR, "blob.lost", "id", question_request(q),
	    "repository", q->target.scope, "blob", q->reference, NULL);
	/* When it cannot be written, `e` says that. */
	(void)store_forget_variants(env->store, q->target.scope, &e);
	env->tag_moved(env->arg);
	question_answer_error(q, &e, "blob");
}

void
question_step_blob(struct question *q)
{
	struct store *store = q->context->env.store;
	uint64_t size;
	bool known = store_get_reach(store, q->target.scope, &q->digest, &size);
	struct err e;

	if (!known && q->target.pass_scope != NULL)
		known = q->passes = store_get_reach(
		    store, q->target.pass_scope, &q->digest, &size);
	if (!known) {
		err_set(&e, ERR_NOT_FOUND,
		    "no manifest served as %s refers to %s", q->name,
		    q->reference);
		question_answer_error(q, &e, "blob");
	} else if (store_has_blob(store, &q->digest, NULL)) {
		question_answer_object(q, &q->digest, NULL, size, 0);
	} else if (!question_is_refused(q) && !question_rebuild(q)) {
		q->size = size;
		q->waiter.ready = on_blob_ready;
		source_get_blob(
		    &q->context->env, &q->source, &q->digest, size, &q->waiter);
	}
}
