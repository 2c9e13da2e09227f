/*
 * server_connection: one client connection of a server: its time limits, its
 * replies and its end.  evhttp owns it; this module learns of its birth and
 * death and ends it where evhttp would not.
 */
#ifndef WINNOW_DAEMON_SERVER_CONNECTION_H
#define WINNOW_DAEMON_SERVER_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

struct connection;
struct evhttp_connection;

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

/* The client's address as logs have it, borrowed from the connection. */
const char *connection_peer(struct evhttp_connection *evcon);

bool connection_is_tls(const struct connection *c);
/* The name in the client's verified certificate (tls_context.h), or NULL. */
char *connection_certificate_user(const struct connection *c);

/* True when it is one too many. */
bool connection_is_refused(const struct connection *c);
/*
 * True when its client was let in by a certificate that has expired since, or
 * whose authority may be trusted no more: it ends with its request.
 */
bool connection_is_outdated(const struct connection *c);
/* Bytes of the reply that the kernel has not taken yet. */
uint64_t connection_unsent(const struct connection *c);

#endif
