/*
 * http_client: HTTP requests to upstreams, through libcurl's multi interface
 * on core's event loop.  Nothing blocks.  Only it, http_request.c and
 * http_url.c include libcurl.
 */
#ifndef WINNOW_DAEMON_HTTP_CLIENT_H
#define WINNOW_DAEMON_HTTP_CLIENT_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "winnow/err.h"

struct http_client;
struct http_request;

/*
 * One client for the whole of core.  http_client_free() cancels what still
 * runs; it must not be called from a callback.
 */
struct http_client *http_client_new(struct event_base *base);
void http_client_free(struct http_client *c);

/* How to reach a server. */
struct http_access {
	char *ca_file; /* or NULL: the system's */
	char *proxy; /* or NULL: the environment's; "none" */
	uint64_t connect_timeout_ms;
	uint64_t idle_timeout_ms; /* no byte for so long ends it */
};
/* http_access_clear() releases the copy. */
void http_access_copy(const struct http_access *from, struct http_access *to);
void http_access_clear(struct http_access *a);

/* What to ask.  Everything is borrowed until the request is started. */
struct http_options {
	const char *method; /* "GET" or "HEAD" */
	const char *url;
	const char *const *headers; /* "Accept: ...", NULL-terminated */
	const char *bearer; /* token, or NULL */
	const char *basic; /* "user:password", or NULL */
	struct http_access access;
	uint64_t range_from; /* 0: everything */
	bool follow; /* follow redirects, without credentials on
			another host, scheme or port */
};

struct http_response {
	long status;
	char *final_url; /* after redirects */
	struct http_header {
		char *name; /* lower case */
		char *value;
	} * headers; /* of the last response */
	size_t header_count;
};
/* The first header of that (lower-case) name, or NULL. */
const char *
http_response_header(const struct http_response *r, const char *name);

/*
 * The seconds that a 429 or 503 asks to wait (Retry-After, a number or a date),
 * at most `max`; 0: it does not say, or what cannot be read.
 */
uint64_t http_response_retry_after(const struct http_response *r, uint64_t max);

struct http_callbacks {
	/* Once, when the last response's headers are complete.  Return -1 with
	 * *e filled to give up. */
	int (*on_headers)(
	    void *arg, const struct http_response *r, struct err *e);
	/* For every piece of the body.  Return -1 with *e to give up. */
	int (*on_data)(void *arg, const void *data, size_t len, struct err *e);
	/* Once, at the end; not after http_request_cancel().  `e` is NULL on
	 * success (whatever the status).  `r` has status 0 when no response
	 * came.  The request is freed afterwards. */
	void (*on_done)(
	    void *arg, const struct http_response *r, const struct err *e);
	void *arg;
};

/* Starts a request; it never calls back before it returns. */
struct http_request *http_request_start(struct http_client *c,
    const struct http_options *o, const struct http_callbacks *cb);

/* Ends a request without calling back; at any moment, from any callback. */
void http_request_cancel(struct http_request *r);

#endif
