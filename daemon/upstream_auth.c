#include "upstream_auth.h"

#include <event2/event_struct.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/queue.h>

#include "credential.h"
#include "upstream.h"
#include "upstream_challenge.h"
#include "upstream_error.h"
#include "winnow/auto.h"
#include "winnow/clock.h"
#include "winnow/json.h"
#include "winnow/mem.h"

/* Repositories whose tokens are kept; the one used longest ago goes first. */
#define TOKENS_MAX 1024
/* Largest real tokens (ACR, Artifact Registry) have 4 KiB. */
#define TOKEN_BODY_MAX (64u << 10)
/* Distribution's token specification: the default and the least. */
#define TOKEN_LIFE_S 60
#define TOKEN_LIFE_MAX_S 86400

TAILQ_HEAD(waiter_list, upstream_auth_waiter);
TAILQ_HEAD(token_list, token);

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
struct token {
	struct upstream_auth *auth;
	TAILQ_ENTRY(token) entry;
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

static void token_advance(struct token *t);

/*
 * "user:password", or NULL for nobody, as credential_get(): 1, or 0 when a
 * helper has to be asked.
 */
static int
read_basic(const struct upstream_auth *a, char **out, struct err *e)
{
	*out = NULL;
	return a->credential == NULL ? 1
				     : credential_get(a->credential, out, e);
}

static void
token_forget(struct token *t)
{
	credential_free_text(t->value);
	t->value = NULL;
}

static void
token_free(struct token *t)
{
	if (t->request != NULL)
		http_request_cancel(t->request);
	if (t->asking != NULL)
		credential_cancel(t->asking);
	event_del(&t->turn);
	token_forget(t);
	strbuf_clear(&t->body);
	free(t->repository);
	free(t->scope);
	TAILQ_REMOVE(&t->auth->tokens, t, entry);
	t->auth->token_count--;
	free(t);
}

/* Ends what was going on; the waiters hear of it on the next turn. */
static void
token_settle(struct token *t, const struct err *e)
{
	t->request = NULL;
	t->state = TOKEN_ANSWERING;
	t->error.code = ERR_NONE;
	if (e != NULL) {
		t->error = *e;
		err_wrap(&t->error, "%s: %s", t->auth->host, t->repository);
	}
	event_active(&t->turn, EV_TIMEOUT, 0);
}

/* What the waiters get; the caller frees both as secrets. */
static int
token_credential(
    const struct token *t, char **bearer, char **basic, struct err *e)
{
	const struct upstream_auth *a = t->auth;
	int ready;

	*bearer = *basic = NULL;
	if (t->error.code != ERR_NONE) {
		*e = t->error;
		return -1;
	}
	switch (a->challenge.scheme) {
	case CHALLENGE_NONE:
		return 0;
	case CHALLENGE_BEARER:
		*bearer = mem_strdup_optional(t->value);
		return 0;
	case CHALLENGE_BASIC:
		ready = read_basic(a, basic, e);
		if (ready == -1)
			return err_wrap(e, "%s", a->host);
		if (ready == 0)
			return err_set(e, ERR_UNAUTHORIZED,
			    "%s: what the credential helper said has just "
			    "expired",
			    a->host);
		if (*basic == NULL)
			return err_set(e, ERR_UNAUTHORIZED,
			    "%s: %s: the registry asks for a user name and a "
			    "password; none is configured",
			    a->host, t->repository);
		return 0;
	}
	return 0;
}

/* True when a token has to be fetched before anyone can be answered. */
static bool
token_is_missing(const struct token *t)
{
	return t->auth->challenge.scheme == CHALLENGE_BEARER &&
	    (t->value == NULL || clock_now_ms() >= t->refresh_at_ms);
}

/* Calls every waiter.  Those that come meanwhile wait for the next time. */
static void
token_answer(evutil_socket_t fd, short what, void *arg)
{
	struct token *t = arg;
	struct upstream_auth_waiter *w;
	struct waiter_list answered;
	struct upstream_credential c;
	char *bearer, *basic;
	struct err e;
	bool ok;

	(void)fd;
	(void)what;
	t->state = TOKEN_IDLE;
	/* Refused to someone else since it was settled? */
	if (t->error.code == ERR_NONE && (t->probe || token_is_missing(t))) {
		token_advance(t);
		return;
	}
	ok = token_credential(t, &bearer, &basic, &e) == 0;
	c.bearer = bearer;
	c.basic = basic;
	TAILQ_INIT(&answered);
	TAILQ_CONCAT(&answered, &t->waiters, entry);
	TAILQ_FOREACH(w, &answered, entry)
	w->list = &answered;
	/* From here on the token may be freed: an idle one makes room. */
	while ((w = TAILQ_FIRST(&answered)) != NULL) {
		TAILQ_REMOVE(&answered, w, entry);
		w->cb(w->arg, ok ? &c : NULL, ok ? NULL : &e);
		free(w);
	}
	credential_free_text(bearer);
	credential_free_text(basic);
}

/* True for what may stand in an Authorization header (RFC 6750 section 2.1). */
static bool
is_token(const char *s)
{
	const char *p;

	for (p = s; *p > ' ' && *p < 0x7f; p++)
		continue;
	return *s != '\0' && *p == '\0';
}

/* Takes the token out of the token server's answer. */
static int
read_token(struct token *t, struct err *e)
{
	auto_json json_t *json = NULL;
	const char *value = NULL;
	uint64_t life = TOKEN_LIFE_S;
	struct err unused;

	if (t->body.overflow)
		return err_set(e, ERR_LIMIT,
		    "the token server's answer is larger than %u bytes",
		    TOKEN_BODY_MAX);
	if (json_parse_object(strbuf_string(&t->body), t->body.len,
		"the token server's answer", &json, e) == -1 ||
	    json_get_string(json, "token", JSON_OPTIONAL, &value, e) == -1)
		return -1;
	if (value == NULL &&
	    json_get_string(json, "access_token", JSON_OPTIONAL, &value, e) ==
		-1)
		return -1;
	if (value == NULL || !is_token(value))
		return err_set(e, ERR_UPSTREAM,
		    "the token server's answer holds no token");
	/* A lifetime that is no whole number counts as not given. */
	json_get_uint(json, "expires_in", JSON_OPTIONAL, TOKEN_LIFE_MAX_S,
	    &life, &unused);
	if (life < TOKEN_LIFE_S)
		life = TOKEN_LIFE_S;
	token_forget(t);
	t->value = mem_strdup(value);
	t->refresh_at_ms = clock_now_ms() + life * 900;
	return 0;
}

static void
on_token_done(void *arg, const struct http_response *r, const struct err *e)
{
	struct token *t = arg;
	struct err failure;

	t->auth->retry_after_s =
	    http_response_retry_after(r, UPSTREAM_RETRY_MAX_S);
	if (e != NULL) {
		failure = *e;
		err_wrap(&failure, "token server");
		e = &failure;
	} else if (r->status == 401 && !t->asked_again &&
	    t->auth->credential != NULL &&
	    credential_refused(t->auth->credential)) {
		/* What the helper said has expired since. */
		t->asked_again = true;
		t->request = NULL;
		t->state = TOKEN_IDLE;
		token_advance(t);
		return;
	} else if (r->status != 200) {
		upstream_error_set(&failure, "token server", r, &t->body);
		e = &failure;
	} else if (read_token(t, &failure) == -1) {
		failure.code = ERR_UPSTREAM;
		e = &failure;
	}
	if (t->body.data != NULL)
		OPENSSL_cleanse(t->body.data, t->body.len);
	token_settle(t, e);
}

/* Learns what a response asks for; false when it asks for nothing. */
static bool
learn_challenge(struct token *t, const struct http_response *r)
{
	struct upstream_auth *a = t->auth;
	struct challenge c;

	challenge_read(r, &c);
	if (c.scheme == CHALLENGE_NONE)
		return false;
	if (c.scope != NULL) {
		free(t->scope);
		t->scope = steal(&c.scope);
	}
	challenge_clear(&a->challenge);
	a->challenge = c;
	return true;
}

static void
on_probe_done(void *arg, const struct http_response *r, const struct err *e)
{
	struct token *t = arg;
	struct err failure;

	if (e != NULL) {
		failure = *e;
		err_wrap(&failure, "/v2/");
		token_settle(t, &failure);
		return;
	}
	learn_challenge(t, r);
	/* The scope of /v2/ is not this repository's. */
	free(t->scope);
	t->scope = NULL;
	t->request = NULL;
	t->state = TOKEN_IDLE;
	token_advance(t);
}

static int
on_body(void *arg, const void *data, size_t len, struct err *e)
{
	struct token *t = arg;

	strbuf_add(&t->body, data, len);
	if (t->body.overflow)
		return err_set(
		    e, ERR_LIMIT, "more than %u bytes", TOKEN_BODY_MAX);
	return 0;
}

/* Asks `url`, for a token or a challenge. */
static void
token_request(
    struct token *t, const char *url, const char *basic, enum token_state state)
{
	const struct upstream_auth *a = t->auth;
	const struct http_options o = {
	    .method = "GET",
	    .url = url,
	    .basic = basic,
	    .access = a->access,
	};
	const struct http_callbacks cb = {
	    .on_data = on_body,
	    .on_done = state == TOKEN_FETCHING ? on_token_done : on_probe_done,
	    .arg = t,
	};

