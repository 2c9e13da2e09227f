/*
 * activation: sockets that the service manager listens on for us
 * (sd_listen_fds(3)): LISTEN_FDS of them from descriptor 3 on, with names in
 * LISTEN_FDNAMES, meant for us when LISTEN_PID is our process id.
 */
#ifndef WINNOW_DAEMON_ACTIVATION_H
#define WINNOW_DAEMON_ACTIVATION_H

#include "winnow/err.h"

struct activation;

/*
 * Takes the sockets out of the environment, which then has no trace of them;
 * first thing in main(), before a descriptor is opened or a process started.
 * Without any *out is empty.  activation_free() closes what was not taken.
 */
int activation_take(struct activation **out, struct err *e);
void activation_free(struct activation *a);

/*
 * The next socket of that name, which the caller then owns; -1 when there is
 * none (any more).
 */
int activation_next(struct activation *a, const char *name);

/* The name of a socket that nobody took, or NULL. */
const char *activation_unused(const struct activation *a);

#endif
