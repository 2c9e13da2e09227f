/*
 * linger: sockets that were closed for us but not yet for the client.
 *
 * Who closes a socket while the other side still sends makes the kernel answer
 * with a reset, and that may overtake the last bytes of the reply: the client
 * reads an error instead of what it was told.  So such a socket only stops
 * sending; what comes is read and dropped until the client has closed as well
 * (RFC 9112, section 9.6).  That is bounded in every way, since a client may
 * never do so.  Servers only.
 */
#ifndef WINNOW_DAEMON_LINGER_H
#define WINNOW_DAEMON_LINGER_H

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

struct lingerers;

struct linger_limits {
	size_t sockets; /* at once; more are closed */
	uint64_t bytes; /* that are dropped, of one */
	uint64_t total_ms; /* looked at when something comes */
	uint64_t pause_ms; /* without a byte */
};

struct lingerers *
lingerers_new(struct event_base *base, const struct linger_limits *limits);
/* Closes those that are left. */
void lingerers_free(struct lingerers *all);

/* Takes the connected socket `fd`, to which all has been written. */
void linger_begin(struct lingerers *all, int fd);

#endif
