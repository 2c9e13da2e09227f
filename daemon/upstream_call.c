#include "upstream_call.h"

#include <stdlib.h>
#include <string.h>

#include "http_url.h"
#include "misses.h"
#include "upstream_auth.h"
#include "upstream_error.h"
#include "winnow/auto.h"
#include "winnow/clock.h"
#include "winnow/log.h"
#include "winnow/mem.h"

/* How long an endpoint that was out of order is passed over. */
#define ENDPOINT_DOWN_MS (30 * 1000)

struct upstream_call {
	struct registry *registry;
	struct registry_endpoint *endpoint; /* that is asked */
	struct upstream_auth *auth; /* the endpoint's, or a mirror's */
	char *method;
	char *path; /* "/v2/library/postgres/manifests/16" */
	char *url;
	char *repository;
	char *name; /* "library/postgres:16", for messages */
	const char *const *headers;
	uint64_t range_from;
	struct http_callbacks cb;
	/* One of these while something is going on. */
	struct upstream_auth_waiter *waiter;
	struct http_request *http;
	char *bearer; /* the token that was sent, or NULL */
	bool success; /* of the response that arrives */
	bool refused; /* once: the second time is the last */
	bool begun; /* a success has begun to arrive: no other endpoint */
	uint64_t said_s; /* when to come back, as the last response did, or 0 */
	uint64_t retry_after_s; /* the first that an endpoint said, or 0 */
	struct event *turn; /* answers from the loop what is held, or NULL */
	struct err held; /* how it was refused */
	struct err first; /* why an endpoint before failed, or ERR_NONE */
	struct strbuf refusal; /* body of a response that is no success */
};

static void
call_free(struct upstream_call *call)
{
	free(call->method);
	free(call->path);
	free(call->url);
	free(call->repository);
	free(call->name);
	free(call->bearer);
	if (call->turn != NULL)
		event_free(call->turn);
	strbuf_clear(&call->refusal);
	free(call);
}

/*
 * True for what says that the server is out of order, not the request.
 * 405 and 501 refuse a method.
 */
static bool
is_outage(const struct http_response *r, const struct err *e)
{
	if (e->code == ERR_UPSTREAM)
		return r->status == 0 || (r->status >= 500 && r->status != 501);
	return e->code == ERR_TIMEOUT || e->code == ERR_RATE_LIMIT;
}

static void call_endpoint(struct upstream_call *call);

/*
 * The next endpoint that is not down, or NULL.  The one that is out of order
 * is remembered with its reason, which the client hears if no other helps:
 * a mirror that lacks an image does not mean that there is none.
 */
static struct registry_endpoint *
next_endpoint(struct upstream_call *call)
{
	struct registry *g = call->registry;
	struct registry_endpoint *p = call->endpoint + 1;

	for (; p < g->endpoints + g->endpoint_count; p++)
		if (p->down_until_ms <= clock_now_ms())
			return p;
	return NULL;
}

/* The first endpoint to ask: the first that is not down, or the first. */
static void
choose_endpoint(struct upstream_call *call)
{
	struct registry *g = call->registry;
	struct registry_endpoint *p;

	call->endpoint = g->endpoints;
	if (call->endpoint->down_until_ms <= clock_now_ms())
		return;
	p = next_endpoint(call);
	if (p == NULL)
		return;
	call->first = call->endpoint->down;
	call->endpoint = p;
}

/* Asks the next endpoint after an outage of this one; false: there is none. */
static bool
call_next(struct upstream_call *call, const struct http_response *r,
    const struct err *e)
{
	uint64_t down_ms = call->said_s * 1000;
	struct registry_endpoint *next;

	if (!is_outage(r, e) || call->begun ||
	    call->registry->endpoint_count == 1)
		return false;
	call->endpoint->down = *e;
	if (down_ms < ENDPOINT_DOWN_MS)
		down_ms = ENDPOINT_DOWN_MS;
	call->endpoint->down_until_ms = clock_now_ms() + down_ms;
	next = next_endpoint(call);
	if (next == NULL)
		return false;
	log_event(LOG_LEVEL_WARN, "upstream.fallback", "host",
	    call->registry->upstream.host, "from", call->endpoint->base_url,
	    "to", next->base_url, "error", e->message, NULL);
	if (call->first.code == ERR_NONE)
		call->first = *e;
	call->endpoint = next;
	call->refused = false;
	call_endpoint(call);
	return true;
}

