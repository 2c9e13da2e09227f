#include "servers.h"

#include <stdlib.h>
#include <string.h>

#include "access_settings.h"
#include "child.h"
#include "counters.h"
#include "listeners.h"
#include "question.h"
#include "winnow/json.h"
#include "winnow/log.h"
#include "winnow/mem.h"
#include "winnow/num.h"

/* A server that died is replaced at once, one that dies again after this. */
static const struct timeval restart_delay = {.tv_sec = 1};

/*
 * How often core looks whether the servers' loops turn, and how many looks in
 * vain mean that one hangs: 30 s and 15 missed beats, which a machine that is
 * merely overloaded does not reach.  Looks are counted, not time: when core was
 * stopped as well (a frozen group, a stopped virtual machine) it has looked
 * once.
 */
#define LOOK_S 5
#define LOOKS_IN_VAIN 6

struct server {
	struct servers *all;
	struct child *child; /* NULL while it is being replaced */
	struct questions questions;
	struct event *restart;
	int counters_fd; /* outlive the process */
	struct counters *counters;
	uint64_t beats; /* when core looked last */
	unsigned in_vain; /* looks since they changed */
	uint64_t restarts;
};

struct servers {
	struct context *context;
	struct server *items;
	size_t count;
	struct listeners *listeners; /* NULL once draining */
	struct event *look;
	bool draining;
	void (*drained)(void *arg);
	void *drained_arg;
};

static int start(struct server *s, struct err *e);

static void
on_answer(void *arg, json_t *body, const int *fds, size_t fd_count)
{
	struct server *s = arg;

	if (s->child != NULL)
		child_send(s->child, body, fds, fd_count);
}

/* Digests that are none are passed over: a server may be taken over. */
static void
note_uses(struct store *store, const json_t *body)
{
	json_t *list = NULL, *item;
	struct digest digest;
	struct err ignored;
	size_t i;

	(void)json_get_array(body, "digests", JSON_OPTIONAL, &list, &ignored);
	json_array_foreach(list, i, item)
	{
		const char *text = json_string_value(item);

		if (text != NULL && digest_parse(text, &digest, &ignored) == 0)
			store_note_use(store, &digest);
	}
}

static void
on_login(void *arg, uint64_t id, enum login_result result)
{
	static const char *const names[] = {
	    [LOGIN_NO] = "no", [LOGIN_YES] = "yes", [LOGIN_BUSY] = "busy"};
	struct server *s = arg;
	auto_json json_t *body = json_pack("{s:s, s:I, s:s}", "type", "login",
	    "id", (json_int_t)id, "result", names[result]);

	if (s->child != NULL)
		child_send(s->child, body, NULL, 0);
}

static void
check_login(struct server *s, struct channel_message *m)
{
	auto_fd int fd = channel_take_fd(m, 0);
	const char *user;
	uint64_t id;
	struct err e;

	if (json_get_uint(m->body, "id", JSON_REQUIRED, INT64_MAX, &id, &e) ==
		-1 ||
	    json_get_string(m->body, "user", JSON_REQUIRED, &user, &e) == -1)
		log_event(LOG_LEVEL_ERROR, "server.message", "error", e.message,
		    NULL);
	else
		logins_check(
		    s->all->context->logins, user, fd, id, on_login, s);
}

static void
on_message(void *arg, struct channel_message *m)
{
	struct server *s = arg;
	const char *type = "";
	uint64_t id = 0;
	struct err e;

	json_get_string(m->body, "type", JSON_OPTIONAL, &type, &e);
	if (strcmp(type, "ask") == 0)
		question_ask(
		    s->all->context, &s->questions, m->body, on_answer, s);
	else if (strcmp(type, "login") == 0)
		check_login(s, m);
	else if (strcmp(type, "leave") == 0 &&
	    json_get_uint(m->body, "id", JSON_REQUIRED, INT64_MAX, &id, &e) ==
		0)
		question_leave(&s->questions, id);
	else if (strcmp(type, "used") == 0)
		note_uses(s->all->context->env.store, m->body);
	else
		log_event(
		    LOG_LEVEL_ERROR, "server.message", "type", type, NULL);
}

static void
check_drained(struct servers *all)
{
	size_t i;

	for (i = 0; i < all->count; i++)
		if (all->items[i].child != NULL)
			return;
	all->drained(all->drained_arg);
}

