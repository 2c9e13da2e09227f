/*
 * credential_helper: one run of a credential helper.  Core only.
 */
#ifndef WINNOW_DAEMON_CREDENTIAL_HELPER_H
#define WINNOW_DAEMON_CREDENTIAL_HELPER_H

#include <event2/event.h>

#include "winnow/err.h"

struct credential_helper;

/*
 * The end, from the loop; the run is gone then.  `text` is "user:password",
 * borrowed, or NULL: the helper knows none.  With `e` it failed.
 */
typedef void (*credential_helper_cb)(
    void *arg, const char *text, const struct err *e);

/*
 * Runs `name` (a path, or NAME for docker-credential-NAME in PATH) to ask for
 * `server`.
 */
int credential_helper_start(struct event_base *base, const char *name,
    const char *server, credential_helper_cb cb, void *arg,
    struct credential_helper **out, struct err *e);
/* Kills it; calls nothing. */
void credential_helper_cancel(struct credential_helper *h);

#endif
