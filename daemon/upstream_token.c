/* The token of one repository: how it is had, and who waits for it. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "credential.h"
#include "upstream.h"
#include "upstream_auth_internal.h"
#include "upstream_error.h"
#include "winnow/auto.h"
#include "winnow/clock.h"
#include "winnow/json.h"
#include "winnow/mem.h"

/* Largest real tokens (ACR, Artifact Registry) have 4 KiB. */
#define TOKEN_BODY_MAX (64u << 10)
/* Distribution's token specification: the default and the least. */
#define TOKEN_LIFE_S 60
#define TOKEN_LIFE_MAX_S 86400

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

void
upstream_token_forget(struct upstream_token *t)
{
	credential_free_text(t->value);
	t->value = NULL;
}

void
upstream_token_free(struct upstream_token *t)
{
	if (t->request != NULL)
		http_request_cancel(t->request);
	if (t->asking != NULL)
		credential_cancel(t->asking);
	event_del(&t->turn);
	upstream_token_forget(t);
	strbuf_clear(&t->body);
	free(t->repository);
	free(t->scope);
	TAILQ_REMOVE(&t->auth->tokens, t, entry);
	t->auth->token_count--;
	free(t);
}

/* Ends what was going on; the waiters hear of it on the next turn. */
static void
token_settle(struct upstream_token *t, const struct err *e)
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
    const struct upstream_token *t, char **bearer, char **basic, struct err *e)
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
token_is_missing(const struct upstream_token *t)
{
	return t->auth->challenge.scheme == CHALLENGE_BEARER &&
	    (t->value == NULL || clock_now_ms() >= t->refresh_at_ms);
}

/* Calls every waiter.  Those that come meanwhile wait for the next time. */
static void
token_answer(evutil_socket_t fd, short what, void *arg)
{
	struct upstream_token *t = arg;
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
		upstream_token_advance(t);
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

struct upstream_token *
upstream_token_new(struct upstream_auth *a, const char *repository)
{
	struct upstream_token *t = mem_zalloc(1, sizeof(*t));

	t->auth = a;
	t->repository = mem_strdup(repository);
	TAILQ_INIT(&t->waiters);
	strbuf_init(&t->body, TOKEN_BODY_MAX);
	event_assign(&t->turn, a->base, -1, 0, token_answer, t);
	return t;
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

int
upstream_token_read(
    const char *answer, size_t len, char **out, uint64_t *life_s, struct err *e)
{
	auto_json json_t *json = NULL;
	const char *value = NULL;
	uint64_t life = TOKEN_LIFE_S;
	struct err unused;

	if (json_parse_object(
		answer, len, "the token server's answer", &json, e) == -1 ||
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
	*life_s = life < TOKEN_LIFE_S ? TOKEN_LIFE_S : life;
	*out = mem_strdup(value);
	return 0;
}

/* Keeps the token that the token server has sent. */
static int
take_token(struct upstream_token *t, struct err *e)
{
	char *value;
	uint64_t life_s;

	if (t->body.overflow)
		return err_set(e, ERR_LIMIT,
		    "the token server's answer is larger than %u bytes",
		    TOKEN_BODY_MAX);
	if (upstream_token_read(
		strbuf_string(&t->body), t->body.len, &value, &life_s, e) == -1)
		return -1;
	upstream_token_forget(t);
	t->value = value;
	t->refresh_at_ms = clock_now_ms() + life_s * 900;
	return 0;
}

static void
on_token_done(void *arg, const struct http_response *r, const struct err *e)
{
	struct upstream_token *t = arg;
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
		upstream_token_advance(t);
		return;
	} else if (r->status != 200) {
		upstream_error_set(&failure, "token server", r, &t->body);
		e = &failure;
	} else if (take_token(t, &failure) == -1) {
		failure.code = ERR_UPSTREAM;
		e = &failure;
	}
	if (t->body.data != NULL)
		OPENSSL_cleanse(t->body.data, t->body.len);
	token_settle(t, e);
}

bool
upstream_token_learn(struct upstream_token *t, const struct http_response *r)
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
	struct upstream_token *t = arg;
	struct err failure;

	if (e != NULL) {
		failure = *e;
		err_wrap(&failure, "/v2/");
		token_settle(t, &failure);
		return;
	}
	upstream_token_learn(t, r);
	/* The scope of /v2/ is not this repository's. */
	free(t->scope);
	t->scope = NULL;
	t->request = NULL;
	t->state = TOKEN_IDLE;
	upstream_token_advance(t);
}

static int
on_body(void *arg, const void *data, size_t len, struct err *e)
{
	struct upstream_token *t = arg;

	strbuf_add(&t->body, data, len);
	if (t->body.overflow)
		return err_set(
		    e, ERR_LIMIT, "more than %u bytes", TOKEN_BODY_MAX);
	return 0;
}

/* Asks `url`, for a token or a challenge. */
static void
token_request(struct upstream_token *t, const char *url, const char *basic,
    enum token_state state)
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
token_fetch(struct upstream_token *t, const char *basic)
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
	struct upstream_token *t = arg;

	t->asking = NULL;
	t->state = TOKEN_IDLE;
	if (e != NULL)
		token_settle(t, e);
	else
		upstream_token_advance(t);
}

/*
 * Gets the password, from a helper if need be, and shows it to the token
 * server, if that may be asked; a challenge for the password itself needs no
 * more.
 */
static int
token_get_password(struct upstream_token *t, struct err *e)
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

void
upstream_token_advance(struct upstream_token *t)
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
