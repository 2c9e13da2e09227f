#include "server_answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "server.h"
#include "server_exchange.h"
#include "server_question.h"
#include "server_reply.h"
#include "server_stream.h"
#include "winnow/auto.h"
#include "winnow/clock.h"
#include "winnow/fsutil.h"
#include "winnow/json.h"
#include "winnow/log.h"
#include "winnow/mem.h"

/* A new answer out of core's message. */
static int
parse_answer(const json_t *body, struct answer **out, struct err *e)
{
	auto_answer struct answer *a = answer_new();
	const char *digest, *media_type, *warning;

	if (json_get_string(body, "digest", JSON_REQUIRED, &digest, e) == -1 ||
	    json_get_string(
		body, "media_type", JSON_OPTIONAL, &media_type, e) == -1 ||
	    json_get_string(body, "warning", JSON_OPTIONAL, &warning, e) ==
		-1 ||
	    json_get_uint(
		body, "size", JSON_REQUIRED, INT64_MAX, &a->size, e) == -1 ||
	    answer_set_digest(a, digest, e) == -1)
		return -1;
	a->media_type = mem_strdup_optional(media_type);
	a->warning = mem_strdup_optional(warning);
	*out = steal(&a);
	return 0;
}

/*
 * Reads the manifest into the answer, so that later hits read no file.  One
 * that has vanished again leaves `data` at NULL.
 */
static int
load_manifest(int blobs, struct answer *a, struct err *e)
{
	char hex[DIGEST_TEXT], path[DIGEST_TEXT + 4];
	auto_free char *data = NULL;
	size_t len;

	if (a->media_type == NULL)
		return err_set(e, ERR_INTERNAL, "a manifest without a type");
	digest_format_hex(&a->digest, hex);
	snprintf(path, sizeof(path), "%.2s/%s", hex, hex);
	if (faccessat(blobs, path, F_OK, 0) == -1)
		return 0;
	if (fsutil_read_file(
		blobs, path, LIMIT_MANIFEST_SIZE, &data, &len, e) == -1)
		return -1;
	if (len != a->size)
		return err_set(e, ERR_INTERNAL,
		    "manifest %s has %zu bytes instead of %" PRIu64, hex, len,
		    a->size);
	a->data = steal(&data);
	return 0;
}

static void
fail_all(struct exchange *first, const struct err *error,
    enum oci_subject subject, uint64_t retry_after_s)
{
	struct exchange *x, *next;

	for (x = first; x != NULL; x = next) {
		next = x->next_waiter;
		if (x->stream != NULL && !server_stream_take_back(x))
			server_stream_cut(x);
		else
			reply_error(x, error, subject, retry_after_s);
	}
}

/* {"error":CODE,...} */
static void
take_error(struct exchange *first, const json_t *body, const char *code)
{
	const char *message = NULL, *what = NULL;
	enum oci_subject subject = exchange_subject(first);
	uint64_t retry_after_s = 0;
	struct err error, ignored;

	(void)json_get_string(
	    body, "message", JSON_OPTIONAL, &message, &ignored);
	(void)json_get_string(body, "what", JSON_OPTIONAL, &what, &ignored);
	(void)json_get_uint(body, "retry_after_s", JSON_OPTIONAL, UINT32_MAX,
	    &retry_after_s, &ignored);
	if (what != NULL)
		subject = oci_subject_parse(what);
	err_set(&error, err_code_parse(code), "%s",
	    message == NULL ? "no reason given" : message);
	fail_all(first, &error, subject, retry_after_s);
}

/* {"items":[...],...} */
static int
take_list(struct exchange *first, const json_t *body, struct err *e)
{
	const char *warning = NULL;
	struct exchange *x, *next;
	json_t *items = NULL;
	bool more = json_is_true(json_object_get(body, "more"));

	if (json_get_array(body, "items", JSON_REQUIRED, &items, e) == -1 ||
	    json_get_string(body, "warning", JSON_OPTIONAL, &warning, e) == -1)
		return -1;
	for (x = first; x != NULL; x = next) {
		next = x->next_waiter;
		if (x->request.kind == REQUEST_TAGS)
			reply_tags(x, items, more, warning);
		else
			reply_referrers(x, items, more, warning);
	}
	return 0;
}

