/*
 * client_auth: who a client is, by its user and password.
 *
 * Servers only.  What core found out is remembered for a while under a keyed
 * hash of both, so that a login costs a tenth of a second once and not per
 * request; no password is kept.  Requests that ask the same at once share one
 * question, and how many are asked is bounded.
 */
#ifndef WINNOW_DAEMON_CLIENT_AUTH_H
#define WINNOW_DAEMON_CLIENT_AUTH_H

#include <jansson.h>
#include <sys/queue.h>

#include "authorization.h"
#include "core_link.h"
#include "winnow/err.h"

struct client_auth;
struct client_login;

enum client_auth_result {
	CLIENT_AUTH_YES,
	CLIENT_AUTH_NO,
	CLIENT_AUTH_BUSY,
	CLIENT_AUTH_WAITS /* `done` will be called */
};

/* Somebody who waits for the result; lies in what it is about. */
struct client_auth_waiter {
	struct client_login *login; /* NULL: does not wait */
	void (*done)(void *arg, enum client_auth_result result);
	void *arg;
	TAILQ_ENTRY(client_auth_waiter) next;
};

int client_auth_new(
    struct core_link *core, struct client_auth **out, struct err *e);
void client_auth_free(struct client_auth *a);

/* Checks user and password; `w` has its callback. */
enum client_auth_result client_auth_check(struct client_auth *a,
    const struct authorization *who, struct client_auth_waiter *w);
/* The waiter is gone; also when it does not wait. */
void client_auth_leave(struct client_auth_waiter *w);

/* Core's {"type":"login"}. */
void client_auth_take_result(struct client_auth *a, const json_t *body);

/* The users have changed: nothing is remembered any more. */
void client_auth_forget(struct client_auth *a);

#endif
