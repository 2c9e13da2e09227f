/*
 * htpasswd: a file of users and bcrypt hashes, as `htpasswd -B` writes it:
 * USER:$2y$COST$..., one a line; empty lines and those that start with `#`
 * say nothing.
 */
#ifndef WINNOW_DAEMON_HTPASSWD_H
#define WINNOW_DAEMON_HTPASSWD_H

#include <stdbool.h>
#include <stddef.h>

#include "winnow/auto.h"
#include "winnow/err.h"

/* A hash of a higher cost keeps a processor busy for seconds. */
#define HTPASSWD_COST_MAX 14

struct htpasswd;

/* ERR_INVALID names the file and the line. */
int htpasswd_load(const char *path, struct htpasswd **out, struct err *e);
int htpasswd_parse(
    const char *text, const char *name, struct htpasswd **out, struct err *e);
void htpasswd_free(struct htpasswd *h);

AUTO_DEFINE(htpasswd, htpasswd_free)
#define auto_htpasswd __attribute__((cleanup(auto_htpasswd_cleanup)))

/*
 * The hash of a user, borrowed.  For an unknown user *known is false and the
 * hash is somebody's, so that looking for one takes as long as for another.
 * NULL when there are no users.
 */
const char *
htpasswd_find(const struct htpasswd *h, const char *user, bool *known);

#endif