/* {"map":{...}} */
static int
take_map(struct exchange *first, const json_t *body, struct err *e)
{
	struct exchange *x, *next;
	json_t *map = NULL;

	if (json_get_object(body, "map", JSON_REQUIRED, &map, e) == -1)
		return -1;
	for (x = first; x != NULL; x = next) {
		next = x->next_waiter;
		reply_json(x, map, NULL);
	}
	return 0;
}

/* {"digest":D,...} */
static int
take_object(struct exchange *first, const json_t *body, struct err *e)
{
	struct server *server = first->server;
	auto_answer struct answer *a = NULL;
	struct exchange *x, *next;
	uint64_t ttl_ms = 0;

	if (parse_answer(body, &a, e) == -1 ||
	    json_get_uint(
		body, "ttl_ms", JSON_OPTIONAL, UINT32_MAX, &ttl_ms, e) == -1)
		return -1;
	if (first->request.kind == REQUEST_MANIFEST &&
	    load_manifest(server->blobs, a, e) == -1)
		return -1;
	if (ttl_ms > 0 &&
	    (first->request.kind == REQUEST_BLOB || a->data != NULL))
		answers_put(
		    server->answers, first->key, a, clock_now_ms() + ttl_ms);
	for (x = first; x != NULL; x = next) {
		next = x->next_waiter;
		exchange_serve_answer(x, a);
	}
	return 0;
}

static int
take_answer(struct exchange *first, const json_t *body, struct err *e)
{
	switch (first->request.kind) {
	case REQUEST_TAGS:
	case REQUEST_REFERRERS:
		return take_list(first, body, e);
	case REQUEST_MAP:
		return take_map(first, body, e);
	case REQUEST_MANIFEST:
	case REQUEST_BLOB:
	case REQUEST_PING:
		break;
	}
	return take_object(first, body, e);
}

/* {"digest":D,"size":N,"coming":true} with two descriptors */
static int
take_coming(struct server *server, uint64_t id, struct channel_message *m,
    struct err *e)
{
	auto_answer struct answer *a = NULL;

	if (parse_answer(m->body, &a, e) == -1)
		return -1;
	if (m->fd_count != 2)
		return err_set(e, ERR_INTERNAL, "descriptors are missing");
	server_question_stream(server->questions, id,
	    server_stream_new(
		server->base, a, channel_take_fd(m, 0), channel_take_fd(m, 1)));
	return 0;
}

void
server_answer_take(struct server *server, struct channel_message *m)
{
	const json_t *body = m->body;
	struct exchange *first;
	const char *code = NULL;
	uint64_t id = 0;
	struct err e;

	if (json_get_uint(body, "id", JSON_REQUIRED, INT64_MAX, &id, &e) == -1)
		return;
	if (json_is_true(json_object_get(body, "coming"))) {
		if (take_coming(server, id, m, &e) == -1)
			log_event(LOG_LEVEL_ERROR, "answer.bad", "why",
			    e.message, NULL);
		return;
	}
	/* Nobody: the answer and the last client's `leave` have crossed. */
	first = server_question_end(server->questions, id);
	if (first == NULL)
		return;
	if (json_get_string(body, "error", JSON_OPTIONAL, &code, &e) == 0 &&
	    code != NULL) {
		take_error(first, body, code);
		return;
	}
	if (take_answer(first, body, &e) == 0)
		return;
	log_event(LOG_LEVEL_ERROR, "answer.bad", "id", first->id, "why",
	    e.message, NULL);
	err_set(&e, ERR_INTERNAL, "the answer cannot be read");
	fail_all(first, &e, exchange_subject(first), 0);
}
