#include "server_question.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"
#include "server_stream.h"
#include "winnow/auto.h"
#include "winnow/json.h"
#include "winnow/mem.h"

struct server_question {
	uint64_t id;
	char *key;
	struct exchange *first; /* who waits, newest first */
	struct server_stream *stream; /* of a blob that is coming, or NULL */
};

struct server_questions {
	/* Balanced trees (tsearch(3)) of the same questions. */
	void *by_id;
	void *by_key;
	uint64_t last_id;
};

static int
compare_ids(const void *a, const void *b)
{
	const struct server_question *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static int
compare_keys(const void *a, const void *b)
{
	const struct server_question *x = a, *y = b;

	return strcmp(x->key, y->key);
}

struct server_questions *
server_questions_new(void)
{
	return mem_zalloc(1, sizeof(struct server_questions));
}

static void
free_question(struct server_questions *qs, struct server_question *q)
{
	tdelete(q, &qs->by_id, compare_ids);
	tdelete(q, &qs->by_key, compare_keys);
	server_stream_unref(q->stream);
	free(q->key);
	free(q);
}

void
server_questions_free(struct server_questions *qs)
{
	/* Every exchange has left by now, and the last takes its question. */
	free(qs);
}

/*
 * Core waits differently for containerd and treats HEAD differently, so
 * only clients alike in both share a question.
 */
static char *
question_key(const struct exchange *x)
{
	return mem_printf("%s %d %d", x->key, x->head, x->containerd);
}

static void
put_text(json_t *body, const char *key, const char *text)
{
	if (text[0] != '\0')
		json_put(body, key, json_string(text));
}

static int
send_question(const struct exchange *x, uint64_t id, struct err *e)
{
	const struct request *r = &x->request;
	auto_json json_t *body = json_pack(
	    "{s:s, s:I, s:s, s:s, s:s, s:s, s:b}", "type", "ask", "id",
	    (json_int_t)id, "kind", request_kind_name(r->kind), "repository",
	    r->repository, "reference", r->reference, "client",
	    x->containerd ? "containerd" : "other", "head", x->head);

	if (body == NULL)
		return err_set(e, ERR_INTERNAL, "cannot write a question");
	put_text(body, "request", x->id);
	put_text(body, "ns", r->ns);
	put_text(body, "last", r->last);
	put_text(body, "artifact_type", r->artifact_type);
	if (r->has_n)
		json_put(body, "n", json_integer((json_int_t)r->n));
	return core_link_send(x->server->core, body, CORE_LINK_MAY_REFUSE, e);
}

static void
add_waiter(struct server_question *q, struct exchange *x)
{
	x->question = q;
	x->next_waiter = q->first;
	q->first = x;
	connection_watch(x->connection);
}

/* The client's departure is now evhttp's to see. */
static void
begin_stream(struct exchange *x, struct server_stream *stream)
{
	connection_unwatch(x->connection);
	if (!server_stream_begin(stream, x))
		server_question_leave(x);
}

int
server_question_ask(struct exchange *x, struct err *e)
{
	struct server_questions *qs = x->server->questions;
	auto_free char *key = question_key(x);
	struct server_question wanted = {.key = key}, *q;
	void *node = tfind(&wanted, &qs->by_key, compare_keys);

	if (node != NULL) {
		q = *(struct server_question **)node;
		add_waiter(q, x);
		if (q->stream != NULL)
			begin_stream(x, q->stream);
		return 0;
	}
	if (send_question(x, qs->last_id + 1, e) == -1)
		return -1;
	q = mem_zalloc(1, sizeof(*q));
	q->id = ++qs->last_id;
	q->key = steal(&key);
	if (tsearch(q, &qs->by_id, compare_ids) == NULL ||
	    tsearch(q, &qs->by_key, compare_keys) == NULL)
		_exit(MEM_EXIT_STATUS);
	add_waiter(q, x);
	return 0;
}

void
server_question_leave(struct exchange *x)
{
	struct server_question *q = x->question;
	struct exchange **p;
	auto_json json_t *body = NULL;
	struct err e;

	for (p = &q->first; *p != x; p = &(*p)->next_waiter)
		;
	*p = x->next_waiter;
	x->question = NULL;
	connection_unwatch(x->connection);
	if (q->first != NULL)
		return;
	body =
	    json_pack("{s:s, s:I}", "type", "leave", "id", (json_int_t)q->id);
	/* A failure here is the channel's end, which its reader reports. */
	(void)core_link_send(x->server->core, body, CORE_LINK_MUST, &e);
	free_question(x->server->questions, q);
}

void
server_question_stream(
    struct server_questions *qs, uint64_t id, struct server_stream *stream)
{
	struct server_question wanted = {.id = id}, *q;
	void *node = tfind(&wanted, &qs->by_id, compare_ids);
	struct exchange *x, *next;

	if (node != NULL) {
		q = *(struct server_question **)node;
		server_stream_unref(q->stream);
		q->stream = server_stream_ref(stream);
		/* The last reply that is complete takes the question along. */
		for (x = q->first; x != NULL; x = next) {
			next = x->next_waiter;
			begin_stream(x, stream);
		}
	}
	server_stream_unref(stream);
}

struct exchange *
server_question_end(struct server_questions *qs, uint64_t id)
{
	struct server_question wanted = {.id = id}, *q;
	void *node = tfind(&wanted, &qs->by_id, compare_ids);
	struct exchange *first, *x;

	if (node == NULL)
		return NULL;
	q = *(struct server_question **)node;
	first = q->first;
	for (x = first; x != NULL; x = x->next_waiter) {
		x->question = NULL;
		connection_unwatch(x->connection);
	}
	free_question(qs, q);
	return first;
}