/* Nobody has it now, and it was said when: until then it is not asked for. */
static void
hold(struct upstream_call *call, const struct err *e)
{
	struct registry *g = call->registry;

	if (call->retry_after_s == 0)
		return;
	misses_add(g->held, call->path, call->retry_after_s * 1000, e);
	upstream_note_retry(&g->upstream, call->retry_after_s);
}

static void
on_held(evutil_socket_t fd, short what, void *arg)
{
	static const struct http_response none = {.status = 0};
	struct upstream_call *call = arg;

	(void)fd;
	(void)what;
	call->cb.on_done(call->cb.arg, &none, &call->held);
	call_free(call);
}

/* Ends the call, unless another endpoint may do better; `e` without its
 * context, or NULL. */
static void
call_finish(
    struct upstream_call *call, const struct http_response *r, struct err *e)
{
	if (e != NULL && call_next(call, r, e))
		return;
	if (e != NULL && call->first.code != ERR_NONE && !call->begun)
		*e = call->first;
	if (e != NULL)
		err_wrap(
		    e, "%s: %s", call->registry->upstream.host, call->name);
	upstream_note(&call->registry->upstream, e);
	if (e != NULL)
		hold(call, e);
	call->cb.on_done(call->cb.arg, r, e);
	call_free(call);
}

static bool
is_success(const struct http_response *r)
{
	return r->status >= 200 && r->status < 300;
}

static int
call_on_headers(void *arg, const struct http_response *r, struct err *e)
{
	struct upstream_call *call = arg;

	call->success = is_success(r);
	strbuf_reset(&call->refusal);
	call->begun = call->success;
	if (!call->success || call->cb.on_headers == NULL)
		return 0;
	return call->cb.on_headers(call->cb.arg, r, e);
}

static int
call_on_data(void *arg, const void *data, size_t len, struct err *e)
{
	struct upstream_call *call = arg;

	if (call->success && call->cb.on_data != NULL)
		return call->cb.on_data(call->cb.arg, data, len, e);
	strbuf_add(&call->refusal, data, len);
	return 0;
}

/* The host that answered where that is not the registry; else NULL. */
static char *
redirected_host(const struct upstream_call *call, const struct http_response *r)
{
	auto_http_url struct http_url registry = {.scheme = NULL};
	auto_http_url struct http_url from = {.scheme = NULL};
	struct err unused;

	if (http_url_parse(call->endpoint->base_url, &registry, &unused) ==
		-1 ||
	    http_url_parse(r->final_url, &from, &unused) == -1 ||
	    http_url_same_origin(&registry, &from))
		return NULL;
	return mem_strdup(from.host);
}

/*
 * True when better credentials may help.  ECR Public answers 400, without a
 * challenge, to a token that has expired.
 */
static bool
wants_credentials(
    const struct upstream_call *call, const struct http_response *r)
{
	return r->status == 401 ||
	    (r->status == 400 && call->bearer != NULL &&
		http_response_header(r, "www-authenticate") == NULL);
}

static void on_credential(
    void *arg, const struct upstream_credential *c, const struct err *e);

/*
 * Asks for better credentials, once, and sends the request again with them.
 * A redirect's host is asked itself then: registry.k8s.io leads to
 * registries that want a token of their own.  Returns false when there are
 * none to ask for.
 */
static bool
call_retry(
    struct upstream_call *call, const struct http_response *r, bool redirected)
{
	if (call->refused || !wants_credentials(call, r))
		return false;
	if (redirected) {
		if (http_response_header(r, "www-authenticate") == NULL)
			return false;
		call->auth = registry_mirror_auth(call->registry, r->final_url);
		if (call->auth == NULL)
			return false;
		free(call->url);
		call->url = mem_strdup(r->final_url);
		free(call->bearer);
		call->bearer = NULL;
	}
	call->refused = true;
	upstream_auth_refused(call->auth, call->repository, call->bearer, r);
	call->waiter = upstream_auth_get(
	    call->auth, call->repository, on_credential, call);
	return true;
}

