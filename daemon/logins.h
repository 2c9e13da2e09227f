/*
 * logins: the users of `htpasswd`, and the processes that check passwords.
 *
 * Core only.  Core never reads a password: it hands on the descriptor that a
 * server sent.
 */
#ifndef WINNOW_DAEMON_LOGINS_H
#define WINNOW_DAEMON_LOGINS_H

#include <event2/event.h>
#include <stdint.h>

#include "htpasswd.h"

struct logins;

enum login_result {
	LOGIN_NO,
	LOGIN_YES,
	LOGIN_BUSY /* too many are being checked */
};

struct logins *logins_new(struct event_base *base);
void logins_free(struct logins *l);

/* Takes the users; NULL: there are none. */
void logins_set_users(struct logins *l, struct htpasswd *users);

/*
 * Checks the password in the file `fd` (duplicated).  `done` is called with
 * `id` from the loop, or at once when too many wait.
 */
void logins_check(struct logins *l, const char *user, int fd, uint64_t id,
    void (*done)(void *arg, uint64_t id, enum login_result result), void *arg);

/* Nobody waits under `arg` any more. */
void logins_leave(struct logins *l, const void *arg);

#endif
