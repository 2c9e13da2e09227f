/*
 * upstream_auth: what winnow shows an upstream to be let in: nothing, a user
 * name and password, or a token that it fetches with them (distribution
 * specification, token authentication).  One object per upstream; core only.
 *
 * Tokens are kept per repository: one for another repository or upstream is
 * never used.  However many requests wait for a token, it is fetched once.
 */
#ifndef WINNOW_DAEMON_UPSTREAM_AUTH_H
#define WINNOW_DAEMON_UPSTREAM_AUTH_H

#include <event2/event.h>

#include "http_client.h"
#include "winnow/err.h"

struct upstream_auth;
struct upstream_auth_waiter;
struct credential;

struct upstream_auth_options {
	const char *host; /* the upstream's, for messages */
	const char *base_url; /* without a slash at its end */
	struct http_access access;
	struct credential *credential; /* NULL: nobody's */
};

/*
 * Borrows client and credential, copies the rest.  Free it after its waiters.
 */
struct upstream_auth *upstream_auth_new(struct event_base *base,
    struct http_client *client, const struct upstream_auth_options *o);
void upstream_auth_free(struct upstream_auth *a);

/* At most one is set; borrowed during the callback. */
struct upstream_credential {
	const char *bearer;
	const char *basic; /* "user:password" */
};
/* `c` is NULL and `e` set, or the other way round.  The waiter is gone. */
typedef void (*upstream_auth_cb)(
    void *arg, const struct upstream_credential *c, const struct err *e);

/*
 * Asks for what to send with requests for `repository`; calls back from the
 * loop.
 */
struct upstream_auth_waiter *upstream_auth_get(struct upstream_auth *a,
    const char *repository, upstream_auth_cb cb, void *arg);
void upstream_auth_cancel(struct upstream_auth_waiter *w);

/*
 * Tells that a request for `repository` with this token (NULL: without) was
 * refused: learns the response's challenge and forgets the token, so that
 * the next upstream_auth_get() gives better.  A response without a challenge
 * makes it ask /v2/ for one, where none is known.
 */
void upstream_auth_refused(struct upstream_auth *a, const char *repository,
    const char *bearer, const struct http_response *r);

/*
 * The seconds that the token server asks to wait (Retry-After), bounded; 0
 * when its last answer says nothing of it.
 */
uint64_t upstream_auth_retry_after(const struct upstream_auth *a);

#endif
