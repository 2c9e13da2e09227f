/*
 * listen_socket: a socket that listens on an address of the configuration.
 */
#ifndef WINNOW_DAEMON_LISTEN_SOCKET_H
#define WINNOW_DAEMON_LISTEN_SOCKET_H

#include "listen_address.h"

/*
 * A TCP address; `spread` lets several sockets of ours have it, over which the
 * kernel spreads the clients.
 */
int listen_socket_inet(
    const struct listen_address *a, bool spread, int *out, struct err *e);

/*
 * A Unix socket for our user and group.  The one that a killed winnowd left
 * behind is replaced; the caller removes this one's path in the end.
 */
int listen_socket_unix(const struct listen_address *a, int *out, struct err *e);

/* The path of a Unix address; borrowed. */
const char *listen_socket_path(const struct listen_address *a);

#endif
