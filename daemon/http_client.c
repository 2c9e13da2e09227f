/* libcurl's sockets and timer on the event loop, and what waits for a turn. */
#include <stdlib.h>

#include "http_client_internal.h"
#include "winnow/mem.h"

struct http_socket {
	struct http_client *client;
	struct event event;
};

/* Moves what libcurl has finished, after each of its calls. */
static void
collect_finished(struct http_client *c)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(c->multi, &left)) != NULL) {
		struct http_request *r = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &r);
		if (r->state != REQUEST_RUNNING)
			continue;
		r->result = m->data.result;
		http_request_set_state(r, REQUEST_FINISHED);
	}
}

static void
socket_ready(evutil_socket_t fd, short what, void *arg)
{
	/* libcurl may free the socket's struct in the call. */
	struct http_client *c = ((struct http_socket *)arg)->client;
	int flags = ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) |
	    ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);
	int running;

	curl_multi_socket_action(c->multi, fd, flags, &running);
	collect_finished(c);
}

static void
timer_fired(evutil_socket_t fd, short what, void *arg)
{
	struct http_client *c = arg;
	int running;

	(void)fd;
	(void)what;
	curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect_finished(c);
}

/* libcurl wants to be called at `fd`'s readiness `what`. */
static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct http_client *c = arg;
	struct http_socket *s = socket_arg;
	short events = EV_PERSIST;

	(void)easy;
	if (s != NULL)
		event_del(&s->event);
	if (what == CURL_POLL_REMOVE) {
		free(s);
		return 0;
	}
	if (s == NULL) {
		s = mem_zalloc(1, sizeof(*s));
		s->client = c;
		curl_multi_assign(c->multi, fd, s);
	}
	if ((what & CURL_POLL_IN) != 0)
		events |= EV_READ;
	if ((what & CURL_POLL_OUT) != 0)
		events |= EV_WRITE;
	event_assign(&s->event, c->base, fd, events, socket_ready, s);
	event_add(&s->event, NULL);
	return 0;
}

/* libcurl wants to be called in `ms`, or (-1) not at all. */
static int
on_timer(CURLM *multi, long ms, void *arg)
{
	struct http_client *c = arg;
	struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

	(void)multi;
	if (ms < 0)
		evtimer_del(&c->timer);
	else
		evtimer_add(&c->timer, &tv);
	return 0;
}

/* Does what must not be done in a callback of libcurl or of a user. */
static void
client_turn(evutil_socket_t fd, short what, void *arg)
{
	struct http_client *c = arg;
	struct http_request *r;

	(void)fd;
	(void)what;
	while ((r = TAILQ_FIRST(&c->lists[REQUEST_CANCELLED])) != NULL)
		http_request_free(r);
	while ((r = TAILQ_FIRST(&c->lists[REQUEST_FINISHED])) != NULL)
		http_request_finish(r);
	while ((r = TAILQ_FIRST(&c->lists[REQUEST_PENDING])) != NULL)
		http_request_run(r);
}

struct http_client *
http_client_new(struct event_base *base)
{
	struct http_client *c = mem_zalloc(1, sizeof(*c));
	int i;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	c->base = base;
	c->multi = curl_multi_init();
	if (c->multi == NULL)
		abort();
	for (i = 0; i < REQUEST_STATES; i++)
		TAILQ_INIT(&c->lists[i]);
	evtimer_assign(&c->timer, base, timer_fired, c);
	event_assign(&c->turn, base, -1, 0, client_turn, c);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	return c;
}

void
http_client_free(struct http_client *c)
{
	struct http_request *r;
	int i;

	for (i = 0; i < REQUEST_STATES; i++) {
		while ((r = TAILQ_FIRST(&c->lists[i])) != NULL)
			http_request_free(r);
	}
	curl_multi_cleanup(c->multi);
	event_del(&c->timer);
	event_del(&c->turn);
	free(c);
	curl_global_cleanup();
}
