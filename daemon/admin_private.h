/* admin_private: what the parts of admin share. */
#ifndef WINNOW_DAEMON_ADMIN_PRIVATE_H
#define WINNOW_DAEMON_ADMIN_PRIVATE_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "admin.h"
#include "warm.h"

struct bufferevent;
struct admin_socket;
struct admin_http;

/* Addresses for metrics and health. */
#define ADMIN_HTTP_MAX 4

struct admin {
	struct admin_core core;
	struct admin_socket *socket; /* NULL: not there */
	struct admin_http *http;
	uint64_t began_ms; /* clock_now_ms() */
};

/* One client of the Unix socket and the command it gave. */
struct admin_session {
	struct admin *admin;
	struct admin_socket *socket;
	struct bufferevent *bev;
	struct event *timer; /* gives up; later, reports progress */
	bool began; /* the command is under way */
	bool over; /* closes when all is sent */
	struct warm **warms; /* whose end it waits for */
	size_t warm_count;
	size_t warm_failures;
	TAILQ_ENTRY(admin_session) entry;
};

/* --- admin_socket.c --- */

/* NULL, logged, when the socket cannot be had. */
struct admin_socket *admin_socket_new(struct admin *a, const char *path);
void admin_socket_free(struct admin_socket *s);

/* Sends one line of an answer; takes the reference. */
void
admin_session_send(struct admin_session *s, const char *type, json_t *body);
/* The last line: a result, or an error; the session ends once it is sent. */
void admin_session_end(struct admin_session *s, json_t *result);
void admin_session_fail(struct admin_session *s, const struct err *e);

/* --- admin_command.c --- */

/* Does what a line asks for. */
void admin_command_run(struct admin_session *s, const json_t *request);
/* The client has left. */
void admin_command_leave(struct admin_session *s);
/* Once a second while the command is under way. */
void admin_command_tick(struct admin_session *s);

/* --- admin_http.c --- */

/* Addresses that cannot be had are logged and left out. */
struct admin_http *admin_http_new(struct admin *a, const struct config *c);
void admin_http_free(struct admin_http *http);

/* --- admin_metrics.c --- */

/* Appends all metrics, as Prometheus reads them. */
void admin_metrics(const struct admin *a, struct strbuf *out);

/* --- admin_purge.c --- */

/*
 * Forgets what a reference (NULL: everything) stands for, and removes its
 * blobs but for those in use.  *result is for the answer.
 */
int admin_purge(
    struct admin *a, const char *reference, json_t **result, struct err *e);

/* --- admin_status.c --- */

/* Everything that `winnow status` shows. */
json_t *admin_status(const struct admin *a);

#endif
