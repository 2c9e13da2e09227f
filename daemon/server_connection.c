#include "server_connection.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "linger.h"
#include "server.h"
#include "server_error_page.h"
#include "tls_context.h"
#include "winnow/clock.h"
#include "winnow/log.h"
#include "winnow/mem.h"
#include "winnow/num.h"

/*
 * What a client may send ahead while a reply is on its way; without this
 * mark evhttp would buffer it all.  Must exceed the limits of header and body.
 */
#define INPUT_MAX (64u << 10)
/* Connections above the limit that are accepted to be told so. */
#define REFUSED_MAX 64
/* What one record of TLS holds (RFC 8446, 5.1). */
#define TLS_RECORD (16u << 10)
/* A reply is a header, and a file or what fits into one write beside it. */
#define WRITES_AT_ONCE 2
/*
 * Who keeps us waiting for this long makes room when there is none: not
 * before a client that is near has sent its header.
 */
#define ROOM_AFTER_MS 100
/* How long to leave the listeners alone when there is no room at all. */
#define ACCEPT_PAUSE_MS 100

/*
 * What is read of a client that was told to go and still sends.  Clients that
 * look for an answer while they send stop at once; others send all they have,
 * which is a manifest, or some layer on a fast network.
 */
static const struct linger_limits linger_limits = {
    .sockets = CONNECTIONS_LINGERING, /* a burst of mistakes, not a flood */
    .bytes = 64u << 20,
    .total_ms = 10000, /* some MB through a slow line */
    .pause_ms = 3000, /* three losses of a packet in a row */
};

enum connection_state {
	CONNECTION_IDLE, /* nothing of the next request has come */
	CONNECTION_HEADERS, /* some of it */
	CONNECTION_BUSY /* a request is being answered */
};

struct connection {
	struct connections *all;
	struct bufferevent *bev;
	struct evhttp_connection *evcon; /* NULL in its first loop turn */
	bool tls;
	enum connection_state state;
	uint64_t since; /* clock_now_ms() of the state */
	bool refused;
	bool ends; /* after the reply, whatever the client sends */
	struct event *timer;
	struct event *watch; /* NULL when not watched */
	void (*gone)(void *arg);
	void *arg;
	TAILQ_ENTRY(connection) next;
};

TAILQ_HEAD(connection_list, connection);

struct listener {
	struct evhttp *http;
	struct evhttp_bound_socket *bound;
	struct listener *next;
};

struct connections {
	struct event_base *base;
	struct evhttp *plain;
	struct evhttp *https;
	struct tls_context *tls; /* NULL until core has sent it */
	struct connection_limits limits;
	void (*on_empty)(void *arg);
	void *arg;
	/* CONNECTION_BUSY, and the others; both in the order of `since`. */
	struct connection_list busy, waiting;
	uint64_t count;
	struct connection **by_fd;
	size_t by_fd_count;
	struct listener *listeners;
	struct lingerers *lingerers; /* not counted as connections */
	struct event *resume; /* listening, after a pause */
	bool draining;
	struct counters *counters; /* borrowed, or NULL */
};

/*
 * The only one of a process: a listener's error callback gets the argument
 * of its accept callback, which is evhttp's.
 */
static struct connections *the_connections;

