/*
 * upstream_auth_internal: what an upstream's authentication (upstream_auth.c)
 * and the token of one of its repositories (upstream_token.c) know of each
 * other.
 */
#ifndef WINNOW_DAEMON_UPSTREAM_AUTH_INTERNAL_H
#define WINNOW_DAEMON_UPSTREAM_AUTH_INTERNAL_H

#include <event2/event_struct.h>
#include <sys/queue.h>

#include "upstream_auth.h"
#include "upstream_challenge.h"
#include "winnow/strbuf.h"

TAILQ_HEAD(waiter_list, upstream_auth_waiter);
TAILQ_HEAD(token_list, upstream_token);

struct upstream_auth_waiter {
	TAILQ_ENTRY(upstream_auth_waiter) entry;
	struct waiter_list *list;
	upstream_auth_cb cb;
	void *arg;
};

enum token_state {
	TOKEN_IDLE,
	TOKEN_PROBING, /* asks /v2/ for a challenge */
	TOKEN_ASKING, /* waits for a credential helper */
	TOKEN_FETCHING, /* asks the token server */
	TOKEN_ANSWERING /* its waiters are called on the next turn */
};

/* What is known of one repository; in the list from last used to first. */
struct upstream_token {
	struct upstream_auth *auth;
	TAILQ_ENTRY(upstream_token) entry;
	enum token_state state;
	char *repository;
	char *scope; /* that a challenge named, or NULL */
	char *value; /* or NULL */
	uint64_t refresh_at_ms;
	bool probe; /* refused without a challenge */
	bool asked_again; /* the helper, after the token server refused */
	struct credential_waiter *asking;
	struct http_request *request;
	struct strbuf body;
	struct event turn;
	struct waiter_list waiters;
	struct err error; /* for the waiters, when the code is not ERR_NONE */
};

struct upstream_auth {
	uint64_t retry_after_s; /* as the token server said last */
	struct event_base *base;
	struct http_client *client;
	char *host;
	char *base_url;
	struct credential *credential; /* borrowed, or NULL: anonymous */
	struct http_access access;
	struct challenge challenge; /* the last one; its scope unused */
	struct token_list tokens;
	size_t token_count;
};

/* One that knows nothing yet; in no list. */
struct upstream_token *
upstream_token_new(struct upstream_auth *a, const char *repository);
/* Out of its list, ending what it does; it has no waiters. */
void upstream_token_free(struct upstream_token *t);

/* Does the next thing that the waiters of an idle token need. */
void upstream_token_advance(struct upstream_token *t);
void upstream_token_forget(struct upstream_token *t);

/* Learns what a response asks for; false when it asks for nothing. */
bool
upstream_token_learn(struct upstream_token *t, const struct http_response *r);

/*
 * Takes the token and its lifetime, in seconds, out of a token server's answer.
 * The caller frees *value by credential_free_text().
 */
int upstream_token_read(const char *answer, size_t len, char **value,
    uint64_t *life_s, struct err *e);

#endif
