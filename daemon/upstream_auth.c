#include "upstream_auth.h"

#include <stdlib.h>
#include <string.h>

#include "credential.h"
#include "upstream_auth_internal.h"
#include "winnow/mem.h"

/* Repositories whose tokens are kept; the one used longest ago goes first. */
#define TOKENS_MAX 1024

/* Makes room for one more token, where an idle one can go. */
static void
make_room(struct upstream_auth *a)
{
	struct upstream_token *t;

	if (a->token_count < TOKENS_MAX)
		return;
	TAILQ_FOREACH_REVERSE(t, &a->tokens, token_list, entry)
	{
		if (t->state == TOKEN_IDLE) {
			upstream_token_free(t);
			return;
		}
	}
}

/* The token of a repository, new if need be; now the last used. */
static struct upstream_token *
find_token(struct upstream_auth *a, const char *repository)
{
	struct upstream_token *t;

	TAILQ_FOREACH(t, &a->tokens, entry)
	{
		if (strcmp(t->repository, repository) == 0)
			break;
	}
	if (t == NULL) {
		make_room(a);
		t = upstream_token_new(a, repository);
		a->token_count++;
	} else {
		TAILQ_REMOVE(&a->tokens, t, entry);
	}
	TAILQ_INSERT_HEAD(&a->tokens, t, entry);
	return t;
}

struct upstream_auth_waiter *
upstream_auth_get(struct upstream_auth *a, const char *repository,
    upstream_auth_cb cb, void *arg)
{
	struct upstream_token *t = find_token(a, repository);
	struct upstream_auth_waiter *w = mem_zalloc(1, sizeof(*w));

	w->cb = cb;
	w->arg = arg;
	w->list = &t->waiters;
	TAILQ_INSERT_TAIL(w->list, w, entry);
	upstream_token_advance(t);
	return w;
}

void
upstream_auth_cancel(struct upstream_auth_waiter *w)
{
	TAILQ_REMOVE(w->list, w, entry);
	free(w);
}

void
upstream_auth_refused(struct upstream_auth *a, const char *repository,
    const char *bearer, const struct http_response *r)
{
	struct upstream_token *t = find_token(a, repository);

	if (!upstream_token_learn(t, r))
		t->probe = a->challenge.scheme == CHALLENGE_NONE;
	/* Another request may have brought a new token already. */
	if (bearer != NULL && t->value != NULL && strcmp(bearer, t->value) == 0)
		upstream_token_forget(t);
	if (a->challenge.scheme == CHALLENGE_BASIC && a->credential != NULL)
		(void)credential_refused(a->credential);
	t->asked_again = false;
}

struct upstream_auth *
upstream_auth_new(struct event_base *base, struct http_client *client,
    const struct upstream_auth_options *o)
{
	struct upstream_auth *a = mem_zalloc(1, sizeof(*a));

	a->base = base;
	a->client = client;
	a->host = mem_strdup(o->host);
	a->base_url = mem_strdup(o->base_url);
	a->credential = o->credential;
	http_access_copy(&o->access, &a->access);
	TAILQ_INIT(&a->tokens);
	return a;
}

void
upstream_auth_free(struct upstream_auth *a)
{
	while (!TAILQ_EMPTY(&a->tokens))
		upstream_token_free(TAILQ_FIRST(&a->tokens));
	challenge_clear(&a->challenge);
	free(a->host);
	free(a->base_url);
	http_access_clear(&a->access);
	free(a);
}

uint64_t
upstream_auth_retry_after(const struct upstream_auth *a)
{
	return a->retry_after_s;
}
