#include "client_auth.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "winnow/auto.h"
#include "winnow/digest.h"
#include "winnow/fsutil.h"
#include "winnow/json.h"
#include "winnow/mem.h"

/* How long a good login counts, and how long a wrong one is not repeated. */
#define GOOD_SECONDS 300
#define WRONG_SECONDS 10
/* What is remembered; all of it is dropped when there is more. */
#define LOGINS_MAX 4096
/* Questions to core at once: more than core lets wait. */
#define QUESTIONS_MAX 256

struct client_login {
	struct digest mac; /* of user and password, under the server's key */
	uint64_t id; /* of the question; 0: answered */
	bool void_answer; /* the users have changed since it was asked */
	bool good;
	time_t until; /* of the answer */
	TAILQ_HEAD(, client_auth_waiter) waiters;
};

struct client_auth {
	struct core_link *core;
	unsigned char key[32];
	void *by_mac; /* tsearch(3) */
	struct client_login *asked[QUESTIONS_MAX];
	size_t count;
	uint64_t last_id;
};

static int
compare(const void *a, const void *b)
{
	const struct client_login *x = a, *y = b;

	/* Its time tells of the hash only, and nobody knows the key. */
	return memcmp(x->mac.bytes, y->mac.bytes, sizeof(x->mac.bytes));
}

static time_t
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* A keyed hash, nested so that it cannot be extended (as HMAC is). */
static void
make_mac(const struct client_auth *a, const struct authorization *who,
    struct digest *out)
{
	auto_hash struct hash *inner = hash_new(), *outer = hash_new();
	struct digest d;

	hash_update(inner, a->key, sizeof(a->key));
	/* With its NUL, so that "a","bc" is not "ab","c". */
	hash_update(inner, who->user, strlen(who->user) + 1);
	hash_update(inner, who->password, strlen(who->password));
	hash_final(inner, &d);
	hash_update(outer, a->key, sizeof(a->key));
	hash_update(outer, d.bytes, sizeof(d.bytes));
	hash_final(outer, out);
}

int
client_auth_new(struct core_link *core, struct client_auth **out, struct err *e)
{
	struct client_auth *a = mem_zalloc(1, sizeof(*a));

	a->core = core;
	if (getrandom(a->key, sizeof(a->key), 0) != (ssize_t)sizeof(a->key)) {
		free(a);
		return err_set_errno(e, "no randomness");
	}
	*out = a;
	return 0;
}

static void
forget(struct client_auth *a, struct client_login *l)
{
	tdelete(l, &a->by_mac, compare);
	a->count--;
	free(l);
}

/* Drops all answers; what is being asked stays. */
static void
drop_answers(struct client_auth *a)
{
	struct client_login *l;
	size_t i;

	/* The tree gives up its root until it is empty. */
	while (a->by_mac != NULL) {
		l = *(struct client_login **)a->by_mac;
		tdelete(l, &a->by_mac, compare);
		if (l->id == 0)
			free(l);
	}
	a->count = 0;
	for (i = 0; i < QUESTIONS_MAX; i++) {
		if (a->asked[i] == NULL)
			continue;
		if (tsearch(a->asked[i], &a->by_mac, compare) == NULL)
			_exit(MEM_EXIT_STATUS);
		a->count++;
	}
}

void
client_auth_forget(struct client_auth *a)
{
	size_t i;

	for (i = 0; i < QUESTIONS_MAX; i++)
		if (a->asked[i] != NULL)
			a->asked[i]->void_answer = true;
	drop_answers(a);
}

void
client_auth_free(struct client_auth *a)
{
	size_t i;

	if (a == NULL)
		return;
	/* Whoever waited has left. */
	for (i = 0; i < QUESTIONS_MAX; i++)
		if (a->asked[i] != NULL)
			a->asked[i]->id = 0;
	memset(a->asked, 0, sizeof(a->asked));
	drop_answers(a);
	explicit_bzero(a->key, sizeof(a->key));
	free(a);
}

