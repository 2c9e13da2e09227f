/*
 * tls_keeper: keeps what servers need for TLS up to date: reads and checks
 * the files, makes and renews the certificate of tls.auto, changes ticket
 * keys, warns of what expires.
 *
 * Core only.
 */
#ifndef WINNOW_DAEMON_TLS_KEEPER_H
#define WINNOW_DAEMON_TLS_KEEPER_H

#include <event2/event.h>

#include "config.h"
#include "winnow/err.h"

struct tls_keeper;

/*
 * Reads what the configuration names.  `changed` is called when there is a
 * new bundle for the servers, from the event loop.
 */
int tls_keeper_new(struct event_base *base, const struct config *c,
    void (*changed)(void *arg), void *arg, struct tls_keeper **out,
    struct err *e);
void tls_keeper_free(struct tls_keeper *k);

/*
 * Reads everything again, as `fresh` says, which the configuration takes over
 * afterwards (config_adopt()); on failure all stays as it is.  Sessions of
 * before cannot be resumed.
 */
int tls_keeper_reload(
    struct tls_keeper *k, const struct config *fresh, struct err *e);

/* Checks the files that the configuration names, and makes nothing. */
int tls_keeper_check(const struct config *c, struct err *e);

/* The bundle for servers, borrowed; -1 when there are no certificates. */
int tls_keeper_bundle(const struct tls_keeper *k);

#endif
