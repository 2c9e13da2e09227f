/*
 * Metrics and health over HTTP, on addresses of their own: GET only, one
 * request per connection.  This is not evhttp: core, which holds the
 * credentials, reads a request line here and nothing else.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acceptor.h"
#include "admin_private.h"
#include "listen_socket.h"
#include "winnow/auto.h"
#include "winnow/log.h"
#include "winnow/mem.h"

/* Probes and scrapers at once. */
#define CLIENTS_MAX 64
/* Request line and headers. */
#define REQUEST_MAX 8192
/* Thousands of lines fit; the number of upstreams is the only unknown. */
#define BODY_MAX (8u << 20)
/* For the request to come, and for the answer to be taken. */
static const struct timeval time_limit = {.tv_sec = 10};

struct http_listener {
	struct acceptor *acceptor;
	char *path; /* of a Unix socket, or NULL */
};

struct client {
	struct admin_http *http;
	struct bufferevent *bev;
	struct event *timer;
	bool answered;
	TAILQ_ENTRY(client) entry;
};

struct admin_http {
	struct admin *admin;
	struct http_listener listeners[ADMIN_HTTP_MAX];
	size_t listener_count;
	TAILQ_HEAD(, client) clients;
	size_t count;
};

static void
client_free(struct client *c)
{
	TAILQ_REMOVE(&c->http->clients, c, entry);
	c->http->count--;
	event_free(c->timer);
	bufferevent_free(c->bev);
	free(c);
}

static void
answer(struct client *c, const char *status, const char *type,
    const struct strbuf *body, bool head)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);

	c->answered = true;
	evbuffer_add_printf(out,
	    "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
	    "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
	    status, type, body->len);
	if (!head)
		evbuffer_add(out, body->data, body->len);
}

/* A few words as the whole answer. */
static void
say(struct client *c, const char *status, const char *text, bool head)
{
	auto_strbuf struct strbuf body;

	strbuf_init(&body, BODY_MAX);
	strbuf_add_format(&body, "%s\n", text);
	answer(c, status, "text/plain; charset=utf-8", &body, head);
}

/* Why clients should be sent elsewhere, or NULL. */
static const char *
find_unreadiness(const struct servers *servers)
{
	size_t count = servers_states(servers, NULL), i, alive = 0;
	auto_free struct servers_state *states =
	    mem_zalloc(count, sizeof(*states));

	if (servers_are_draining(servers))
		return "stopping";
	servers_states(servers, states);
	for (i = 0; i < count; i++)
		alive += states[i].pid != 0;
	return alive == 0 ? "no server process runs" : NULL;
}

/* What is stored is served also while nothing can be added to it. */
static void
serve_readiness(struct client *c, bool head)
{
	const struct admin *a = c->http->admin;
	const char *why = find_unreadiness(a->core.servers);
	const struct err *refusal = store_refusal(a->core.context->env.store);
	auto_free char *limited = refusal == NULL
	    ? NULL
	    : mem_printf("ready for what is stored: %s", refusal->message);

	if (why != NULL)
		say(c, "503 Service Unavailable", why, head);
	else
		say(c, "200 OK", limited == NULL ? "ready" : limited, head);
}

static void
serve_metrics(struct client *c, bool head)
{
	auto_strbuf struct strbuf body;

	strbuf_init(&body, BODY_MAX);
	admin_metrics(c->http->admin, &body);
	answer(c, "200 OK", "text/plain; version=0.0.4; charset=utf-8", &body,
	    head);
}

static void
serve(struct client *c, const char *path, bool head)
{
	if (strcmp(path, "/healthz") == 0) {
		say(c, "200 OK", "ok", head);
	} else if (strcmp(path, "/readyz") == 0) {
		serve_readiness(c, head);
	} else if (strcmp(path, "/metrics") == 0) {
		serve_metrics(c, head);
	} else {
		say(c, "404 Not Found", "/metrics, /healthz or /readyz", head);
	}
}

