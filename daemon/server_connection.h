/*
 * server_connection: the client connections of a server: their number, their
 * time limits and their end.  evhttp owns a connection; this module learns of
 * its birth and death and ends it where evhttp would not.
 */
#ifndef WINNOW_DAEMON_SERVER_CONNECTION_H
#define WINNOW_DAEMON_SERVER_CONNECTION_H

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
 * before this.
 */
void connections_set_tls(struct connections *all, struct tls_context *tls);

/* Accepts no more, ends idle connections, lets the others finish. */
void connections_drain(struct connections *all);

struct connection *
connections_find(struct connections *all, struct evhttp_connection *evcon);

/*
 * A request is complete: no time limit runs until connection_rest().  `gone`
 * is called, instead of that, when the connection ends before.
 */
void connection_work(struct connection *c, void (*gone)(void *arg), void *arg);
void connection_rest(struct connection *c);

/*
 * While a request waits for its answer evhttp does not look at the socket.
 * A watched connection ends as soon as the client closes it (a half-close
 * counts).  Must be unwatched before a reply is sent.
 */
void connection_watch(struct connection *c);
void connection_unwatch(struct connection *c);

/* Ends it at once: its exchange is `gone`. */
void connection_end(struct connection *c);

/*
 * The reply says that the connection ends with it.  Once it is written the
 * client has some time to stop sending.
 */
void connection_end_after_reply(struct connection *c);

/*
 * Takes a reply of `length` bytes, head included, back from evhttp, which must
 * then be given another.  False when some of it may have left.
 */
bool connection_take_back(struct connection *c, uint64_t length);

/*
 * After a reply was given to evhttp: writes what the kernel takes, where
 * evhttp would first wait to be told that it takes something.  evhttp learns
 * of a finished reply when the callers have returned.
 */
void connection_write_now(struct connection *c);

bool connection_is_tls(const struct connection *c);
/* The name in the client's verified certificate (tls_context.h), or NULL. */
char *connection_certificate_user(const struct connection *c);

/* True when it is one too many. */
bool connection_is_refused(const struct connection *c);
/* Bytes of the reply that the kernel has not taken yet. */
uint64_t connection_unsent(const struct connection *c);

#endif
