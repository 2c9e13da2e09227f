/*
 * http_client_internal: what the client (http_client.c) and its requests
 * (http_request.c) know of each other.
 */
#ifndef WINNOW_DAEMON_HTTP_CLIENT_INTERNAL_H
#define WINNOW_DAEMON_HTTP_CLIENT_INTERNAL_H

#include <curl/curl.h>
#include <event2/event_struct.h>
#include <sys/queue.h>

#include "http_client.h"
#include "http_response.h"

/* A request is in the list of its state; http_request_set_state() moves it. */
enum request_state {
	REQUEST_PENDING, /* not with libcurl yet */
	REQUEST_RUNNING,
	REQUEST_FINISHED, /* over, but on_done has not been called */
	REQUEST_DONE, /* on_done is being called */
	REQUEST_CANCELLED, /* to be freed; no callback */
	REQUEST_STATES
};

TAILQ_HEAD(request_list, http_request);

struct http_client {
	struct event_base *base;
	CURLM *multi;
	struct event timer; /* libcurl's */
	struct event turn; /* lists other than RUNNING wait for it */
	struct request_list lists[REQUEST_STATES];
};

struct http_request {
	struct http_client *client;
	TAILQ_ENTRY(http_request) entry;
	enum request_state state;
	CURL *easy;
	struct curl_slist *headers;
	struct http_callbacks cb;
	struct http_response_reader reader;
	bool follow;
	int redirects;
	size_t redirect_body;
	CURLcode result;
	bool gave_up; /* a callback did, or a limit: `error` says why */
	struct err error;
	char curl_error[CURL_ERROR_SIZE];
};

/* Into the list of another state. */
void http_request_set_state(struct http_request *r, enum request_state state);
/* Hands a pending request to libcurl. */
void http_request_run(struct http_request *r);
/* Follows a finished one's redirect, or calls on_done and frees it. */
void http_request_finish(struct http_request *r);
/* In any state, from a turn of the client's. */
void http_request_free(struct http_request *r);

#endif
