#include "server_connection.h"

#include <event2/buffer.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "linger.h"
#include "server_connection_internal.h"
#include "server_error_page.h"
#include "server_watch.h"
#include "tls_context.h"
#include "winnow/log.h"
#include "winnow/mem.h"
#include "winnow/num.h"

/*
 * What a client may send ahead while a reply is on its way; without this
 * mark evhttp would buffer it all.  Must exceed the limits of header and body.
 */
#define INPUT_MAX (64u << 10)
/* What one record of TLS holds (RFC 8446, 5.1). */
#define TLS_RECORD (16u << 10)
/* A reply is a header, and a file or what fits into one write beside it. */
#define WRITES_AT_ONCE 2

static struct timeval
milliseconds(uint64_t ms)
{
	return (struct timeval){.tv_sec = (time_t)(ms / 1000),
	    .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
}

static void
set_state(struct connection *c, enum connection_state state)
{
	const struct connection_limits *limits = &c->all->limits;
	struct timeval tv;

	connections_move(c, state);
	if (state == CONNECTION_BUSY) {
		evtimer_del(c->timer);
		return;
	}
	if (state == CONNECTION_HEADERS)
		tv = milliseconds(limits->header_timeout_ms);
	else
		tv = milliseconds(c->all->draining || connection_is_outdated(c)
			? 0
			: limits->idle_timeout_ms);
	evtimer_add(c->timer, &tv);
}

void
connection_free(struct connection *c)
{
	connections_remove(c);
	connection_unwatch(c);
	event_free(c->timer);
	free(c);
}

/*
 * evhttp shows a request that it refuses to read to nobody.  Its first line
 * stands in the input until all of that has come.
 */
static void
look_for_get(struct connection *c)
{
	char start[4];

	if (c->begun ||
	    evbuffer_copyout(bufferevent_get_input(c->bev), start,
		sizeof(start)) != (ev_ssize_t)sizeof(start))
		return;
	c->begun = true;
	c->get = memcmp(start, "GET ", sizeof(start)) == 0;
}

/* Some of a request has come. */
static void
on_input(
    struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
	struct connection *c = arg;

	(void)buffer;
	if (info->n_added > 0 && c->state == CONNECTION_IDLE)
		set_state(c, CONNECTION_HEADERS);
	if (info->n_added > 0 && c->state == CONNECTION_HEADERS)
		look_for_get(c);
}

/* A socket of both families, as systemd opens it, has IPv4 addresses mapped. */
const char *
connection_peer(struct evhttp_connection *evcon)
{
	static const char mapped[] = "::ffff:";
	char *address = NULL;
	ev_uint16_t port;

	evhttp_connection_get_peer(evcon, &address, &port);
	if (address != NULL && strchr(address, '.') != NULL &&
	    strncmp(address, mapped, sizeof(mapped) - 1) == 0)
		address += sizeof(mapped) - 1;
	return address;
}

/* Ends the session properly, or says why there never was one. */
static void
close_tls(struct connection *c)
{
	const char *failure = tls_bufferevent_failure(c->bev);

	if (failure != NULL) {
		connections_count_failure(c->all);
		log_event(LOG_LEVEL_INFO, "tls.failed", "client",
		    connection_peer(c->evcon), "why", failure, NULL);
	}
	tls_bufferevent_finish(c->bev);
}

static void
replace_page(struct connection *c)
{
	char text[NUM_TEXT];
	unsigned status;

	/* To read it there is as much time as to send a header. */
	set_state(c, CONNECTION_HEADERS);
	c->ends = true;
	status = error_page_replace(bufferevent_get_output(c->bev), c->get);
	log_event(LOG_LEVEL_INFO, "request.bad", "status",
	    num_format(status, text), "client", connection_peer(c->evcon),
	    NULL);
}

/*
 * Output without an exchange is evhttp's own.  It is replaced here, since a
 * TLS connection encrypts and writes as soon as evhttp has given all of it.
 */
static void
on_output(
    struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
	struct connection *c = arg;

	if (info->n_added == 0 || c->gone != NULL)
		return;
	/* libevent lets nobody but the bufferevent look into a plain one. */
	if (!c->tls)
		evbuffer_unfreeze(buffer, 1);
	if (error_page_is_here(buffer))
		replace_page(c);
	if (!c->tls)
		evbuffer_freeze(buffer, 1);
}

/*
 * The client has its whole reply and may still be sending: its socket outlives
 * the connection.  Taken from the bufferevent, which would close it when it is
 * freed (BEV_OPT_CLOSE_ON_FREE), it stays the one descriptor of the socket, and
 * epoll can be told in sum what becomes of it.
 */
static void
linger(struct connection *c)
{
	int fd = bufferevent_getfd(c->bev);

	if (bufferevent_setfd(c->bev, -1) == 0)
		linger_begin(c->all->lingerers, fd);
	else
		close(fd);
}

/* evhttp is about to free the connection, and then what requests it has. */
static void
on_closed(struct evhttp_connection *evcon, void *arg)
{
	struct connection *c = arg;
	bool replied = c->ends && c->gone == NULL && connection_unsent(c) == 0;

	(void)evcon;
	if (c->gone != NULL)
		c->gone(c->arg);
	if (c->tls)
		close_tls(c);
	evbuffer_remove_cb(bufferevent_get_input(c->bev), on_input, c);
	evbuffer_remove_cb(bufferevent_get_output(c->bev), on_output, c);
	connections_set_by_fd(c->all, bufferevent_getfd(c->bev), NULL);
	if (replied)
		linger(c);
	connection_free(c);
}

/*
 * The first turn after accepting: evhttp has made its connection, which is
 * the argument of the bufferevent's callbacks, or has failed and freed the
 * bufferevent, which took its callbacks away and leaves us its last count.
 */
static void
open_connection(struct connection *c)
{
	struct timeval idle = milliseconds(c->all->limits.idle_timeout_ms);
	void *evcon = NULL;
	int on = 1;

	bufferevent_getcb(c->bev, NULL, NULL, NULL, &evcon);
	bufferevent_decref(c->bev);
	if (evcon == NULL) {
		connection_free(c);
		return;
	}
	c->evcon = evcon;
	evhttp_connection_set_closecb(c->evcon, on_closed, c);
	connections_set_by_fd(c->all, bufferevent_getfd(c->bev), c);
	/* Header and file leave in two writes: the second must not wait for
	 * the client's delayed acknowledgement of the first. */
	setsockopt(bufferevent_getfd(c->bev), IPPROTO_TCP, TCP_NODELAY, &on,
	    sizeof(on));
	bufferevent_setwatermark(c->bev, EV_READ, 0, INPUT_MAX);
	bufferevent_set_timeouts(c->bev, NULL, &idle);
	evbuffer_add_cb(bufferevent_get_input(c->bev), on_input, c);
	evbuffer_add_cb(bufferevent_get_output(c->bev), on_output, c);
	set_state(c, CONNECTION_HEADERS);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;

	(void)fd;
	(void)what;
	if (c->evcon == NULL)
		open_connection(c);
	else
		evhttp_connection_free(c->evcon);
}

struct connection *
connection_new(struct connections *all, struct bufferevent *bev, bool tls)
{
	struct connection *c = mem_zalloc(1, sizeof(*c));

	c->all = all;
	c->tls = tls;
	c->trust = all->trust;
	c->bev = bev;
	bufferevent_incref(c->bev);
	c->timer = evtimer_new(all->base, on_timer, c);
	event_active(c->timer, EV_TIMEOUT, 0);
	return c;
}

void
connection_work(struct connection *c, void (*gone)(void *arg), void *arg)
{
	c->gone = gone;
	c->arg = arg;
	set_state(c, CONNECTION_BUSY);
}

void
connection_rest(struct connection *c)
{
	c->gone = NULL;
	c->arg = NULL;
	c->begun = c->get = false;
	look_for_get(c);
	set_state(c,
	    evbuffer_get_length(bufferevent_get_input(c->bev)) > 0
		? CONNECTION_HEADERS
		: CONNECTION_IDLE);
}

static void
on_left(void *arg)
{
	connection_end(arg);
}

void
connection_watch(struct connection *c)
{
	c->watch = server_watch_new(
	    c->all->base, bufferevent_getfd(c->bev), on_left, c);
}

void
connection_unwatch(struct connection *c)
{
	server_watch_free(c->watch);
	c->watch = NULL;
}

void
connection_end(struct connection *c)
{
	evhttp_connection_free(c->evcon);
}

void
connection_end_after_reply(struct connection *c)
{
	c->ends = true;
}

bool
connection_take_back(struct connection *c, uint64_t length)
{
	struct evbuffer *output = bufferevent_get_output(c->bev);

	if (evbuffer_get_length(output) != length ||
	    (c->tls && tls_bufferevent_is_writing(c->bev)))
		return false;
	/* libevent lets nobody but the bufferevent take from a plain one. */
	if (!c->tls)
		evbuffer_unfreeze(output, 1);
	evbuffer_drain(output, (size_t)length);
	if (!c->tls)
		evbuffer_freeze(output, 1);
	return true;
}

void
connection_write_now(struct connection *c)
{
	struct evbuffer *output = bufferevent_get_output(c->bev);
	int i;

	/*
	 * What is in the buffer of a TLS connection is not encrypted yet: each
	 * piece would become a record and a write of its own.
	 */
	if (c->tls) {
		if (evbuffer_get_length(output) <= TLS_RECORD)
			evbuffer_pullup(output, -1);
		return;
	}
	/* libevent lets nobody but the bufferevent take from here. */
	evbuffer_unfreeze(output, 1);
	for (i = 0; i < WRITES_AT_ONCE && evbuffer_get_length(output) > 0; i++)
		if (evbuffer_write(output, bufferevent_getfd(c->bev)) <= 0)
			break;
	evbuffer_freeze(output, 1);
	/* What is left, and errors, are the bufferevent's. */
	if (evbuffer_get_length(output) > 0)
		return;
	bufferevent_disable(c->bev, EV_WRITE);
	bufferevent_trigger(c->bev, EV_WRITE,
	    BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

bool
connection_is_tls(const struct connection *c)
{
	return c->tls;
}

char *
connection_certificate_user(const struct connection *c)
{
	return c->tls ? tls_bufferevent_user(c->bev) : NULL;
}

bool
connection_is_refused(const struct connection *c)
{
	return c->refused;
}

bool
connection_is_outdated(const struct connection *c)
{
	return c->tls &&
	    ((c->trust != c->all->trust &&
		 tls_bufferevent_has_certificate(c->bev)) ||
		tls_bufferevent_has_expired(c->bev));
}

uint64_t
connection_unsent(const struct connection *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev));
}
