/* The Unix socket that winnow(1) talks to: one JSON object a line. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acceptor.h"
#include "admin_private.h"
#include "listen_socket.h"
#include "winnow/auto.h"
#include "winnow/json.h"
#include "winnow/log.h"
#include "winnow/mem.h"

/* Commands under way at once: there are few admins. */
#define SESSIONS_MAX 32
/* A command with many references fits. */
#define REQUEST_MAX 65536
/* For the whole command to come, and for a client that stopped reading. */
static const struct timeval request_limit = {.tv_sec = 10};
static const struct timeval tick = {.tv_sec = 1};

struct admin_socket {
	struct admin *admin;
	char *path;
	struct acceptor *acceptor;
	TAILQ_HEAD(, admin_session) sessions;
	size_t count;
};

static void
session_free(struct admin_session *s)
{
	TAILQ_REMOVE(&s->socket->sessions, s, entry);
	s->socket->count--;
	admin_command_leave(s);
	event_free(s->timer);
	bufferevent_free(s->bev);
	free(s);
}

/* Everything is sent: the session ends if its command has. */
static void
on_sent(struct bufferevent *bev, void *arg)
{
	struct admin_session *s = arg;

	(void)bev;
	if (s->over)
		session_free(s);
}

void
admin_session_send(struct admin_session *s, const char *type, json_t *body)
{
	auto_json json_t *line = body;
	auto_free char *text = NULL;
	size_t len;

	json_put(line, "type", json_string(type));
	text = json_format(line, &len);
	evbuffer_add(bufferevent_get_output(s->bev), text, len);
	evbuffer_add(bufferevent_get_output(s->bev), "\n", 1);
}

void
admin_session_end(struct admin_session *s, json_t *result)
{
	admin_session_send(s, "result", result);
	s->over = true;
	bufferevent_disable(s->bev, EV_READ);
}

void
admin_session_fail(struct admin_session *s, const struct err *e)
{
	admin_session_send(s, "error",
	    json_pack("{s:s, s:o}", "code", err_code_name(e->code), "message",
		json_escaped(e->message)));
	s->over = true;
	bufferevent_disable(s->bev, EV_READ);
}

/* Who commands what, for the record. */
static void
log_command(const struct admin_session *s, const json_t *request)
{
	const char *command = NULL;
	struct ucred peer = {.pid = 0};
	socklen_t len = sizeof(peer);
	char uid[24], pid[24];
	struct err ignored;

	(void)json_get_string(
	    request, "command", JSON_OPTIONAL, &command, &ignored);
	(void)getsockopt(
	    bufferevent_getfd(s->bev), SOL_SOCKET, SO_PEERCRED, &peer, &len);
	snprintf(uid, sizeof(uid), "%" PRIuMAX, (uintmax_t)peer.uid);
	snprintf(pid, sizeof(pid), "%" PRIdMAX, (intmax_t)peer.pid);
	log_event(command != NULL && strcmp(command, "status") == 0
		? LOG_LEVEL_DEBUG
		: LOG_LEVEL_INFO,
	    "admin.command", "command", command, "uid", uid, "pid", pid, NULL);
}

static void
take_request(struct admin_session *s, const char *line, size_t len)
{
	auto_json json_t *request = NULL;
	struct err e;

	s->began = true;
	event_add(s->timer, &tick);
	if (json_parse_object(line, len, "the command", &request, &e) == -1) {
		admin_session_fail(s, &e);
		return;
	}
	log_command(s, request);
	admin_command_run(s, request);
}

static void
on_readable(struct bufferevent *bev, void *arg)
{
	struct admin_session *s = arg;
	struct evbuffer *input = bufferevent_get_input(bev);
	auto_free char *line = NULL;
	size_t len;
	struct err e;

	if (s->began) {
		evbuffer_drain(input, evbuffer_get_length(input));
		return;
	}
	line = evbuffer_readln(input, &len, EVBUFFER_EOL_LF);
	if (line != NULL) {
		take_request(s, line, len);
	} else if (evbuffer_get_length(input) >= REQUEST_MAX) {
		err_set(&e, ERR_LIMIT, "the command is longer than %d bytes",
		    REQUEST_MAX);
		admin_session_fail(s, &e);
	}
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)what;
	session_free(arg);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct admin_session *s = arg;

	(void)fd;
	(void)what;
	if (!s->began) {
		session_free(s);
		return;
	}
	if (s->over)
		return;
	event_add(s->timer, &tick);
	admin_command_tick(s);
}

static void
on_accept(void *arg, int fd)
{
	struct admin_socket *all = arg;
	struct event_base *base = all->admin->core.context->base;
	struct admin_session *s;

	if (all->count >= SESSIONS_MAX) {
		close(fd);
		return;
	}
	s = mem_zalloc(1, sizeof(*s));
	s->admin = all->admin;
	s->socket = all;
	s->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	s->timer = evtimer_new(base, on_timer, s);
	TAILQ_INSERT_TAIL(&all->sessions, s, entry);
	all->count++;
	bufferevent_setcb(s->bev, on_readable, on_sent, on_event, s);
	bufferevent_setwatermark(s->bev, EV_READ, 0, REQUEST_MAX);
	bufferevent_set_timeouts(s->bev, NULL, &request_limit);
	bufferevent_enable(s->bev, EV_READ | EV_WRITE);
	event_add(s->timer, &request_limit);
}

/* The directory of the socket is made, but not those above it. */
static int
open_socket(const char *path, int *out, struct err *e)
{
	auto_free char *text = mem_printf("unix:%s", path);
	auto_free char *dir = mem_strdup(path);
	char *slash = strrchr(dir, '/');
	struct listen_address address;

	if (listen_address_parse(text, &address, e) == -1)
		return err_wrap(e, "%s", path);
	if (slash != NULL)
		*slash = '\0';
	if (slash != dir && mkdir(dir, 0755) == -1 && errno != EEXIST)
		return err_set_errno(e, "cannot make directory %s", dir);
	if (listen_socket_unix(&address, out, e) == -1)
		return err_wrap(e, "%s", path);
	return 0;
}

struct admin_socket *
admin_socket_new(struct admin *a, const char *path)
{
	struct admin_socket *s;
	auto_fd int fd = -1;
	struct err e;

	if (open_socket(path, &fd, &e) == -1) {
		log_event(LOG_LEVEL_WARN, "admin.missing", "error", e.message,
		    "now", "winnow status and the like do not work", NULL);
		return NULL;
	}
	s = mem_zalloc(1, sizeof(*s));
	s->admin = a;
	s->path = mem_strdup(path);
	TAILQ_INIT(&s->sessions);
	s->acceptor =
	    acceptor_new(a->core.context->base, steal_fd(&fd), on_accept, s);
	return s;
}

void
admin_socket_free(struct admin_socket *s)
{
	if (s == NULL)
		return;
	while (!TAILQ_EMPTY(&s->sessions))
		session_free(TAILQ_FIRST(&s->sessions));
	acceptor_free(s->acceptor);
	unlink(s->path);
	free(s->path);
	free(s);
}
