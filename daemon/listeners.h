/*
 * listeners: the sockets that servers accept clients on.
 *
 * Core only.  Core binds and keeps them, so that clients wait in the kernel's
 * queue while a dead server is replaced.  Of a TCP address each server has a
 * socket of its own, and the kernel spreads the clients over them
 * (SO_REUSEPORT); a Unix or inherited socket is one for all servers.
 */
#ifndef WINNOW_DAEMON_LISTENERS_H
#define WINNOW_DAEMON_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>

#include "activation.h"
#include "config.h"
#include "winnow/channel.h"

/* What fits the message that starts a server, beside its two descriptors. */
#define LISTENERS_MAX (CHANNEL_FDS_MAX - 2)

struct listeners;

/*
 * Opens every address of `listen` for `servers` servers; takes what it needs
 * from `activation`.
 */
int listeners_open(const struct config *c, struct activation *activation,
    struct listeners **out, struct err *e);
/* Closes them and removes the paths of Unix sockets that it made. */
void listeners_free(struct listeners *l);

/* How many there are; the socket `i` for a server, and whether it speaks TLS.
 */
size_t listeners_count(const struct listeners *l);
int listeners_fd(const struct listeners *l, size_t i, size_t server);
bool listeners_is_tls(const struct listeners *l, size_t i);

#endif
