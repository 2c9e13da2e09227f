#include "credential.h"

#include <event2/event_struct.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/queue.h>

#include "credential_helper.h"
#include "winnow/auto.h"
#include "winnow/clock.h"
#include "winnow/fsutil.h"
#include "winnow/json.h"
#include "winnow/mem.h"

#define PASSWORD_FILE_MAX 16384
#define DOCKER_CONFIG_MAX (1u << 20)
#define DOCKER_HOST "docker.io"
/* What helpers know Docker Hub by. */
#define DOCKER_HUB_KEY "https://index.docker.io/v1/"
/* Helpers do not say how long their answer is good: shorter than any. */
#define CREDENTIAL_LIFE_MS (10 * 60 * 1000)

TAILQ_HEAD(waiter_list, credential_waiter);

struct credential_waiter {
	TAILQ_ENTRY(credential_waiter) entry;
	struct waiter_list *list;
	credential_cb cb;
	void *arg;
};

struct credential {
	struct event_base *base;
	char *host; /* as names have it: "docker.io" */
	char *username;
	char *password_file;
	char *docker_config;
	char *helper; /* the one configured */
	/* What a helper said: `known` until then, `text` NULL for "none". */
	bool known;
	char *text;
	uint64_t until_ms;
	struct credential_helper *run;
	struct event turn; /* answers when no run could be started */
	struct err error;
	struct waiter_list waiters;
};

void
credential_free_text(char *text)
{
	if (text != NULL)
		OPENSSL_cleanse(text, strlen(text));
	free(text);
}

static void
forget(struct credential *c)
{
	credential_free_text(c->text);
	c->text = NULL;
	c->known = false;
}

static int
read_password_file(const struct credential *c, char **out, struct err *e)
{
	char *password = NULL;
	size_t len = 0;

	if (fsutil_read_file(AT_FDCWD, c->password_file, PASSWORD_FILE_MAX,
		&password, &len, e) == -1) {
		/* Not the image is missing: the way in is. */
		e->code = ERR_UNAUTHORIZED;
		return err_wrap(e, "password of %s", c->username);
	}
	*out = mem_printf(
	    "%s:%.*s", c->username, (int)strcspn(password, "\r\n"), password);
	OPENSSL_cleanse(password, len);
	free(password);
	return 0;
}

/* Decodes the "auth" of docker's file: "user:password" in base64. */
static int
decode_auth(const char *text, char **out, struct err *e)
{
	size_t len = strlen(text), padding = len;
	auto_free unsigned char *data = mem_zalloc(len / 4 + 1, 3);
	int n = EVP_DecodeBlock(data, (const unsigned char *)text, (int)len);

	while (padding > 0 && text[padding - 1] == '=')
		padding--;
	n -= (int)(len - padding);
	if (len == 0 || n <= 0 || memchr(data, ':', (size_t)n) == NULL ||
	    memchr(data, '\0', (size_t)n) != NULL)
		return err_set(e, ERR_UNAUTHORIZED,
		    "its \"auth\" is not USER:PASSWORD in base64");
	*out = mem_strndup((char *)data, (size_t)n);
	OPENSSL_cleanse(data, (size_t)n);
	return 0;
}

/*
 * True for a key of docker's file that means this host: HOST, https://HOST or
 * https://HOST/v1/; docker and podman name Docker Hub differently.
 */
static bool
key_is_for(const char *key, const char *host)
{
	const char *scheme = strstr(key, "://");
	const char *start = scheme == NULL ? key : scheme + 3;
	auto_free char *named = mem_strndup(start, strcspn(start, "/"));

	if (strcasecmp(named, "index.docker.io") == 0 ||
	    strcasecmp(named, "registry-1.docker.io") == 0)
		return strcmp(host, DOCKER_HOST) == 0;
	return strcasecmp(named, host) == 0;
}

static json_t *
find_key(json_t *map, const char *host)
{
	const char *key;
	json_t *value;

	json_object_foreach(map, key, value)
	{
		if (key_is_for(key, host))
			return value;
	}
	return NULL;
}

/* The entry of "auths": a password, or nothing that can be used. */
static int
read_entry(const json_t *entry, char **out, struct err *e)
{
	const char *auth = NULL, *token = NULL;

	if (!json_is_object(entry))
		return 0;
	if (json_get_string(entry, "auth", JSON_OPTIONAL, &auth, e) == -1 ||
	    json_get_string(entry, "identitytoken", JSON_OPTIONAL, &token, e) ==
		-1)
		return -1;
	if (token != NULL && *token != '\0')
		return err_set(e, ERR_UNAUTHORIZED,
		    "it has an identity token, which winnow cannot use: log in "
		    "with a user name and a password");
	return auth == NULL || *auth == '\0' ? 0 : decode_auth(auth, out, e);
}

/*
 * Looks the server up in docker's file: *helper (the caller frees) when a
 * program has to be asked, else *out or nothing.
 */