static struct timeval
milliseconds(uint64_t ms)
{
	return (struct timeval){.tv_sec = (time_t)(ms / 1000),
	    .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
}

static struct connection_list *
list_of(struct connection *c)
{
	return c->state == CONNECTION_BUSY ? &c->all->busy : &c->all->waiting;
}

/* Also for a connection in no list yet. */
static void
enter_list(struct connection *c, enum connection_state state)
{
	c->state = state;
	c->since = clock_now_ms();
	TAILQ_INSERT_TAIL(list_of(c), c, next);
}

static void
set_state(struct connection *c, enum connection_state state)
{
	const struct connection_limits *limits = &c->all->limits;
	struct timeval tv;

	TAILQ_REMOVE(list_of(c), c, next);
	enter_list(c, state);
	if (state == CONNECTION_BUSY) {
		evtimer_del(c->timer);
		return;
	}
	if (state == CONNECTION_HEADERS)
		tv = milliseconds(limits->header_timeout_ms);
	else
		tv = milliseconds(
		    c->all->draining ? 0 : limits->idle_timeout_ms);
	evtimer_add(c->timer, &tv);
}

static void
set_listening(struct connections *all, bool on)
{
	struct listener *l;

	for (l = all->listeners; l != NULL; l = l->next) {
		struct evconnlistener *el =
		    evhttp_bound_socket_get_listener(l->bound);

		if (on && (l->http == all->plain || all->tls != NULL))
			evconnlistener_enable(el);
		else
			evconnlistener_disable(el);
	}
}

/* Clients wait in the kernel's queue until on_resume(). */
static void
pause_listening(struct connections *all)
{
	struct timeval pause = milliseconds(ACCEPT_PAUSE_MS);

	set_listening(all, false);
	evtimer_add(all->resume, &pause);
}

/* The bound of what is accepted, refused ones included. */
static uint64_t
most_connections(const struct connections *all)
{
	return all->limits.connections + REFUSED_MAX;
}

/* The number of connections has changed; a connection has come. */
static void
note_count(struct connections *all, const struct connection *came)
{
	struct counters *c = all->counters;

	if (c == NULL)
		return;
	__atomic_store_n(&c->connections, all->count, __ATOMIC_RELAXED);
	if (came != NULL)
		counters_add(came->refused ? &c->refused : &c->accepted, 1);
}

static void
free_connection(struct connection *c)
{
	struct connections *all = c->all;

	TAILQ_REMOVE(list_of(c), c, next);
	if (all->count-- == most_connections(all) && !all->draining)
		set_listening(all, true);
	note_count(all, NULL);
	connection_unwatch(c);
	event_free(c->timer);
	free(c);
	if (all->draining && all->count == 0)
		all->on_empty(all->arg);
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
}

/* Ends the session properly, or says why there never was one. */
static void
close_tls(struct connection *c)
{
	const char *failure = tls_bufferevent_failure(c->bev);
	char *address = NULL;
	ev_uint16_t port;

	if (failure != NULL) {
		evhttp_connection_get_peer(c->evcon, &address, &port);
		log_event(LOG_LEVEL_INFO, "tls.failed", "client", address,
		    "why", failure, NULL);
	}
	tls_bufferevent_finish(c->bev);
}

static void
replace_page(struct connection *c)
{
	char text[NUM_TEXT], *address = NULL;
	ev_uint16_t port;
	unsigned status;

	/* To read it there is as much time as to send a header. */
	set_state(c, CONNECTION_HEADERS);
	c->ends = true;
	status = error_page_replace(bufferevent_get_output(c->bev));
	evhttp_connection_get_peer(c->evcon, &address, &port);
	log_event(LOG_LEVEL_INFO, "request.bad", "status",
	    num_format(status, text), "client", address, NULL);
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
	c->all->by_fd[bufferevent_getfd(c->bev)] = NULL;
	if (replied)
		linger(c);
	free_connection(c);
}

static void
set_by_fd(struct connection *c)
{
	struct connections *all = c->all;
	size_t fd = (size_t)bufferevent_getfd(c->bev), i;

	if (fd >= all->by_fd_count) {
		size_t count = fd * 2 + 64;

		all->by_fd =
		    mem_realloc(all->by_fd, count, sizeof(*all->by_fd));
		for (i = all->by_fd_count; i < count; i++)
			all->by_fd[i] = NULL;
		all->by_fd_count = count;
	}
	all->by_fd[fd] = c;
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
		free_connection(c);
		return;
	}
	c->evcon = evcon;
	evhttp_connection_set_closecb(c->evcon, on_closed, c);
	set_by_fd(c);
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

/*
 * At the limit, who have kept us waiting for longest make room: a client that
 * asks is worth more than one that is silent or dribbles a header.
 */
static void
make_room(struct connections *all)
{
	struct connection *c;

	while (all->count >= all->limits.connections &&
	    (c = TAILQ_FIRST(&all->waiting)) != NULL && c->evcon != NULL &&
	    clock_now_ms() - c->since >= ROOM_AFTER_MS)
		evhttp_connection_free(c->evcon);
}

/* Makes the connection that evhttp has accepted with this bufferevent. */
static struct bufferevent *
add_connection(struct connections *all, struct bufferevent *bev, bool tls)
{
	struct connection *c = mem_zalloc(1, sizeof(*c));

	c->all = all;
	c->tls = tls;
	c->bev = bev;
	bufferevent_incref(c->bev);
	c->timer = evtimer_new(all->base, on_timer, c);
	event_active(c->timer, EV_TIMEOUT, 0);
	make_room(all);
	enter_list(c, CONNECTION_HEADERS);
	c->refused = all->count >= all->limits.connections;
	if (++all->count == most_connections(all))
		pause_listening(all);
	note_count(all, c);
	return c->bev;
}

/* evhttp asks for the bufferevent of a connection that it has accepted. */
static struct bufferevent *
on_accept(struct event_base *base, void *arg)
{
	return add_connection(arg,
	    bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE), false);
}

