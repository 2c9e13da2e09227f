/*
 * server_connections: all client connections of a server: where they come
 * from, how many there may be, who makes room, and their end in a drain.
 */
#ifndef WINNOW_DAEMON_SERVER_CONNECTIONS_H
#define WINNOW_DAEMON_SERVER_CONNECTIONS_H

#include <event2/event.h>
#include <event2/http.h>
#include <stdbool.h>
#include <stdint.h>

#include "counters.h"
#include "winnow/err.h"

/* Sockets that a server keeps for clients which still send (linger.h). */
#define CONNECTIONS_LINGERING 64

struct connection;
struct connections;
struct tls_context;

struct connection_limits {
	uint64_t connections; /* more are answered 503 */
	uint64_t header_timeout_ms; /* for the whole header */
	uint64_t idle_timeout_ms; /* between requests; writing stuck */
};

/* `on_empty` is called when the last connection ends after a drain. */
struct connections *
connections_new(struct event_base *base, struct evhttp *plain,
    struct evhttp *tls, const struct connection_limits *limits,
    void (*on_empty)(void *arg), void *arg);
/* Where they are counted from now on; borrowed. */
void connections_count(struct connections *all, struct counters *counters);
/* After evhttp_free(). */
void connections_free(struct connections *all);

/* Takes the listening socket `fd`. */
int
connections_listen(struct connections *all, int fd, bool tls, struct err *e);

/*
 * How TLS is spoken from now on (counted); sockets with TLS accept nobody
 * before this.  When other authorities of clients are trusted, who was let in
 * by a certificate has to show it again: such connections end when they are
 * idle, the others after their reply.
 */
void connections_set_tls(struct connections *all, struct tls_context *tls);

/* Accepts no more, ends idle connections, lets the others finish. */
void connections_drain(struct connections *all);

struct connection *
connections_find(struct connections *all, struct evhttp_connection *evcon);

#endif
