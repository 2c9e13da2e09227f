#include "server.h"

#include <event2/buffer.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#include "process.h"
#include "server_answer.h"
#include "server_auth.h"
#include "server_exchange.h"
#include "server_question.h"
#include "server_use.h"
#include "tls_context.h"
#include "winnow/auto.h"
#include "winnow/channel.h"
#include "winnow/json.h"
#include "winnow/log.h"
#include "winnow/mem.h"
#include "winnow/num.h"

/*
 * Freed memory at the heap's end stays here up to this much: each piece of a
 * blob through TLS is allocated, and new pages for it would cost half as much
 * as sending it.
 */
#define HEAP_SPARE (4 << 20)

/* Nothing is uploaded: room for a request that is only to be refused. */
#define MAX_BODY (16 << 10)
#define MAX_HEADERS (16 << 10)
/* Answers are some hundred bytes, manifests some thousand. */
#define MAX_ANSWERS 65536
#define MAX_ANSWERS_BYTES (64u << 20)
/* Descriptors beside those of connections and the files they read. */
#define SPARE_FDS (64 + CONNECTIONS_LINGERING)

/* The message {"type":"start"} with its descriptors. */
struct start {
	struct connection_limits limits;
	/* Who may pull what: core's second message, before any client. */
	bool has_access;
	struct channel_message access;
	int blobs;
	int counters; /* or -1 */
	struct {
		int fd;
		bool tls;
	} listeners[CHANNEL_FDS_MAX];
	size_t listener_count;
};

const char *
server_date(struct server *s)
{
	time_t now = time(NULL);
	struct tm tm;

	if (now != s->date_of) {
		gmtime_r(&now, &tm);
		evutil_date_rfc1123(s->date, sizeof(s->date), &tm);
		s->date_of = now;
	}
	return s->date;
}

static int
set_log_level(const json_t *body, struct err *e)
{
	const char *name;
	int level;

	if (json_get_string(body, "log_level", JSON_REQUIRED, &name, e) == -1)
		return -1;
	level = log_level_parse(name);
	if (level == -1)
		return err_set(e, ERR_INVALID, "unknown log level");
	log_init("server", (enum log_level)level);
	return 0;
}

/* Takes the access log's form and its file; `fd` is ours, -1: none. */
static void
set_access_log(const json_t *body, int fd)
{
	static int current = -1;
	const char *name = NULL;
	struct err ignored;
	int format;

	(void)json_get_string(
	    body, "access_log", JSON_OPTIONAL, &name, &ignored);
	format = name == NULL ? -1 : log_format_parse(name);
	log_access_init(
	    format == -1 ? LOG_FORMAT_KV : (enum log_format)format, fd);
	if (current != -1)
		close(current);
	current = fd;
}

static int
parse_start(const json_t *body, struct start *s, struct err *e)
{
	const char *type;
	json_t *listeners;
	size_t i;

	if (json_get_string(body, "type", JSON_REQUIRED, &type, e) == -1 ||
	    json_get_array(body, "listeners", JSON_REQUIRED, &listeners, e) ==
		-1 ||
	    json_get_uint(body, "connections", JSON_REQUIRED, UINT32_MAX,
		&s->limits.connections, e) == -1 ||
	    json_get_uint(body, "header_timeout_ms", JSON_REQUIRED, UINT32_MAX,
		&s->limits.header_timeout_ms, e) == -1 ||
	    json_get_uint(body, "idle_timeout_ms", JSON_REQUIRED, UINT32_MAX,
		&s->limits.idle_timeout_ms, e) == -1)
		return -1;
	if (strcmp(type, "start") != 0)
		return err_set(e, ERR_INVALID, "\"start\" must come first");
	if (set_log_level(body, e) == -1)
		return -1;
	s->has_access = json_is_true(json_object_get(body, "access"));
	if (json_array_size(listeners) > CHANNEL_FDS_MAX - 3)
		return err_set(e, ERR_LIMIT, "too many listeners");
	s->listener_count = json_array_size(listeners);
	for (i = 0; i < s->listener_count; i++) {
		const char *protocol =
		    json_string_value(json_array_get(listeners, i));

		s->listeners[i].tls =
		    protocol != NULL && strcmp(protocol, "tls") == 0;
	}
	return 0;
}

