#include "logins.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "child.h"
#include "winnow/auto.h"
#include "winnow/json.h"
#include "winnow/log.h"
#include "winnow/mem.h"

/* So many passwords are checked at once: the processors have other work. */
#define LOGIN_PROCESSES 2
/* So many wait, some seconds at the usual cost; more are told to come back. */
#define LOGIN_QUEUE 128
/*
 * So many for one user, and for all users that there are not: who guesses
 * does not keep others out.  More than there are servers, each of which may
 * ask when a client logs in.
 */
#define LOGIN_QUEUE_USER 16
/* A process that takes longer is stuck: the highest cost takes two seconds. */
static const struct timeval login_time = {.tv_sec = 20};

struct login {
	TAILQ_ENTRY(login) entry;
	char *hash;
	bool known; /* the user; else the answer is no whatever it is */
	int fd;
	uint64_t id;
	void (*done)(void *arg, uint64_t id, enum login_result result);
	void *arg; /* NULL: nobody waits */
};

struct process {
	struct logins *all;
	struct child *child; /* NULL until it is needed */
	struct login *login; /* being checked */
	struct event *timer;
};

struct logins {
	struct event_base *base;
	struct htpasswd *users;
	struct process processes[LOGIN_PROCESSES];
	TAILQ_HEAD(, login) queue;
	size_t queued;
};

static void
end_login(struct login *login, enum login_result result)
{
	if (login->arg != NULL)
		login->done(login->arg, login->id,
		    login->known || result == LOGIN_BUSY ? result : LOGIN_NO);
	close(login->fd);
	explicit_bzero(login->hash, strlen(login->hash));
	free(login->hash);
	free(login);
}

static void start_next(struct logins *l);

/* What a process was checking is decided. */
static void
finish(struct process *p, enum login_result result)
{
	struct login *login = steal(&p->login);

	evtimer_del(p->timer);
	if (login != NULL)
		end_login(login, result);
	start_next(p->all);
}

static void
on_message(void *arg, struct channel_message *m)
{
	bool good = json_is_true(json_object_get(m->body, "good"));

	finish(arg, good ? LOGIN_YES : LOGIN_NO);
}

static void
on_gone(void *arg, int status, const char *how)
{
	struct process *p = arg;

	(void)status;
	log_event(LOG_LEVEL_ERROR, "login.died", "how", how, NULL);
	p->child = NULL;
	finish(p, LOGIN_BUSY);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct process *p = arg;

	(void)fd;
	(void)what;
	if (p->child != NULL)
		child_kill(p->child);
}

/* Gives the process its next password; -1 when there is no process. */
static int
start_login(struct process *p, struct login *login, struct err *e)
{
	const struct child_callbacks callbacks = {on_message, on_gone, p};
	auto_json json_t *body =
	    json_pack("{s:s, s:s}", "type", "login", "hash", login->hash);

	if (p->child == NULL &&
	    child_start(p->all->base, "login", &callbacks, &p->child, e) == -1)
		return -1;
	p->login = login;
	evtimer_add(p->timer, &login_time);
	child_send(p->child, body, &login->fd, 1);
	return 0;
}

static struct process *
find_idle(struct logins *l)
{
	size_t i;

	for (i = 0; i < LOGIN_PROCESSES; i++)
		if (l->processes[i].login == NULL)
			return &l->processes[i];
	return NULL;
}

/* For the same user, or both for ones that are unknown. */
static bool
is_like(const struct login *login, const char *hash, bool known)
{
	return login->known == known &&
	    (!known || strcmp(login->hash, hash) == 0);
}

static bool
is_being_checked(const struct logins *l, const struct login *login)
{
	size_t i;

	for (i = 0; i < LOGIN_PROCESSES; i++)
		if (l->processes[i].login != NULL &&
		    is_like(l->processes[i].login, login->hash, login->known))
			return true;
	return false;
}

