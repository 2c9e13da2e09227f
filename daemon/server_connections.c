#include "server_connections.h"

#include <errno.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>

#include "linger.h"
#include "server_connection_internal.h"
#include "tls_context.h"
#include "winnow/clock.h"
#include "winnow/log.h"
#include "winnow/mem.h"

/* Connections above the limit that are accepted to be told so. */
#define REFUSED_MAX 64
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

struct listener {
	struct evhttp *http;
	struct evhttp_bound_socket *bound;
	struct listener *next;
};

/*
 * The only one of a process: a listener's error callback gets the argument
 * of its accept callback, which is evhttp's.
 */
static struct connections *the_connections;

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

void
connections_move(struct connection *c, enum connection_state state)
{
	TAILQ_REMOVE(list_of(c), c, next);
	enter_list(c, state);
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
	static const struct timeval pause = {.tv_usec = ACCEPT_PAUSE_MS * 1000};

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

void
connections_count_failure(struct connections *all)
{
	if (all->counters != NULL)
		counters_add(&all->counters->handshakes_failed, 1);
}

void
connections_remove(struct connection *c)
{
	struct connections *all = c->all;

	TAILQ_REMOVE(list_of(c), c, next);
	if (all->count-- == most_connections(all) && !all->draining)
		set_listening(all, true);
	note_count(all, NULL);
	if (all->draining && all->count == 0)
		all->on_empty(all->arg);
}

void
connections_set_by_fd(struct connections *all, int fd, struct connection *c)
{
	size_t at = (size_t)fd, i;

	if (at >= all->by_fd_count) {
		size_t count = at * 2 + 64;

		all->by_fd =
		    mem_realloc(all->by_fd, count, sizeof(*all->by_fd));
		for (i = all->by_fd_count; i < count; i++)
			all->by_fd[i] = NULL;
		all->by_fd_count = count;
	}
	all->by_fd[at] = c;
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
		connection_end(c);
}

/* Makes the connection that evhttp has accepted with this bufferevent. */
static struct bufferevent *
add_connection(struct connections *all, struct bufferevent *bev, bool tls)
{
	struct connection *c = connection_new(all, bev, tls);

	make_room(all);
	enter_list(c, CONNECTION_HEADERS);
	c->refused = all->count >= all->limits.connections;
	if (++all->count == most_connections(all))
		pause_listening(all);
	note_count(all, c);
	return bev;
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
	log_event(
	    LOG_LEVEL_WARN, "accept.failed", "why", strerror(errno), NULL);
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
		connection_free(c);
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

/* Those that are `outdated`, or all. */
static void
end_idle(struct connections *all, bool (*outdated)(const struct connection *c))
{
	struct connection *c, *following;

	for (c = TAILQ_FIRST(&all->waiting); c != NULL; c = following) {
		following = TAILQ_NEXT(c, next);
		if (c->evcon != NULL && c->state == CONNECTION_IDLE &&
		    (outdated == NULL || outdated(c)))
			connection_end(c);
	}
}

void
connections_set_tls(struct connections *all, struct tls_context *tls)
{
	struct tls_context *old = all->tls;

	all->tls = tls;
	if (old != NULL && !tls_context_trusts_same(tls, old))
		all->trust++;
	end_idle(all, connection_is_outdated);
	if (old != NULL)
		tls_context_unref(old);
	else if (!all->draining && all->count < most_connections(all))
		set_listening(all, true);
}

void
connections_drain(struct connections *all)
{
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
	end_idle(all, NULL);
}

struct connection *
connections_find(struct connections *all, struct evhttp_connection *evcon)
{
	return all->by_fd[bufferevent_getfd(
	    evhttp_connection_get_bufferevent(evcon))];
}