/* Waits for core's first message. */
static int
receive_start(struct start *s, struct err *e)
{
	struct channel_message m;
	size_t i;
	int r = channel_receive(PROCESS_CHANNEL_FD, &m, e);

	if (r == 0)
		return err_set(e, ERR_SYSTEM, "core is gone");
	if (r != 1)
		return -1;
	r = parse_start(m.body, s, e);
	if (r == 0 && m.fd_count != s->listener_count + 1 &&
	    m.fd_count != s->listener_count + 2 &&
	    m.fd_count != s->listener_count + 3)
		r = err_set(e, ERR_INVALID, "descriptors are missing");
	if (r == 0) {
		s->blobs = channel_take_fd(&m, 0);
		for (i = 0; i < s->listener_count; i++)
			s->listeners[i].fd = channel_take_fd(&m, i + 1);
		s->counters = channel_take_fd(&m, s->listener_count + 1);
		set_access_log(
		    m.body, channel_take_fd(&m, s->listener_count + 2));
	}
	channel_message_clear(&m);
	if (r == 0 && s->has_access &&
	    channel_receive(PROCESS_CHANNEL_FD, &s->access, e) != 1)
		return err_wrap(e, "core's second message");
	return r;
}

static void
drain(struct server *s)
{
	if (s->draining)
		return;
	log_event(LOG_LEVEL_INFO, "server.drain", NULL);
	s->draining = true;
	connections_drain(s->connections);
}

/* New certificates, for the connections that come from now on. */
static void
take_tls(struct server *s, struct channel_message *m)
{
	auto_fd int fd = channel_take_fd(m, 0);
	struct tls_context *tls;
	struct err e;

	if (tls_context_new(fd, &tls, &e) == -1)
		log_event(
		    LOG_LEVEL_ERROR, "server.tls", "why", e.message, NULL);
	else
		connections_set_tls(s->connections, tls);
}

/* Rules that cannot be read must not leave older ones in force. */
static void
take_access(struct server *s, struct channel_message *m)
{
	struct err e;

	if (server_auth_take_access(s, m, &e) == 0)
		return;
	log_event(LOG_LEVEL_ERROR, "server.access", "why", e.message, NULL);
	event_base_loopbreak(s->base);
}

static void
take_log(struct channel_message *m)
{
	struct err ignored;

	(void)set_log_level(m->body, &ignored);
	set_access_log(m->body, channel_take_fd(m, 0));
}

static void
on_message(void *arg, struct channel_message *m)
{
	struct server *s = arg;
	const char *type = NULL;
	struct err e;

	if (json_get_string(m->body, "type", JSON_REQUIRED, &type, &e) == -1)
		return;
	if (strcmp(type, "answer") == 0)
		server_answer_take(s, m);
	else if (strcmp(type, "forget") == 0)
		answers_clear(s->answers);
	else if (strcmp(type, "log") == 0)
		take_log(m);
	else if (strcmp(type, "tls") == 0)
		take_tls(s, m);
	else if (strcmp(type, "login") == 0)
		client_auth_take_result(s->auth, m->body);
	else if (strcmp(type, "access") == 0)
		take_access(s, m);
	else if (strcmp(type, "drain") == 0)
		drain(s);
}

static void
stop_loop(void *arg)
{
	struct server *s = arg;

	event_base_loopbreak(s->base);
}

static void
on_sigterm(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	drain(arg);
}

static void
on_beat(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;

	(void)fd;
	(void)what;
	counters_add(&s->counters->beats, 1);
}

static void
on_libevent_log(int severity, const char *message)
{
	log_event(severity >= EVENT_LOG_ERR ? LOG_LEVEL_ERROR : LOG_LEVEL_DEBUG,
	    "libevent", "message", message, NULL);
}

static void *
libevent_realloc(void *p, size_t size)
{
	return mem_realloc(p, 1, size);
}

/*
 * A connection and the file it reads take a descriptor each: makes sure of
 * them, or lowers the number of connections to what there are.
 */
static void
fit_connections(uint64_t *connections)
{
	struct rlimit limit;
	rlim_t wanted = *connections * 2 + SPARE_FDS;
	char number[NUM_TEXT];

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) == -1 ||
	    limit.rlim_cur >= wanted || limit.rlim_cur <= SPARE_FDS + 2)
		return;
	*connections = (limit.rlim_cur - SPARE_FDS) / 2;
	log_event(LOG_LEVEL_WARN, "connections.limited", "connections",
	    num_format(*connections, number), "why",
	    "the limit of open files (ulimit -Hn, LimitNOFILE=)", NULL);
}

static struct event_base *
new_base(struct err *e)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	/* connection_watch() needs EV_CLOSED. */
	event_config_require_features(config, EV_FEATURE_EARLY_CLOSE);
	/* evhttp turns reading and writing off and on again for each request:
	 * one system call for the sum of a turn instead of four.  What has
	 * a duplicate elsewhere (listeners) must not be closed in the turn
	 * that takes it out of the loop. */
	event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
	base = event_base_new_with_config(config);
	event_config_free(config);
	if (base == NULL)
		err_set(e, ERR_SYSTEM, "no event loop that sees hang-ups");
	return base;
}