/* The password goes in a file, so that no message ever holds it. */
static int
send_question(struct client_auth *a, uint64_t id,
    const struct authorization *who, struct err *e)
{
	auto_json json_t *body = json_pack("{s:s, s:I, s:o}", "type", "login",
	    "id", (json_int_t)id, "user", json_string(who->user));
	auto_fd int fd = -1;

	if (body == NULL)
		return err_set(e, ERR_INVALID, "a user is not UTF-8");
	if (fsutil_open_memory("login", &fd, e) == -1 ||
	    fsutil_write_all(fd, who->password, strlen(who->password), e) ==
		-1 ||
	    fsutil_seal_memory(fd, e) == -1)
		return -1;
	return core_link_send_fd(a->core, body, fd, CORE_LINK_MAY_REFUSE, e);
}

static struct client_login *
ask(struct client_auth *a, const struct digest *mac,
    const struct authorization *who, enum client_auth_result *failure)
{
	struct client_login *l;
	struct err e;
	size_t i;

	for (i = 0; i < QUESTIONS_MAX && a->asked[i] != NULL; i++)
		;
	*failure = CLIENT_AUTH_BUSY;
	if (i == QUESTIONS_MAX)
		return NULL;
	if (send_question(a, a->last_id + 1, who, &e) == -1) {
		if (e.code == ERR_INVALID)
			*failure = CLIENT_AUTH_NO;
		return NULL;
	}
	if (a->count >= LOGINS_MAX)
		drop_answers(a);
	l = mem_zalloc(1, sizeof(*l));
	l->mac = *mac;
	l->id = ++a->last_id;
	TAILQ_INIT(&l->waiters);
	a->asked[i] = l;
	a->count++;
	if (tsearch(l, &a->by_mac, compare) == NULL)
		_exit(MEM_EXIT_STATUS);
	return l;
}

enum client_auth_result
client_auth_check(struct client_auth *a, const struct authorization *who,
    struct client_auth_waiter *w)
{
	struct client_login wanted, *l = NULL;
	enum client_auth_result failure;
	void *node;

	make_mac(a, who, &wanted.mac);
	node = tfind(&wanted, &a->by_mac, compare);
	if (node != NULL)
		l = *(struct client_login **)node;
	if (l != NULL && l->id == 0 && now_s() < l->until)
		return l->good ? CLIENT_AUTH_YES : CLIENT_AUTH_NO;
	if (l != NULL && (l->id == 0 || l->void_answer)) {
		/* Too old, or asked of users that are no more. */
		if (l->id != 0)
			return CLIENT_AUTH_BUSY;
		forget(a, l);
		l = NULL;
	}
	if (l == NULL)
		l = ask(a, &wanted.mac, who, &failure);
	if (l == NULL)
		return failure;
	w->login = l;
	TAILQ_INSERT_TAIL(&l->waiters, w, next);
	return CLIENT_AUTH_WAITS;
}

void
client_auth_leave(struct client_auth_waiter *w)
{
	if (w->login == NULL)
		return;
	TAILQ_REMOVE(&w->login->waiters, w, next);
	w->login = NULL;
}

/* Tells all who waited, who may ask again or leave meanwhile. */
static void
tell(struct client_login *l, enum client_auth_result result)
{
	struct client_auth_waiter *w;

	while ((w = TAILQ_FIRST(&l->waiters)) != NULL) {
		client_auth_leave(w);
		w->done(w->arg, result);
	}
}

void
client_auth_take_result(struct client_auth *a, const json_t *body)
{
	enum client_auth_result result = CLIENT_AUTH_BUSY;
	const char *text = "";
	struct client_login *l;
	uint64_t id = 0;
	struct err e;
	size_t i;

	if (json_get_uint(body, "id", JSON_REQUIRED, INT64_MAX, &id, &e) ==
		-1 ||
	    json_get_string(body, "result", JSON_REQUIRED, &text, &e) == -1)
		return;
	for (i = 0; i < QUESTIONS_MAX &&
	     (a->asked[i] == NULL || a->asked[i]->id != id);
	     i++)
		;
	if (i == QUESTIONS_MAX)
		return;
	l = steal(&a->asked[i]);
	l->id = 0;
	if (strcmp(text, "yes") == 0 && !l->void_answer)
		result = CLIENT_AUTH_YES;
	else if (strcmp(text, "no") == 0 && !l->void_answer)
		result = CLIENT_AUTH_NO;
	l->good = result == CLIENT_AUTH_YES;
	if (result != CLIENT_AUTH_BUSY)
		l->until = now_s() + (l->good ? GOOD_SECONDS : WRONG_SECONDS);
	tell(l, result);
}