	strbuf_reset(&t->body);
	t->state = state;
	t->request = http_request_start(a->client, &o, &cb);
}

/* Asks the token server. */
static void
token_fetch(struct token *t, const char *basic)
{
	const struct upstream_auth *a = t->auth;
	auto_free char *scope = NULL;
	auto_free char *url = NULL;

	scope = t->scope != NULL
	    ? mem_strdup(t->scope)
	    : mem_printf("repository:%s:pull", t->repository);
	url = challenge_token_url(&a->challenge, scope);
	token_request(t, url, basic, TOKEN_FETCHING);
}

static void
on_helper(void *arg, const struct err *e)
{
	struct token *t = arg;

	t->asking = NULL;
	t->state = TOKEN_IDLE;
	if (e != NULL)
		token_settle(t, e);
	else
		token_advance(t);
}

/*
 * Gets the password, from a helper if need be, and shows it to the token
 * server, if that may be asked; a challenge for the password itself needs no
 * more.
 */
static int
token_get_password(struct token *t, struct err *e)
{
	const struct upstream_auth *a = t->auth;
	bool bearer = a->challenge.scheme == CHALLENGE_BEARER;
	char *basic = NULL;
	int ready;

	if (bearer &&
	    challenge_check_realm(a->base_url, a->challenge.realm, e) == -1)
		return -1;
	ready = read_basic(a, &basic, e);
	if (ready == 0) {
		t->state = TOKEN_ASKING;
		t->asking = credential_ask(a->credential, on_helper, t);
	} else if (ready == 1 && bearer) {
		token_fetch(t, basic);
	} else if (ready == 1) {
		token_settle(t, NULL);
	}
	credential_free_text(basic);
	return ready == -1 ? -1 : 0;
}

/* Does the next thing that the waiters of an idle token need. */
static void
token_advance(struct token *t)
{
	const struct upstream_auth *a = t->auth;
	struct err e;

	if (t->state != TOKEN_IDLE)
		return;
	if (t->probe) {
		auto_free char *url = mem_printf("%s/v2/", a->base_url);

		t->probe = false;
		token_request(t, url, NULL, TOKEN_PROBING);
	} else if (token_is_missing(t) ||
	    a->challenge.scheme == CHALLENGE_BASIC) {
		if (token_get_password(t, &e) == -1)
			token_settle(t, &e);
	} else {
		token_settle(t, NULL);
	}
}

/* Makes room for one more token, where an idle one can go. */
static void
make_room(struct upstream_auth *a)
{
	struct token *t;

	if (a->token_count < TOKENS_MAX)
		return;
	TAILQ_FOREACH_REVERSE(t, &a->tokens, token_list, entry)
	{
		if (t->state == TOKEN_IDLE) {
			token_free(t);
			return;
		}
	}
}

/* The token of a repository, new if need be; now the last used. */
static struct token *
find_token(struct upstream_auth *a, const char *repository)
{
	struct token *t;

	TAILQ_FOREACH(t, &a->tokens, entry)
	{
		if (strcmp(t->repository, repository) == 0)
			break;
	}
	if (t == NULL) {
		make_room(a);
		t = mem_zalloc(1, sizeof(*t));
		t->auth = a;
		t->repository = mem_strdup(repository);
		TAILQ_INIT(&t->waiters);
		strbuf_init(&t->body, TOKEN_BODY_MAX);
		event_assign(&t->turn, a->base, -1, 0, token_answer, t);
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
	struct token *t = find_token(a, repository);
	struct upstream_auth_waiter *w = mem_zalloc(1, sizeof(*w));

	w->cb = cb;
	w->arg = arg;
	w->list = &t->waiters;
	TAILQ_INSERT_TAIL(w->list, w, entry);
	token_advance(t);
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
	struct token *t = find_token(a, repository);

	if (!learn_challenge(t, r))
		t->probe = a->challenge.scheme == CHALLENGE_NONE;
	/* Another request may have brought a new token already. */
	if (bearer != NULL && t->value != NULL && strcmp(bearer, t->value) == 0)
		token_forget(t);
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
		token_free(TAILQ_FIRST(&a->tokens));
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