/* The first whose user has none under way: others' guesses can wait. */
static struct login *
choose(const struct logins *l)
{
	struct login *login;

	TAILQ_FOREACH(login, &l->queue, entry)
	if (!is_being_checked(l, login))
		return login;
	return TAILQ_FIRST(&l->queue);
}

static void
start_next(struct logins *l)
{
	struct process *p;
	struct login *login;
	struct err e;

	while ((login = choose(l)) != NULL && (p = find_idle(l)) != NULL) {
		TAILQ_REMOVE(&l->queue, login, entry);
		l->queued--;
		if (start_login(p, login, &e) == 0)
			continue;
		log_event(
		    LOG_LEVEL_ERROR, "login.failed", "error", e.message, NULL);
		end_login(login, LOGIN_BUSY);
	}
}

struct logins *
logins_new(struct event_base *base)
{
	struct logins *l = mem_zalloc(1, sizeof(*l));
	size_t i;

	l->base = base;
	TAILQ_INIT(&l->queue);
	for (i = 0; i < LOGIN_PROCESSES; i++) {
		l->processes[i].all = l;
		l->processes[i].timer =
		    evtimer_new(base, on_timer, &l->processes[i]);
	}
	return l;
}

void
logins_free(struct logins *l)
{
	struct login *login;
	size_t i;

	if (l == NULL)
		return;
	for (i = 0; i < LOGIN_PROCESSES; i++) {
		struct process *p = &l->processes[i];

		if (p->child != NULL)
			child_abandon(p->child);
		if (p->login != NULL) {
			p->login->arg = NULL;
			end_login(p->login, LOGIN_BUSY);
		}
		event_free(p->timer);
	}
	while ((login = TAILQ_FIRST(&l->queue)) != NULL) {
		TAILQ_REMOVE(&l->queue, login, entry);
		login->arg = NULL;
		end_login(login, LOGIN_BUSY);
	}
	logins_set_users(l, NULL);
	free(l);
}

void
logins_set_users(struct logins *l, struct htpasswd *users)
{
	if (l->users != NULL)
		htpasswd_free(l->users);
	l->users = users;
}

/* How many wait for the same user, or like this for one that is unknown. */
static size_t
count_like(const struct logins *l, const char *hash, bool known)
{
	const struct login *login;
	size_t count = 0;

	TAILQ_FOREACH(login, &l->queue, entry)
	if (login->known == known && (!known || strcmp(login->hash, hash) == 0))
		count++;
	return count;
}

void
logins_check(struct logins *l, const char *user, int fd, uint64_t id,
    void (*done)(void *arg, uint64_t id, enum login_result result), void *arg)
{
	bool known = false;
	const char *hash =
	    l->users == NULL ? NULL : htpasswd_find(l->users, user, &known);
	struct login *login;
	int own;

	if (hash == NULL) {
		done(arg, id, LOGIN_NO);
		return;
	}
	own = l->queued >= LOGIN_QUEUE ||
		count_like(l, hash, known) >= LOGIN_QUEUE_USER
	    ? -1
	    : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own == -1) {
		done(arg, id, LOGIN_BUSY);
		return;
	}
	login = mem_zalloc(1, sizeof(*login));
	login->hash = mem_strdup(hash);
	login->known = known;
	login->fd = own;
	login->id = id;
	login->done = done;
	login->arg = arg;
	TAILQ_INSERT_TAIL(&l->queue, login, entry);
	l->queued++;
	start_next(l);
}

void
logins_leave(struct logins *l, const void *arg)
{
	struct login *login;
	size_t i;

	TAILQ_FOREACH(login, &l->queue, entry)
	if (login->arg == arg)
		login->arg = NULL;
	for (i = 0; i < LOGIN_PROCESSES; i++)
		if (l->processes[i].login != NULL &&
		    l->processes[i].login->arg == arg)
			l->processes[i].login->arg = NULL;
}