static struct bufferevent *
on_accept_tls(struct event_base *base, void *arg)
{
	struct connections *all = arg;

	return add_connection(all, tls_bufferevent_new(all->tls, base), true);
}

static void
on_accept_error(struct evconnlistener *l, void *http)
{
	struct connections *all = the_connections;

	(void)l;
	(void)http;
	log_event(LOG_LEVEL_WARN, "accept.failed", "why",
	    evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()), NULL);
	pause_listening(all);
}

static void
close_listeners(struct connections *all)
{
	struct listener *l;

	while ((l = all->listeners) != NULL) {
		all->listeners = l->next;
		evhttp_del_accept_socket(l->http, l->bound);
		free(l);
	}
}

static void
on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct connections *all = arg;

	(void)fd;
	(void)what;
	if (all->draining) {
		close_listeners(all);
		return;
	}
	make_room(all);
	if (all->count < most_connections(all))
		set_listening(all, true);
	else
		pause_listening(all);
}

struct connections *
connections_new(struct event_base *base, struct evhttp *plain,
    struct evhttp *tls, const struct connection_limits *limits,
    void (*on_empty)(void *arg), void *arg)
{
	struct connections *all = mem_zalloc(1, sizeof(*all));

	all->base = base;
	all->plain = plain;
	all->https = tls;
	all->limits = *limits;
	all->on_empty = on_empty;
	all->arg = arg;
	TAILQ_INIT(&all->busy);
	TAILQ_INIT(&all->waiting);
	all->lingerers = lingerers_new(base, &linger_limits);
	all->resume = evtimer_new(base, on_resume, all);
	evhttp_set_bevcb(plain, on_accept, all);
	evhttp_set_bevcb(tls, on_accept_tls, all);
	the_connections = all;
	return all;
}

void
connections_count(struct connections *all, struct counters *counters)
{
	all->counters = counters;
}

void
connections_free(struct connections *all)
{
	struct listener *l;

	/* Only those that evhttp never knew are left. */
	all->draining = false;
	while (!TAILQ_EMPTY(&all->waiting)) {
		struct connection *c = TAILQ_FIRST(&all->waiting);

		bufferevent_decref(c->bev);
		free_connection(c);
	}
	while ((l = all->listeners) != NULL) {
		all->listeners = l->next;
		free(l);
	}
	the_connections = NULL;
	if (all->tls != NULL)
		tls_context_unref(all->tls);
	lingerers_free(all->lingerers);
	event_free(all->resume);
	free(all->by_fd);
	free(all);
}

