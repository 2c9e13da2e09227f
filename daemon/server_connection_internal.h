/*
 * server_connection_internal: what one connection and all of them know of each
 * other.
 */
#ifndef WINNOW_DAEMON_SERVER_CONNECTION_INTERNAL_H
#define WINNOW_DAEMON_SERVER_CONNECTION_INTERNAL_H

#include <event2/bufferevent.h>
#include <sys/queue.h>

#include "server_connection.h"
#include "server_connections.h"

struct lingerers;
struct listener;
struct server_watch;

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
	uint64_t trust; /* of `all`, when it was accepted */
	enum connection_state state;
	uint64_t since; /* clock_now_ms() of the state */
	bool refused;
	bool begun; /* so much of a request has come as to tell a GET */
	bool get;
	bool ends; /* after the reply, whatever the client sends */
	struct event *timer;
	struct server_watch *watch; /* NULL when not watched */
	void (*gone)(void *arg);
	void *arg;
	TAILQ_ENTRY(connection) next;
};

TAILQ_HEAD(connection_list, connection);

struct connections {
	struct event_base *base;
	struct evhttp *plain;
	struct evhttp *https;
	struct tls_context *tls; /* NULL until core has sent it */
	uint64_t trust; /* which authorities of clients, by number */
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
 * A connection that evhttp is about to make with this bufferevent, in its first
 * loop turn; in no list yet.
 */
struct connection *
connection_new(struct connections *all, struct bufferevent *bev, bool tls);
/* evhttp has none of it, or frees its part now. */
void connection_free(struct connection *c);

/* A handshake has failed. */
void connections_count_failure(struct connections *all);

/* Out of its list, and not counted any more. */
void connections_remove(struct connection *c);
/* Into the list of another state. */
void connections_move(struct connection *c, enum connection_state state);

/* What connections_find() finds by the descriptor; `c` NULL: none any more. */
void
connections_set_by_fd(struct connections *all, int fd, struct connection *c);

#endif