static void
call_on_done(void *arg, const struct http_response *r, const struct err *e)
{
	struct upstream_call *call = arg;
	auto_free char *host = NULL;
	struct err failure;

	call->http = NULL;
	if (e != NULL) {
		failure = *e;
		call_finish(call, r, &failure);
		return;
	}
	upstream_note_rate(&call->registry->upstream, r);
	if (is_success(r)) {
		call_finish(call, r, NULL);
		return;
	}
	host = redirected_host(call, r);
	if (call_retry(call, r, host != NULL))
		return;
	call->said_s = http_response_retry_after(r, UPSTREAM_RETRY_MAX_S);
	if (call->retry_after_s == 0)
		call->retry_after_s = call->said_s;
	upstream_error_set(
	    &failure, host != NULL ? host : "registry", r, &call->refusal);
	call_finish(call, r, &failure);
}

/*
 * True when the registry may not ask any more for what could not be had: the
 * challenge is an earlier request's.  Without credentials it says what it
 * wants now.  Who is slow or overrun is not asked twice as much.
 */
static bool
challenge_may_be_old(const struct upstream_call *call, const struct err *e)
{
	return !call->refused && e->code != ERR_TIMEOUT &&
	    e->code != ERR_RATE_LIMIT;
}

/* Sends the request, now that it is known with what. */
static void
on_credential(
    void *arg, const struct upstream_credential *c, const struct err *e)
{
	static const struct http_response none = {.status = 0};
	static const struct upstream_credential nothing = {.bearer = NULL};
	struct upstream_call *call = arg;
	struct registry *g = call->registry;
	struct http_options o = {
	    .method = call->method,
	    .url = call->url,
	    .headers = call->headers,
	    .access = g->access,
	    .range_from = call->range_from,
	    .follow = true,
	};
	const struct http_callbacks cb = {
	    call_on_headers, call_on_data, call_on_done, call};

	call->waiter = NULL;
	if (e != NULL && challenge_may_be_old(call, e)) {
		c = &nothing;
		e = NULL;
	}
	if (e != NULL && e->code == ERR_RATE_LIMIT) {
		call->said_s = upstream_auth_retry_after(call->auth);
		if (call->retry_after_s == 0)
			call->retry_after_s = call->said_s;
	}
	if (e != NULL && call_next(call, &none, e))
		return;
	if (e != NULL && call->first.code != ERR_NONE) {
		struct err first = call->first;

		call_finish(call, &none, &first);
		return;
	}
	if (e != NULL) {
		/* Has its context from upstream_auth. */
		upstream_note(&g->upstream, e);
		hold(call, e);
		call->cb.on_done(call->cb.arg, &none, e);
		call_free(call);
		return;
	}
	free(call->bearer);
	call->bearer = mem_strdup_optional(c->bearer);
	o.bearer = c->bearer;
	o.basic = c->basic;
	call->http = http_request_start(g->client, &o, &cb);
}

/* Asks the endpoint, for credentials first. */
static void
call_endpoint(struct upstream_call *call)
{
	free(call->url);
	call->said_s = 0;
	call->url = mem_printf("%s%s", call->endpoint->base_url, call->path);
	call->auth = call->endpoint->auth;
	call->waiter = upstream_auth_get(
	    call->auth, call->repository, on_credential, call);
}

struct upstream_call *
upstream_call_start(struct registry *g, const struct upstream_call_options *o,
    const struct http_callbacks *cb)
{
	struct upstream_call *call = mem_zalloc(1, sizeof(*call));

	call->registry = g;
	call->method = mem_strdup(o->method);
	call->path =
	    mem_printf("/v2/%s/%s/%s%s%s", o->repository, o->kind, o->reference,
		o->query == NULL ? "" : "?", o->query == NULL ? "" : o->query);
	call->repository = mem_strdup(o->repository);
	call->name = mem_printf("%s%s%s", o->repository,
	    strchr(o->reference, ':') == NULL ? ":" : "@", o->reference);
	call->headers = o->headers;
	call->range_from = o->range_from;
	call->cb = *cb;
	strbuf_init(&call->refusal, UPSTREAM_ERROR_BODY_MAX);
	if (misses_find(g->held, call->path, &call->held)) {
		call->turn = evtimer_new(g->upstream.base, on_held, call);
		event_active(call->turn, EV_TIMEOUT, 0);
		return call;
	}
	choose_endpoint(call);
	call_endpoint(call);
	return call;
}

void
upstream_call_cancel(struct upstream_call *call)
{
	if (call->waiter != NULL)
		upstream_auth_cancel(call->waiter);
	if (call->http != NULL)
		http_request_cancel(call->http);
	call_free(call);
}