static int
read_docker_config(
    const struct credential *c, char **helper, char **out, struct err *e)
{
	auto_json json_t *json = NULL;
	auto_free char *text = NULL;
	json_t *auths = NULL, *helpers = NULL, *own;
	const char *store = NULL;
	size_t len;
	int status = -1;

	if (fsutil_read_file(AT_FDCWD, c->docker_config, DOCKER_CONFIG_MAX,
		&text, &len, e) == 0 &&
	    json_parse_object(text, len, "the file", &json, e) == 0 &&
	    json_get_object(json, "auths", JSON_OPTIONAL, &auths, e) == 0 &&
	    json_get_object(json, "credHelpers", JSON_OPTIONAL, &helpers, e) ==
		0 &&
	    json_get_string(json, "credsStore", JSON_OPTIONAL, &store, e) ==
		0) {
		own = find_key(helpers, c->host);
		if (json_is_string(own))
			store = json_string_value(own);
		if (store != NULL && *store != '\0') {
			*helper = mem_strdup(store);
			status = 0;
		} else {
			status = read_entry(find_key(auths, c->host), out, e);
		}
	}
	if (text != NULL)
		OPENSSL_cleanse(text, len);
	if (status == -1) {
		e->code = ERR_UNAUTHORIZED;
		return err_wrap(e, "%s", c->docker_config);
	}
	return 0;
}

/* The helper to ask, NULL for none; then *out is the answer. */
static int
find_helper(
    const struct credential *c, char **helper, char **out, struct err *e)
{
	*helper = NULL;
	*out = NULL;
	if (c->helper != NULL)
		*helper = mem_strdup(c->helper);
	else if (c->docker_config != NULL)
		return read_docker_config(c, helper, out, e);
	else if (c->password_file != NULL)
		return read_password_file(c, out, e);
	else if (c->username != NULL)
		*out = mem_printf("%s:", c->username);
	return 0;
}

int
credential_get(struct credential *c, char **out, struct err *e)
{
	auto_free char *helper = NULL;

	if (find_helper(c, &helper, out, e) == -1)
		return -1;
	if (helper == NULL)
		return 1;
	if (c->known && clock_now_ms() >= c->until_ms)
		forget(c);
	if (!c->known)
		return 0;
	*out = mem_strdup_optional(c->text);
	return 1;
}

static void
tell_waiters(struct credential *c, const struct err *e)
{
	struct credential_waiter *w;
	struct waiter_list told;

	TAILQ_INIT(&told);
	TAILQ_CONCAT(&told, &c->waiters, entry);
	TAILQ_FOREACH(w, &told, entry)
	w->list = &told;
	while ((w = TAILQ_FIRST(&told)) != NULL) {
		TAILQ_REMOVE(&told, w, entry);
		w->cb(w->arg, e);
		free(w);
	}
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct credential *c = arg;

	(void)fd;
	(void)what;
	tell_waiters(c, c->error.code == ERR_NONE ? NULL : &c->error);
}

static void
on_helper(void *arg, const char *text, const struct err *e)
{
	struct credential *c = arg;

	c->run = NULL;
	if (e == NULL) {
		forget(c);
		c->known = true;
		c->text = mem_strdup_optional(text);
		c->until_ms = clock_now_ms() + CREDENTIAL_LIFE_MS;
	}
	tell_waiters(c, e);
}

/* Starts the helper; when it cannot be, or is none, the next turn tells. */
static void
start_helper(struct credential *c)
{
	bool is_hub = strcmp(c->host, DOCKER_HOST) == 0;
	auto_free char *helper = NULL;
	char *text = NULL;

	c->error.code = ERR_NONE;
	if (find_helper(c, &helper, &text, &c->error) == -1 || helper == NULL ||
	    credential_helper_start(c->base, helper,
		is_hub ? DOCKER_HUB_KEY : c->host, on_helper, c, &c->run,
		&c->error) == -1)
		event_active(&c->turn, EV_TIMEOUT, 0);
	credential_free_text(text);
}

struct credential_waiter *
credential_ask(struct credential *c, credential_cb cb, void *arg)
{
	struct credential_waiter *w = mem_zalloc(1, sizeof(*w));

	w->cb = cb;
	w->arg = arg;
	w->list = &c->waiters;
	TAILQ_INSERT_TAIL(w->list, w, entry);
	if (c->run == NULL)
		start_helper(c);
	return w;
}

void
credential_cancel(struct credential_waiter *w)
{
	TAILQ_REMOVE(w->list, w, entry);
	free(w);
}

bool
credential_refused(struct credential *c)
{
	bool known = c->known;

	forget(c);
	return known;
}

struct credential *
credential_new(struct event_base *base, const struct credential_source *source)
{
	struct credential *c = mem_zalloc(1, sizeof(*c));

	c->base = base;
	c->host = mem_strdup(source->host);
	c->username = mem_strdup_optional(source->username);
	c->password_file = mem_strdup_optional(source->password_file);
	c->docker_config = mem_strdup_optional(source->docker_config);
	c->helper = mem_strdup_optional(source->helper);
	TAILQ_INIT(&c->waiters);
	evtimer_assign(&c->turn, base, on_turn, c);
	return c;
}

void
credential_free(struct credential *c)
{
	if (c == NULL)
		return;
	if (c->run != NULL)
		credential_helper_cancel(c->run);
	event_del(&c->turn);
	forget(c);
	free(c->host);
	free(c->username);
	free(c->password_file);
	free(c->docker_config);
	free(c->helper);
	free(c);
}