static struct evhttp *
new_http(struct server *s)
{
	struct evhttp *http = evhttp_new(s->base);

	evhttp_set_default_content_type(http, NULL);
	evhttp_set_max_headers_size(http, MAX_HEADERS);
	evhttp_set_max_body_size(http, MAX_BODY);
	/* All: we refuse those that we do not serve in our own form. */
	evhttp_set_allowed_methods(http, 0xffff);
	evhttp_set_gencb(http, exchange_begin, s);
	return http;
}

/* The counters that core reads; without them, counters that nobody does. */
static int
open_counters(struct server *s, const struct start *start, struct err *e)
{
	auto_fd int fd = start->counters;

	if (fd == -1)
		return counters_open(&fd, &s->counters, e);
	return counters_map(fd, &s->counters, e);
}

static int
open_server(struct server *s, struct start *start, struct err *e)
{
	const struct core_link_callbacks callbacks = {
	    .on_message = on_message, .on_end = stop_loop, .arg = s};
	size_t i;

	snprintf(s->id, sizeof(s->id), "%d-", (int)getpid());
	fit_connections(&start->limits.connections);
	s->base = new_base(e);
	if (s->base == NULL || open_counters(s, start, e) == -1)
		return -1;
	s->counters->connections = 0; /* what a dead server left */
	s->http = new_http(s);
	s->https = new_http(s);
	s->connections = connections_new(
	    s->base, s->http, s->https, &start->limits, stop_loop, s);
	connections_count(s->connections, s->counters);
	s->core = core_link_new(s->base, PROCESS_CHANNEL_FD, &callbacks);
	if (client_auth_new(s->core, &s->auth, e) == -1 ||
	    (start->has_access &&
		server_auth_take_access(s, &start->access, e) == -1))
		return -1;
	if (start->has_access)
		channel_message_clear(&start->access);
	s->answers = answers_new(MAX_ANSWERS, MAX_ANSWERS_BYTES);
	s->questions = server_questions_new();
	s->uses = server_uses_new(s);
	s->blobs = start->blobs;
	for (i = 0; i < start->listener_count; i++)
		if (connections_listen(s->connections, start->listeners[i].fd,
			start->listeners[i].tls, e) == -1)
			return -1;
	return 0;
}

static void
close_server(struct server *s)
{
	/* Ends the connections, whose exchanges leave their questions. */
	evhttp_free(s->http);
	evhttp_free(s->https);
	connections_free(s->connections);
	server_questions_free(s->questions);
	server_uses_free(s->uses);
	answers_free(s->answers);
	client_auth_free(s->auth);
	if (s->access != NULL)
		access_free(s->access);
	core_link_free(s->core);
	/* Bufferevents with a deferred callback live until its turn. */
	event_base_loop(s->base, EVLOOP_NONBLOCK);
	event_base_free(s->base);
	counters_close(s->counters);
	close(s->blobs);
}

/* The log's lines of one turn are written together, before the next wait. */
static void
run_loop(struct event_base *base)
{
	log_collect();
	while (event_base_loop(base, EVLOOP_ONCE) == 0 &&
	    !event_base_got_break(base))
		log_flush();
}

int
server_main(void)
{
	static const struct timeval beat = {.tv_sec = COUNTERS_BEAT_MS / 1000};
	struct server s = {.blobs = -1};
	struct start start;
	struct event *term, *beats;
	struct err e;

	log_init("server", LOG_LEVEL_INFO);
	mallopt(M_TRIM_THRESHOLD, HEAP_SPARE);
	/* Keys and passwords are in its memory. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	signal(SIGPIPE, SIG_IGN);
	/* Core is told by these, and tells us. */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	event_set_mem_functions(mem_alloc, libevent_realloc, free);
	event_set_log_callback(on_libevent_log);
	if (receive_start(&start, &e) == -1 ||
	    open_server(&s, &start, &e) == -1) {
		log_event(
		    LOG_LEVEL_ERROR, "server.failed", "why", e.message, NULL);
		return 1;
	}
	term = evsignal_new(s.base, SIGTERM, on_sigterm, &s);
	event_add(term, NULL);
	beats = event_new(s.base, -1, EV_PERSIST, on_beat, &s);
	event_add(beats, &beat);
	log_event(LOG_LEVEL_INFO, "server.start", NULL);
	run_loop(s.base);
	event_free(beats);
	event_free(term);
	close_server(&s);
	return 0;
}
