#include "server_auth.h"

#include <string.h>

#include "server.h"
#include "server_reply.h"
#include "winnow/auto.h"
#include "winnow/fsutil.h"
#include "winnow/json.h"
#include "winnow/log.h"
#include "winnow/mem.h"

/* Core has written it; a bound all the same. */
#define SETTINGS_MAX (16u << 20)
/* When who found too many logins under way comes back. */
#define BUSY_RETRY_S 2

static void
refuse_client(struct exchange *x, const char *why)
{
	struct err e;

	/* Without passwords there is nothing to challenge for. */
	err_set(&e,
	    access_has_passwords(x->server->access) ? ERR_UNAUTHORIZED
						    : ERR_DENIED,
	    "%s", why);
	reply_error(x, &e, OCI_SUBJECT_CLIENT, 0);
}

/* What everybody is told who may not pull, whatever there is. */
static void
refuse_repository(struct exchange *x)
{
	struct err e;

	if (x->user == NULL && access_authenticates(x->server->access)) {
		refuse_client(x, "log in to pull this");
		return;
	}
	err_set(&e, ERR_DENIED, "no rule of this proxy lets %s pull %s",
	    x->user == NULL ? "anybody" : x->user, x->request.repository);
	reply_error(x, &e, OCI_SUBJECT_REPOSITORY, 0);
}

/* The client is known, or known to be nobody in particular. */
static void
decide(struct exchange *x, bool says_nobody)
{
	const struct access *a = x->server->access;
	const struct request *r = &x->request;

	if (r->kind != REQUEST_PING) {
		if (access_may_pull(a, x->user, r->repository, r->ns))
			exchange_serve(x);
		else
			refuse_repository(x);
		return;
	}
	/*
	 * Docker and podman learn here whether to send their password, and
	 * then send it everywhere.  Who has none and says so, as podman does,
	 * may go on to what anybody may pull.
	 */
	if (x->user != NULL || !access_authenticates(a) ||
	    (access_admits_anybody(a) &&
		(says_nobody || !access_has_passwords(a))))
		exchange_serve(x);
	else
		refuse_client(x, "log in first");
}

static void
on_result(struct exchange *x, enum client_auth_result result)
{
	struct err e;

	switch (result) {
	case CLIENT_AUTH_YES:
		decide(x, false);
		break;
	case CLIENT_AUTH_NO:
		log_event(LOG_LEVEL_WARN, "login.refused", "id", x->id, "user",
		    x->user, NULL);
		free(steal(&x->user));
		refuse_client(x, "wrong user or password");
		break;
	case CLIENT_AUTH_BUSY:
		free(steal(&x->user));
		err_set(&e, ERR_RATE_LIMIT,
		    "too many logins: come back in %d seconds", BUSY_RETRY_S);
		reply_error(x, &e, OCI_SUBJECT_CLIENT, BUSY_RETRY_S);
		break;
	case CLIENT_AUTH_WAITS:
		connection_watch(x->connection);
		break;
	}
}

static void
on_login(void *arg, enum client_auth_result result)
{
	struct exchange *x = arg;

	connection_unwatch(x->connection);
	on_result(x, result);
}

void
server_auth_begin(struct exchange *x)
{
	const struct access *a = x->server->access;
	struct authorization who;

	if (a == NULL || access_is_open(a)) {
		exchange_serve(x);
		return;
	}
	x->user = connection_certificate_user(x->connection);
	if (x->user != NULL || !access_has_passwords(a)) {
		decide(x, false);
		return;
	}
	authorization_parse(
	    evhttp_find_header(
		evhttp_request_get_input_headers(x->http), "Authorization"),
	    &who);
	switch (who.kind) {
	case AUTHORIZATION_NONE:
	case AUTHORIZATION_ANONYMOUS:
		decide(x, who.kind == AUTHORIZATION_ANONYMOUS);
		break;
	case AUTHORIZATION_BAD:
		refuse_client(x, "the user and password cannot be read");
		break;
	case AUTHORIZATION_BASIC:
		x->user = mem_strdup(who.user);
		x->login.done = on_login;
		x->login.arg = x;
		on_result(
		    x, client_auth_check(x->server->auth, &who, &x->login));
		break;
	}
	explicit_bzero(&who, sizeof(who));
}

int
server_auth_take_access(
    struct server *server, struct channel_message *m, struct err *e)
{
	auto_fd int fd = channel_take_fd(m, 0);
	auto_json json_t *settings = NULL;
	auto_free char *text = NULL;
	struct access *fresh;
	size_t len;

	if (fsutil_read_fd(fd, "access", SETTINGS_MAX, &text, &len, e) == -1 ||
	    json_parse_object(text, len, "access", &settings, e) == -1 ||
	    access_new(settings, &fresh, e) == -1)
		return -1;
	if (server->access != NULL)
		access_free(server->access);
	server->access = fresh;
	client_auth_forget(server->auth);
	return 0;
}
