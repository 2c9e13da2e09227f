#include "server_exchange.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"
#include "server_auth.h"
#include "server_framing.h"
#include "server_question.h"
#include "server_reply.h"
#include "server_stream.h"
#include "server_use.h"
#include "winnow/auto.h"
#include "winnow/clock.h"
#include "winnow/json.h"
#include "winnow/log.h"
#include "winnow/mem.h"
#include "winnow/num.h"

/* Longer paths are cut in the log. */
#define LOGGED_PATH 512

static const char *
method_name(const struct evhttp_request *http)
{
	static const struct {
		enum evhttp_cmd_type type;
		const char *name;
	} methods[] = {
	    {EVHTTP_REQ_GET, "GET"},
	    {EVHTTP_REQ_HEAD, "HEAD"},
	    {EVHTTP_REQ_POST, "POST"},
	    {EVHTTP_REQ_PUT, "PUT"},
	    {EVHTTP_REQ_PATCH, "PATCH"},
	    {EVHTTP_REQ_DELETE, "DELETE"},
	    {EVHTTP_REQ_OPTIONS, "OPTIONS"},
	};
	size_t i;

	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (methods[i].type == evhttp_request_get_command(http))
			return methods[i].name;
	return "other";
}

static void
count_exchange(const struct exchange *x, uint64_t sent, bool complete)
{
	struct counters *c = x->server->counters;
	unsigned kind = x->request.kind;

	/* What could not be parsed looks like a ping. */
	if (kind > COUNTERS_OTHER_KIND ||
	    (x->request.kind == REQUEST_PING && x->status != 200))
		kind = COUNTERS_OTHER_KIND;
	if (x->status != 0)
		counters_add(&c->requests[kind][counters_status_index(
				 (unsigned)x->status)],
		    1);
	if (!complete)
		counters_add(&c->gone, 1);
	if (x->cache != NULL)
		counters_add(x->asked ? &c->misses : &c->hits, 1);
	if (x->stale)
		counters_add(&c->stale, 1);
	counters_add(&c->bytes, sent);
}

/* The access log's line.  `sent` is what of the body left this process. */
static void
log_exchange(const struct exchange *x, uint64_t sent, bool complete)
{
	const char *uri = evhttp_request_get_uri(x->http);
	auto_free char *path = mem_strndup(uri,
	    strcspn(uri, "?") < LOGGED_PATH ? strcspn(uri, "?") : LOGGED_PATH);
	char status[NUM_TEXT], bytes[NUM_TEXT], ms[NUM_TEXT];
	const char *address = NULL;

	if (evhttp_request_get_connection(x->http) != NULL)
		address =
		    connection_peer(evhttp_request_get_connection(x->http));
	num_format((uint64_t)x->status, status);
	num_format(sent, bytes);
	num_format(clock_now_ms() - x->began, ms);
	const struct log_field fields[] = {{"id", x->id, false},
	    {"method", method_name(x->http), false}, {"path", path, false},
	    {"ns", x->request.ns[0] == '\0' ? NULL : x->request.ns, false},
	    {"status", x->status == 0 ? NULL : status, true},
	    {"bytes", bytes, true}, {"ms", ms, true},
	    {"cache", x->cache, false}, {"client", address, false},
	    {"user", x->user, false}, {"error", x->error, false},
	    {"agent",
		evhttp_find_header(
		    evhttp_request_get_input_headers(x->http), "User-Agent"),
		false}};

	log_access(complete ? "request.done" : "request.gone", fields,
	    sizeof(fields) / sizeof(fields[0]));
}

static void
free_exchange(struct exchange *x)
{
	free(x->user);
	free(x->error);
	free(x->key);
	free(x);
}

/* A blob that was sent as it came may leave its question open. */
static void
leave_all(struct exchange *x)
{
	client_auth_leave(&x->login);
	if (x->question != NULL)
		server_question_leave(x);
	if (x->stream != NULL)
		server_stream_leave(x);
}

/* The last byte of the reply is with the kernel; evhttp frees the request. */
static void
on_complete(struct evhttp_request *http, void *arg)
{
	struct exchange *x = arg;

	(void)http;
	leave_all(x);
	count_exchange(x, x->length, true);
	log_exchange(x, x->length, true);
	connection_rest(x->connection);
	free_exchange(x);
}

/* The connection ends under the exchange, and the request with it. */
static void
on_gone(void *arg)
{
	struct exchange *x = arg;
	uint64_t unsent = connection_unsent(x->connection), sent;

	leave_all(x);
	sent = unsent < x->length ? x->length - unsent : 0;
	count_exchange(x, sent, false);
	log_exchange(x, sent, false);
	/* evhttp disowns a request that it fails before the reply. */
	if (evhttp_request_get_connection(x->http) == NULL)
		evhttp_request_free(x->http);
	free_exchange(x);
}

