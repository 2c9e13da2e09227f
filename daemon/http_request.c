/* A request of http_client.h, from its options to its end. */
#include <config.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "http_client_internal.h"
#include "http_url.h"
#include "winnow/mem.h"

#define REDIRECTS_MAX 10
/* What a redirect may carry as its body; it is thrown away. */
#define REDIRECT_BODY_MAX (64u << 10)

void
http_request_set_state(struct http_request *r, enum request_state state)
{
	struct http_client *c = r->client;

	TAILQ_REMOVE(&c->lists[r->state], r, entry);
	r->state = state;
	TAILQ_INSERT_TAIL(&c->lists[state], r, entry);
	if (state != REQUEST_RUNNING)
		event_active(&c->turn, EV_TIMEOUT, 0);
}

void
http_request_free(struct http_request *r)
{
	TAILQ_REMOVE(&r->client->lists[r->state], r, entry);
	curl_multi_remove_handle(r->client->multi, r->easy);
	curl_easy_cleanup(r->easy);
	curl_slist_free_all(r->headers);
	free(r->reader.response.final_url);
	http_response_clear(&r->reader);
	free(r);
}

/* True while the response that arrives is one that will be followed. */
static bool
is_followed(const struct http_request *r)
{
	return r->follow && http_response_is_redirect(&r->reader.response);
}

/* Remembers why the transfer is given up, for on_done. */
static size_t
give_up(struct http_request *r)
{
	r->gave_up = true;
	return 0;
}

static size_t
on_header_line(char *line, size_t size, size_t count, void *arg)
{
	struct http_request *r = arg;
	struct http_response *response = &r->reader.response;
	size_t len = size * count;
	int last;

	if (r->state != REQUEST_RUNNING)
		return 0;
	last = http_response_add_line(&r->reader, line, len, &r->error);
	if (last == -1)
		return give_up(r);
	if (last == 0)
		return len;
	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &response->status);
	if (response->status >= 200 && !is_followed(r) &&
	    r->cb.on_headers != NULL &&
	    r->cb.on_headers(r->cb.arg, response, &r->error) == -1)
		return give_up(r);
	return r->state == REQUEST_RUNNING ? len : 0;
}

static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
	struct http_request *r = arg;
	size_t len = size * count;

	if (r->state != REQUEST_RUNNING)
		return 0;
	if (is_followed(r)) {
		r->redirect_body += len;
		if (r->redirect_body <= REDIRECT_BODY_MAX)
			return len;
		err_set(&r->error, ERR_LIMIT,
		    "the redirect has a body of more "
		    "than %u bytes",
		    REDIRECT_BODY_MAX);
		return give_up(r);
	}
	if (r->cb.on_data != NULL &&
	    r->cb.on_data(r->cb.arg, data, len, &r->error) == -1)
		return give_up(r);
	return r->state == REQUEST_RUNNING ? len : 0;
}

/* Workers are started from this process: they inherit no socket. */
static int
on_socket_made(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	(void)arg;
	(void)purpose;
	return fcntl(fd, F_SETFD, FD_CLOEXEC) == -1 ? CURL_SOCKOPT_ERROR
						    : CURL_SOCKOPT_OK;
}

/*
 * Prepares a finished request for where its redirect leads: from https never
 * to http, and without credentials on another host, scheme or port, even if a
 * later redirect comes back.
 */
static int
follow_redirect(struct http_request *r, struct err *e)
{
	auto_http_url struct http_url from = {.scheme = NULL};
	auto_http_url struct http_url to = {.scheme = NULL};
	char *url = NULL;

	if (++r->redirects > REDIRECTS_MAX)
		return err_set(
		    e, ERR_UPSTREAM, "more than %d redirects", REDIRECTS_MAX);
	curl_easy_getinfo(r->easy, CURLINFO_REDIRECT_URL, &url);
	if (url == NULL)
		return err_set(e, ERR_UPSTREAM, "a redirect without a URL");
	if (http_url_parse(r->reader.response.final_url, &from, e) == -1 ||
	    http_url_parse(url, &to, e) == -1)
		return err_wrap(e, "redirect refused");
	if (strcmp(from.scheme, "https") == 0 &&
	    strcmp(to.scheme, "https") != 0)
		return err_set(e, ERR_UPSTREAM,
		    "redirect refused: it leads from https to http (%s)",
		    to.host);
	if (!http_url_same_origin(&from, &to)) {
		curl_easy_setopt(r->easy, CURLOPT_XOAUTH2_BEARER, NULL);
		curl_easy_setopt(r->easy, CURLOPT_USERPWD, NULL);
		curl_easy_setopt(r->easy, CURLOPT_HTTPAUTH, CURLAUTH_NONE);
	}
	free(r->reader.response.final_url);
	r->reader.response.final_url = mem_strdup(url);
	curl_easy_setopt(r->easy, CURLOPT_URL, r->reader.response.final_url);
	http_response_clear(&r->reader);
	r->redirect_body = 0;
	return 0;
}