static void
on_gone(void *arg, int status, const char *how)
{
	struct server *s = arg;
	struct err e;

	(void)status;
	s->child = NULL;
	s->counters->connections = 0;
	question_leave_all(&s->questions);
	/* The next one counts its questions from one again. */
	logins_leave(s->all->context->logins, s);
	if (s->all->draining) {
		check_drained(s->all);
		return;
	}
	log_event(LOG_LEVEL_ERROR, "server.died", "how", how, NULL);
	s->restarts++;
	if (event_pending(s->restart, EV_TIMEOUT, NULL))
		return;
	/* The timer keeps a server that dies at once from spinning. */
	event_add(s->restart, &restart_delay);
	if (start(s, &e) == -1)
		log_event(
		    LOG_LEVEL_ERROR, "server.start", "error", e.message, NULL);
}

static void
on_restart(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	struct err e;

	(void)fd;
	(void)what;
	if (s->child != NULL || s->all->draining)
		return;
	if (start(s, &e) == -1) {
		log_event(
		    LOG_LEVEL_ERROR, "server.start", "error", e.message, NULL);
		event_add(s->restart, &restart_delay);
	}
}

/* A server that does not know who may pull what must not serve. */
static void
give_up(struct server *s, const struct err *e)
{
	log_event(LOG_LEVEL_ERROR, "server.access", "error", e->message, NULL);
	child_kill(s->child);
}

static void
send_tls(struct server *s)
{
	int bundle = tls_keeper_bundle(s->all->context->tls);
	auto_json json_t *body = json_pack("{s:s}", "type", "tls");

	if (bundle != -1)
		child_send(s->child, body, &bundle, 1);
}

static int
send_access(struct server *s, struct err *e)
{
	auto_json json_t *body = json_pack("{s:s}", "type", "access");
	auto_fd int fd = -1;

	if (access_settings_write(s->all->context->config, &fd, e) == -1)
		return -1;
	child_send(s->child, body, &fd, 1);
	return 0;
}

/* Tells a new server all that it needs to know. */
static void
send_start(struct server *s)
{
	const struct config *c = s->all->context->config;
	int fds[CHANNEL_FDS_MAX];
	const struct listeners *l = s->all->listeners;
	size_t i, count = listeners_count(l);
	json_t *tls = json_array();
	struct err e;
	json_t *body =
	    json_pack("{s:s, s:b, s:o, s:s, s:I, s:I, s:I, s:s, s:s}", "type",
		"start", "access", true, "listeners", tls, "original_prefix",
		c->original_prefix, "connections", (json_int_t)c->connections,
		"header_timeout_ms", (json_int_t)c->header_timeout_ms,
		"idle_timeout_ms", (json_int_t)c->idle_timeout_ms, "log_level",
		c->log_level, "access_log", c->access_log);

	fds[0] = store_blobs_fd(s->all->context->env.store);
	for (i = 0; i < count; i++) {
		json_push(
		    tls, json_string(listeners_is_tls(l, i) ? "tls" : "plain"));
		fds[i + 1] = listeners_fd(l, i, (size_t)(s - s->all->items));
	}
	fds[count + 1] = s->counters_fd;
	fds[count + 2] = s->all->context->access_log;
	child_send(s->child, body, fds, count + (fds[count + 2] == -1 ? 2 : 3));
	json_decref(body);
	if (send_access(s, &e) == -1)
		give_up(s, &e);
	send_tls(s);
}

static int
start(struct server *s, struct err *e)
{
	struct child_callbacks cb = {on_message, on_gone, s};

	if (child_start(s->all->context->base, "server", &cb, &s->child, e) ==
	    -1)
		return -1;
	s->in_vain = 0;
	send_start(s);
	return 0;
}

/* True when this look is the one too many. */
static bool
look_is_last(struct server *s)
{
	uint64_t beats = __atomic_load_n(&s->counters->beats, __ATOMIC_RELAXED);

	if (beats != s->beats) {
		s->beats = beats;
		s->in_vain = 0;
		return false;
	}
	return ++s->in_vain == LOOKS_IN_VAIN;
}

