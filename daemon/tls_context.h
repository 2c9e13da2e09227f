/*
 * tls_context: TLS as a server speaks it (1.2 and up), made from a bundle.
 *
 * Servers only.  Counted: every connection keeps the context that it was
 * accepted with, so a reload changes nothing for those that are there.
 */
#ifndef WINNOW_DAEMON_TLS_CONTEXT_H
#define WINNOW_DAEMON_TLS_CONTEXT_H

#include <event2/bufferevent.h>
#include <stdbool.h>

#include "winnow/err.h"

struct tls_context;

/* Reads the bundle in `fd`, which it borrows. */
int tls_context_new(int fd, struct tls_context **out, struct err *e);
void tls_context_unref(struct tls_context *c);

/* Whether both trust the same authorities of clients, by the file's bytes. */
bool tls_context_trusts_same(
    const struct tls_context *c, const struct tls_context *other);

/*
 * The bufferevent of a connection that is about to be accepted, for evhttp,
 * which sets its socket; closed when freed.  Never NULL.
 */
struct bufferevent *
tls_bufferevent_new(struct tls_context *c, struct event_base *base);

/* Why the handshake failed, or NULL when it did not. */
const char *tls_bufferevent_failure(struct bufferevent *bev);

/* Tells the client that nothing more comes, as far as the socket takes it. */
void tls_bufferevent_finish(struct bufferevent *bev);

/* Whether part of what was written waits, encrypted, for the socket. */
bool tls_bufferevent_is_writing(struct bufferevent *bev);

/* Whether the client has shown a certificate, and one that is over by now. */
bool tls_bufferevent_has_certificate(struct bufferevent *bev);
bool tls_bufferevent_has_expired(struct bufferevent *bev);

/*
 * The name in the client's verified certificate: its common name, else its
 * first e-mail address, DNS name or URI.  NULL without a certificate, with one
 * that has expired meanwhile, or without a name of printable characters; the
 * caller frees it.
 */
char *tls_bufferevent_user(struct bufferevent *bev);

#endif