enum oci_subject
exchange_subject(const struct exchange *x)
{
	switch (x->request.kind) {
	case REQUEST_BLOB:
		return OCI_SUBJECT_BLOB;
	case REQUEST_TAGS:
		return OCI_SUBJECT_REPOSITORY;
	case REQUEST_MANIFEST:
	case REQUEST_REFERRERS:
	case REQUEST_MAP:
	case REQUEST_PING:
		break;
	}
	return OCI_SUBJECT_MANIFEST;
}

static void
ask(struct exchange *x)
{
	struct err e;

	x->cache = "miss";
	x->asked = true;
	if (server_question_ask(x, &e) == -1)
		reply_error(x, &e, OCI_SUBJECT_SERVER, 0);
}

/*
 * What an answer names is not in the store: evicted since, so the answer is
 * void and core is asked, once more.
 */
static void
ask_again(struct exchange *x)
{
	struct err e;

	answers_drop(x->server->answers, x->key);
	if (!x->asked_again) {
		x->asked_again = true;
		ask(x);
		return;
	}
	log_event(
	    LOG_LEVEL_ERROR, "blob.missing", "id", x->id, "key", x->key, NULL);
	err_set(&e, ERR_INTERNAL, "the store lacks what was promised");
	reply_error(x, &e, exchange_subject(x), 0);
}

void
exchange_serve_answer(struct exchange *x, struct answer *a)
{
	if (x->stream != NULL)
		server_stream_release(x);
	else if (x->request.kind == REQUEST_MANIFEST && a->data != NULL)
		reply_manifest(x, a);
	else if (x->request.kind == REQUEST_MANIFEST || !reply_blob(x, a))
		ask_again(x);
}

/*
 * The name of what is asked, for the table of answers and for clients that ask
 * the same.
 */
static char *
answer_key(const struct request *r)
{
	char n[24] = "";

	if (r->has_n)
		snprintf(n, sizeof(n), "%" PRIu64, r->n);
	return mem_printf("%s %s %s %s %s %s %s", request_kind_name(r->kind),
	    r->repository, r->ns, r->reference, n, r->last, r->artifact_type);
}

void
exchange_serve(struct exchange *x)
{
	const struct request *r = &x->request;
	auto_json json_t *empty = NULL, *none = NULL;
	struct answer *a;

	switch (r->kind) {
	case REQUEST_PING:
		empty = json_object();
		reply_json(x, empty, NULL);
		return;
	case REQUEST_REFERRERS:
		if (!r->foreign_digest)
			break;
		none = json_array();
		reply_referrers(x, none, false, NULL);
		return;
	case REQUEST_MANIFEST:
	case REQUEST_BLOB:
	case REQUEST_TAGS:
	case REQUEST_MAP:
		break;
	}
	x->key = answer_key(r);
	a = answers_find(x->server->answers, x->key, clock_now_ms());
	if (a == NULL) {
		ask(x);
		return;
	}
	x->cache = "hit";
	server_use_note(x->server->uses, a, x->began);
	auto_answer struct answer *held = answer_ref(a);
	exchange_serve_answer(x, held);
}

static void
format_id(struct server *server, char id[EXCHANGE_ID])
{
	size_t len = strlen(server->id);

	memcpy(id, server->id, len);
	num_format(++server->requests, id + len);
}

static struct exchange *
new_exchange(struct evhttp_request *http, struct server *server)
{
	const char *agent = evhttp_find_header(
	    evhttp_request_get_input_headers(http), "User-Agent");
	struct exchange *x = mem_zalloc(1, sizeof(*x));

	x->server = server;
	x->http = http;
	x->began = clock_now_ms();
	x->head = evhttp_request_get_command(http) == EVHTTP_REQ_HEAD;
	x->containerd = agent != NULL && strncmp(agent, "containerd/", 11) == 0;
	format_id(server, x->id);
	x->connection = connections_find(
	    server->connections, evhttp_request_get_connection(http));
	connection_work(x->connection, on_gone, x);
	evhttp_request_set_on_complete_cb(http, on_complete, x);
	return x;
}

void
exchange_begin(struct evhttp_request *http, void *server)
{
	struct exchange *x = new_exchange(http, server);
	enum oci_subject subject = OCI_SUBJECT_METHOD;
	struct err e;

	if (server_framing_check(http, &x->close, &e) == -1) {
		x->close = true;
		reply_error(x, &e, subject, 0);
	} else if (connection_is_refused(x->connection)) {
		err_set(&e, ERR_BUSY, "too many connections");
		reply_error(x, &e, OCI_SUBJECT_SERVER, 0);
	} else if (!x->head &&
	    evhttp_request_get_command(http) != EVHTTP_REQ_GET) {
		err_set(&e, ERR_UNSUPPORTED, "this registry is read-only");
		reply_error(x, &e, subject, 0);
	} else if (request_parse(evhttp_request_get_uri(http), &x->request,
		       &subject, &e) == -1) {
		reply_error(x, &e, subject, 0);
	} else {
		server_auth_begin(x);
	}
}