/* "GET /metrics HTTP/1.1"; a query is ignored. */
static void
take_request(struct client *c, char *line)
{
	char *path = strchr(line, ' '), *version;
	bool head = strncmp(line, "HEAD ", 5) == 0;

	if (path == NULL || (version = strchr(path + 1, ' ')) == NULL ||
	    strncmp(version + 1, "HTTP/1.", 7) != 0) {
		say(c, "400 Bad Request", "this is no HTTP/1 request", false);
		return;
	}
	if (!head && strncmp(line, "GET ", 4) != 0) {
		say(c, "405 Method Not Allowed", "only GET", false);
		return;
	}
	*version = '\0';
	path++;
	path[strcspn(path, "?")] = '\0';
	serve(c, path, head);
}

static void
on_readable(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;
	struct evbuffer *input = bufferevent_get_input(bev);
	struct evbuffer_ptr end = evbuffer_search(input, "\r\n\r\n", 4, NULL);
	auto_free char *line = NULL;

	if (c->answered) {
		evbuffer_drain(input, evbuffer_get_length(input));
	} else if (end.pos != -1) {
		line = evbuffer_readln(input, NULL, EVBUFFER_EOL_CRLF);
		take_request(c, line);
	} else if (evbuffer_get_length(input) >= REQUEST_MAX) {
		say(c, "431 Request Header Fields Too Large",
		    "the request is too large", false);
	}
}

static void
on_sent(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;

	(void)bev;
	if (c->answered)
		client_free(c);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)what;
	client_free(arg);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	client_free(arg);
}

static void
on_accept(void *arg, int fd)
{
	struct admin_http *http = arg;
	struct event_base *base = http->admin->core.context->base;
	struct client *c;

	if (http->count >= CLIENTS_MAX) {
		close(fd);
		return;
	}
	c = mem_zalloc(1, sizeof(*c));
	c->http = http;
	c->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	c->timer = evtimer_new(base, on_timer, c);
	TAILQ_INSERT_TAIL(&http->clients, c, entry);
	http->count++;
	bufferevent_setcb(c->bev, on_readable, on_sent, on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, REQUEST_MAX);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	event_add(c->timer, &time_limit);
}

static int
open_listener(struct admin_http *http, const char *text, struct err *e)
{
	struct http_listener *l = &http->listeners[http->listener_count];
	struct listen_address address;
	auto_fd int fd = -1;

	if (listen_address_parse(text, &address, e) == -1)
		return err_wrap(e, "%s", text);
	if (address.kind == LISTEN_UNIX) {
		if (listen_socket_unix(&address, &fd, e) == -1)
			return err_wrap(e, "%s", text);
		l->path = mem_strdup(listen_socket_path(&address));
	} else if (listen_socket_inet(&address, false, &fd, e) == -1) {
		return err_wrap(e, "%s", text);
	}
	l->acceptor = acceptor_new(
	    http->admin->core.context->base, steal_fd(&fd), on_accept, http);
	http->listener_count++;
	return 0;
}

struct admin_http *
admin_http_new(struct admin *a, const struct config *c)
{
	struct admin_http *http = mem_zalloc(1, sizeof(*http));
	struct err e;
	size_t i;

	http->admin = a;
	TAILQ_INIT(&http->clients);
	for (i = 0; i < c->admin_count; i++)
		if (open_listener(http, c->admin[i], &e) == -1)
			log_event(LOG_LEVEL_ERROR, "admin.missing", "error",
			    e.message, "now", "no metrics and no health there",
			    NULL);
	return http;
}

void
admin_http_free(struct admin_http *http)
{
	size_t i;

	while (!TAILQ_EMPTY(&http->clients))
		client_free(TAILQ_FIRST(&http->clients));
	for (i = 0; i < http->listener_count; i++) {
		struct http_listener *l = &http->listeners[i];

		acceptor_free(l->acceptor);
		if (l->path != NULL)
			unlink(l->path);
		free(l->path);
	}
	free(http);
}
