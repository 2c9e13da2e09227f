#include "servers.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "child.h"
#include "counters.h"
#include "question.h"
#include "winnow/json.h"
#include "winnow/log.h"
#include "winnow/mem.h"

/* Connections that the kernel queues while a server is busy or replaced. */
#define BACKLOG 1024

/* A server that died is replaced at once, one that dies again after this. */
static const struct timeval restart_delay = {.tv_sec = 1};

struct server {
	struct servers *all;
	struct child *child; /* NULL while it is being replaced */
	int *listeners;
	struct questions questions;
	struct event *restart;
	int counters_fd; /* outlive the process */
	struct counters *counters;
	uint64_t restarts;
};

struct servers {
	struct context *context;
	struct server *items;
	size_t count;
	size_t listener_count;
	bool draining;
	void (*drained)(void *arg);
	void *drained_arg;
};

static int start(struct server *s, struct err *e);

/* Splits "127.0.0.1:5000" or "[::1]:5000"; the caller frees *host. */
static int
split_address(const char *text, char **host, const char **port, struct err *e)
{
	const char *colon = strrchr(text, ':');

	if (colon == NULL)
		return err_set(e, ERR_INVALID, "%s has no port", text);
	if (text[0] == '[' && colon > text + 1 && colon[-1] == ']')
		*host = mem_strndup(text + 1, (size_t)(colon - text) - 2);
	else
		*host = mem_strndup(text, (size_t)(colon - text));
	*port = colon + 1;
	return 0;
}

static int
bind_listener(const char *address, int *out, struct err *e)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
	struct addrinfo *info;
	auto_free char *host = NULL;
	auto_fd int fd = -1;
	const char *port = NULL;
	int result, on = 1;

	if (split_address(address, &host, &port, e) == -1)
		return -1;
	result = getaddrinfo(host, port, &hints, &info);
	if (result != 0)
		return err_set(e, ERR_INVALID, "cannot listen on %s: %s",
		    address, gai_strerror(result));
	fd = socket(
	    info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == -1 ||
	    bind(fd, info->ai_addr, info->ai_addrlen) == -1 ||
	    listen(fd, BACKLOG) == -1)
		result = -1;
	freeaddrinfo(info);
	if (result == -1)
		return err_set_errno(e, "cannot listen on %s", address);
	*out = steal_fd(&fd);
	return 0;
}

static void
on_answer(void *arg, json_t *body, const int *fds, size_t fd_count)
{
	struct server *s = arg;

	if (s->child != NULL)
		child_send(s->child, body, fds, fd_count);
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
	else if (strcmp(type, "leave") == 0 &&
	    json_get_uint(m->body, "id", JSON_REQUIRED, INT64_MAX, &id, &e) ==
		0)
		question_leave(&s->questions, id);
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

/* Tells a new server all that it needs to know. */
static void
send_start(struct server *s)
{
	const struct config *c = s->all->context->config;
	int fds[CHANNEL_FDS_MAX];
	size_t i;
	json_t *body = json_pack("{s:s, s:I, s:s, s:I, s:I, s:I, s:s}", "type",
	    "start", "listeners", (json_int_t)s->all->listener_count,
	    "original_prefix", c->original_prefix, "connections",
	    (json_int_t)c->connections, "header_timeout_ms",
	    (json_int_t)c->header_timeout_ms, "idle_timeout_ms",
	    (json_int_t)c->idle_timeout_ms, "log_level", c->log_level);

	fds[0] = store_blobs_fd(s->all->context->env.store);
	for (i = 0; i < s->all->listener_count; i++)
		fds[i + 1] = s->listeners[i];
	fds[s->all->listener_count + 1] = s->counters_fd;
	child_send(s->child, body, fds, s->all->listener_count + 2);
	json_decref(body);
}

static int
start(struct server *s, struct err *e)
{
	struct child_callbacks cb = {on_message, on_gone, s};

	if (child_start(s->all->context->base, "server", &cb, &s->child, e) ==
	    -1)
		return -1;
	send_start(s);
	return 0;
}

static int
init_server(struct servers *all, struct server *s, struct err *e)
{
	const struct config *c = all->context->config;
	size_t i;

	s->all = all;
	TAILQ_INIT(&s->questions);
	s->restart = evtimer_new(all->context->base, on_restart, s);
	s->listeners = mem_zalloc(all->listener_count, sizeof(int));
	for (i = 0; i < all->listener_count; i++)
		s->listeners[i] = -1;
	if (counters_open(&s->counters_fd, &s->counters, e) == -1)
		return -1;
	for (i = 0; i < all->listener_count; i++)
		if (bind_listener(c->listen[i], &s->listeners[i], e) == -1)
			return -1;
	return 0;
}

int
servers_start(struct context *context, struct servers **out, struct err *e)
{
	const struct config *c = context->config;
	struct servers *all;
	size_t i;

	if (c->listen_count > CHANNEL_FDS_MAX - 2)
		return err_set(e, ERR_LIMIT, "listen: at most %d addresses",
		    CHANNEL_FDS_MAX - 2);
	all = mem_zalloc(1, sizeof(*all));
	all->context = context;
	all->listener_count = c->listen_count;
	all->items = mem_zalloc((size_t)c->servers, sizeof(*all->items));
	all->count = (size_t)c->servers;
	for (i = 0; i < all->count; i++) {
		TAILQ_INIT(&all->items[i].questions);
		all->items[i].counters_fd = -1;
	}
	for (i = 0; i < all->count; i++)
		if (init_server(all, &all->items[i], e) == -1 ||
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
	size_t i, j;

	all->draining = true;
	all->drained = drained;
	all->drained_arg = arg;
	for (i = 0; i < all->count; i++) {
		struct server *s = &all->items[i];

		if (s->child != NULL)
			child_send(s->child, body, NULL, 0);
		for (j = 0; j < all->listener_count; j++)
			close(s->listeners[j]);
		free(s->listeners);
		s->listeners = NULL;
	}
	json_decref(body);
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

bool
servers_have_questions(const struct servers *all)
{
	size_t i;

	for (i = 0; i < all->count; i++)
		if (!TAILQ_EMPTY(&all->items[i].questions))
			return true;
	return false;
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
servers_free(struct servers *all)
{
	size_t i, j;

	if (all == NULL)
		return;
	for (i = 0; i < all->count; i++) {
		struct server *s = &all->items[i];

		question_leave_all(&s->questions);
		if (s->child != NULL)
			child_abandon(s->child);
		if (s->restart != NULL)
			event_free(s->restart);
		for (j = 0; s->listeners != NULL && j < all->listener_count;
		     j++)
			if (s->listeners[j] != -1)
				close(s->listeners[j]);
		free(s->listeners);
		counters_close(s->counters);
		auto_fd_cleanup(&s->counters_fd);
	}
	free(all->items);
	free(all);
}