/* Kills servers that hang; on_gone() replaces them. */
static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct servers *all = arg;
	char pid[NUM_TEXT], seconds[NUM_TEXT];
	size_t i;

	(void)fd;
	(void)what;
	for (i = 0; i < all->count; i++) {
		struct server *s = &all->items[i];

		if (s->child == NULL || !look_is_last(s))
			continue;
		log_event(LOG_LEVEL_ERROR, "server.hung", "pid",
		    num_format((uint64_t)child_pid(s->child), pid), "silent_s",
		    num_format(LOOK_S * LOOKS_IN_VAIN, seconds), NULL);
		child_kill(s->child);
	}
}

static void
init_server(struct servers *all, struct server *s)
{
	s->all = all;
	TAILQ_INIT(&s->questions);
	s->restart = evtimer_new(all->context->base, on_restart, s);
	s->counters_fd = -1;
}

int
servers_start(struct context *context, struct listeners *listeners,
    struct servers **out, struct err *e)
{
	static const struct timeval interval = {.tv_sec = LOOK_S};
	struct servers *all = mem_zalloc(1, sizeof(*all));
	size_t i;

	all->context = context;
	all->listeners = listeners;
	all->count = (size_t)context->config->servers;
	all->items = mem_zalloc(all->count, sizeof(*all->items));
	all->look = event_new(context->base, -1, EV_PERSIST, on_look, all);
	event_add(all->look, &interval);
	for (i = 0; i < all->count; i++)
		init_server(all, &all->items[i]);
	for (i = 0; i < all->count; i++)
		if (counters_open(&all->items[i].counters_fd,
			&all->items[i].counters, e) == -1 ||
		    start(&all->items[i], e) == -1) {
			servers_free(all);
			return -1;
		}
	*out = all;
	return 0;
}

void
servers_drain(struct servers *all, void (*drained)(void *arg), void *arg)
{
	json_t *body = json_pack("{s:s}", "type", "drain");
	size_t i;

	all->draining = true;
	all->drained = drained;
	all->drained_arg = arg;
	for (i = 0; i < all->count; i++) {
		struct server *s = &all->items[i];

		if (s->child != NULL)
			child_send(s->child, body, NULL, 0);
	}
	json_decref(body);
	listeners_free(all->listeners);
	all->listeners = NULL;
	check_drained(all);
}

void
servers_forget(struct servers *all)
{
	json_t *body = json_pack("{s:s}", "type", "forget");
	size_t i;

	for (i = 0; i < all->count; i++)
		if (all->items[i].child != NULL)
			child_send(all->items[i].child, body, NULL, 0);
	json_decref(body);
}

void
servers_update(struct servers *all)
{
	const int *file = &all->context->access_log;
	auto_json json_t *body = json_pack("{s:s, s:s, s:s}", "type", "log",
	    "log_level", all->context->config->log_level, "access_log",
	    all->context->config->access_log);
	struct err e;
	size_t i;

	for (i = 0; i < all->count; i++) {
		if (all->items[i].child == NULL)
			continue;
		child_send(all->items[i].child, body, file, *file != -1);
		if (send_access(&all->items[i], &e) == -1)
			give_up(&all->items[i], &e);
		send_tls(&all->items[i]);
	}
}

bool
servers_have_questions(const struct servers *all)
{
	size_t i;

	for (i = 0; i < all->count; i++)
		if (!TAILQ_EMPTY(&all->items[i].questions))
			return true;
	return false;
}

bool
servers_are_draining(const struct servers *all)
{
	return all->draining;
}

size_t
servers_states(const struct servers *all, struct servers_state *out)
{
	size_t i;

	for (i = 0; out != NULL && i < all->count; i++) {
		const struct server *s = &all->items[i];

		out[i] = (struct servers_state){
		    .pid = s->child == NULL ? 0 : child_pid(s->child),
		    .restarts = s->restarts,
		    .questions = questions_count(&s->questions),
		    .counters = s->counters};
	}
	return all->count;
}

void
servers_sum_counters(const struct servers *all, struct counters *sum)
{
	size_t i;

	for (i = 0; i < all->count; i++)
		counters_sum(sum, all->items[i].counters);
}

void
servers_free(struct servers *all)
{
	size_t i;

	if (all == NULL)
		return;
	for (i = 0; i < all->count; i++) {
		struct server *s = &all->items[i];

		question_leave_all(&s->questions);
		if (s->child != NULL)
			child_abandon(s->child);
		event_free(s->restart);
		counters_close(s->counters);
		auto_fd_cleanup(&s->counters_fd);
	}
	event_free(all->look);
	listeners_free(all->listeners);
	free(all->items);
	free(all);
}