/* Says in *e why a transfer failed. */
static void
describe_failure(const struct http_request *r, struct err *e)
{
	if (r->gave_up)
		*e = r->error;
	else
		err_set(e,
		    r->result == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT
							  : ERR_UPSTREAM,
		    "%s",
		    r->curl_error[0] != '\0' ? r->curl_error
					     : curl_easy_strerror(r->result));
}

void
http_request_run(struct http_request *r)
{
	r->curl_error[0] = '\0';
	http_request_set_state(r, REQUEST_RUNNING);
	curl_multi_add_handle(r->client->multi, r->easy);
}

void
http_request_finish(struct http_request *r)
{
	struct err e, *failure = NULL;
	struct http_url url = {.scheme = NULL};

	curl_multi_remove_handle(r->client->multi, r->easy);
	if (r->result != CURLE_OK) {
		describe_failure(r, &e);
		failure = &e;
	} else if (is_followed(r)) {
		if (follow_redirect(r, &e) == 0) {
			http_request_run(r);
			return;
		}
		failure = &e;
	}
	if (failure != NULL && !r->gave_up) {
		struct err unused;

		if (http_url_parse(
			r->reader.response.final_url, &url, &unused) == 0)
			err_wrap(&e, "%s", url.host);
		http_url_clear(&url);
	}
	http_request_set_state(r, REQUEST_DONE);
	r->cb.on_done(r->cb.arg, &r->reader.response, failure);
	http_request_free(r);
}

/* Whole seconds, at least one: libcurl's unit for the idle timeout. */
static long
seconds_of(uint64_t ms)
{
	return ms < 1000 ? 1 : (long)((ms + 999) / 1000);
}

void
http_access_copy(const struct http_access *from, struct http_access *to)
{
	*to = *from;
	to->ca_file = mem_strdup_optional(from->ca_file);
	to->proxy = mem_strdup_optional(from->proxy);
}

void
http_access_clear(struct http_access *a)
{
	free(a->ca_file);
	free(a->proxy);
	a->ca_file = a->proxy = NULL;
}

static void
set_access(CURL *easy, const struct http_access *a)
{
	if (a->ca_file != NULL)
		curl_easy_setopt(easy, CURLOPT_CAINFO, a->ca_file);
	/* An empty one keeps libcurl from looking at the environment. */
	if (a->proxy != NULL)
		curl_easy_setopt(easy, CURLOPT_PROXY,
		    strcmp(a->proxy, "none") == 0 ? "" : a->proxy);
	curl_easy_setopt(
	    easy, CURLOPT_CONNECTTIMEOUT_MS, (long)a->connect_timeout_ms);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(
	    easy, CURLOPT_LOW_SPEED_TIME, seconds_of(a->idle_timeout_ms));
}

static void
set_credentials(CURL *easy, const struct http_options *o)
{
	if (o->bearer != NULL) {
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
		curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, o->bearer);
	} else if (o->basic != NULL) {
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		curl_easy_setopt(easy, CURLOPT_USERPWD, o->basic);
	}
}

static void
set_options(struct http_request *r, const struct http_options *o)
{
	CURL *easy = r->easy;
	char range[32];

	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "winnow/" PACKAGE_VERSION);
	curl_easy_setopt(easy, CURLOPT_URL, o->url);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, r->headers);
	if (strcmp(o->method, "HEAD") == 0)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	set_access(easy, &o->access);
	set_credentials(easy, o);
	if (o->range_from > 0) {
		snprintf(range, sizeof(range), "%llu-",
		    (unsigned long long)o->range_from);
		curl_easy_setopt(easy, CURLOPT_RANGE, range);
	}
}

static void
set_callbacks(struct http_request *r)
{
	curl_easy_setopt(r->easy, CURLOPT_PRIVATE, r);
	curl_easy_setopt(r->easy, CURLOPT_ERRORBUFFER, r->curl_error);
	curl_easy_setopt(r->easy, CURLOPT_HEADERFUNCTION, on_header_line);
	curl_easy_setopt(r->easy, CURLOPT_HEADERDATA, r);
	curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(r->easy, CURLOPT_WRITEDATA, r);
	curl_easy_setopt(r->easy, CURLOPT_SOCKOPTFUNCTION, on_socket_made);
}

struct http_request *
http_request_start(struct http_client *c, const struct http_options *o,
    const struct http_callbacks *cb)
{
	struct http_request *r = mem_zalloc(1, sizeof(*r));
	size_t i;

	r->client = c;
	r->cb = *cb;
	r->follow = o->follow;
	r->reader.response.final_url = mem_strdup(o->url);
	for (i = 0; o->headers != NULL && o->headers[i] != NULL; i++)
		r->headers = curl_slist_append(r->headers, o->headers[i]);
	r->easy = curl_easy_init();
	if (r->easy == NULL)
		abort();
	set_options(r, o);
	set_callbacks(r);
	TAILQ_INSERT_TAIL(&c->lists[REQUEST_PENDING], r, entry);
	http_request_set_state(r, REQUEST_PENDING);
	return r;
}

void
http_request_cancel(struct http_request *r)
{
	if (r->state != REQUEST_DONE && r->state != REQUEST_CANCELLED)
		http_request_set_state(r, REQUEST_CANCELLED);
}