int
connections_listen(struct connections *all, int fd, bool tls, struct err *e)
{
	struct evhttp *http = tls ? all->https : all->plain;
	struct evhttp_bound_socket *bound;
	struct listener *l;

	evutil_make_socket_nonblocking(fd);
	bound = evhttp_accept_socket_with_handle(http, fd);
	if (bound == NULL)
		return err_set_errno(e, "cannot listen");
	evconnlistener_set_error_cb(
	    evhttp_bound_socket_get_listener(bound), on_accept_error);
	l = mem_zalloc(1, sizeof(*l));
	l->http = http;
	l->bound = bound;
	l->next = all->listeners;
	all->listeners = l;
	if (tls && all->tls == NULL)
		evconnlistener_disable(evhttp_bound_socket_get_listener(bound));
	return 0;
}

void
connections_set_tls(struct connections *all, struct tls_context *tls)
{
	struct tls_context *old = all->tls;

	all->tls = tls;
	if (old != NULL)
		tls_context_unref(old);
	else if (!all->draining && all->count < most_connections(all))
		set_listening(all, true);
}

void
connections_drain(struct connections *all)
{
	struct connection *c, *following;

	if (all->draining)
		return;
	all->draining = true;
	/* Closed in the next turn, when epoll has been told to forget them:
	 * others hold these sockets too, and so closing does not tell it. */
	set_listening(all, false);
	evtimer_add(all->resume, &(struct timeval){0});
	if (all->count == 0) {
		all->on_empty(all->arg);
		return;
	}
	for (c = TAILQ_FIRST(&all->waiting); c != NULL; c = following) {
		following = TAILQ_NEXT(c, next);
		if (c->evcon != NULL && c->state == CONNECTION_IDLE)
			evhttp_connection_free(c->evcon);
	}
}

struct connection *
connections_find(struct connections *all, struct evhttp_connection *evcon)
{
	return all->by_fd[bufferevent_getfd(
	    evhttp_connection_get_bufferevent(evcon))];
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
	set_state(c,
	    evbuffer_get_length(bufferevent_get_input(c->bev)) > 0
		? CONNECTION_HEADERS
		: CONNECTION_IDLE);
}

/*
 * Something happened on the socket of a waiting client.  After a reset epoll
 * says "readable", not "closed", so the socket is asked.
 */
static void
on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;
	int error = 0;
	socklen_t len = sizeof(error);

	if ((what & EV_CLOSED) == 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 &&
	    error == 0)
		return;
	evhttp_connection_free(c->evcon);
}

/*
 * The event is edge-triggered: what a client sends ahead would wake us for
 * ever.  It has a descriptor of its own: evhttp's events, added in the turn
 * that takes it away, would become edge-triggered with it, since epoll learns
 * of a turn's changes in sum (EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST).
 */
void
connection_watch(struct connection *c)
{
	int fd = fcntl(bufferevent_getfd(c->bev), F_DUPFD_CLOEXEC, 0);

	/* Without one the client's departure is seen when it is written to. */
	if (fd == -1)
		return;
	c->watch = event_new(c->all->base, fd,
	    EV_READ | EV_CLOSED | EV_ET | EV_PERSIST, on_watch, c);
	event_add(c->watch, NULL);
}

static void
on_unwatched(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	close((int)(intptr_t)arg);
}

void
connection_unwatch(struct connection *c)
{
	static const struct timeval next_turn = {0};
	intptr_t fd;

	if (c->watch == NULL)
		return;
	fd = event_get_fd(c->watch);
	event_free(c->watch);
	c->watch = NULL;
	/* Once epoll has forgotten it: as the socket stays open elsewhere,
	 * closing it would not tell epoll. */
	if (event_base_once(c->all->base, -1, EV_TIMEOUT, on_unwatched,
		(void *)fd, &next_turn) == -1)
		close((int)fd);
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

uint64_t
connection_unsent(const struct connection *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev));
}
