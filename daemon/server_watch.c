#include "server_watch.h"

#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "winnow/mem.h"

struct server_watch {
	struct event_base *base;
	struct event *event;
	void (*gone)(void *arg);
	void *arg;
};

/*
 * Something happened on the socket of a waiting client, or on one that had the
 * number of this descriptor before: epoll reports a closed descriptor for as
 * long as another of the same socket is open.  So the socket is asked.
 */
static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct server_watch *w = arg;
	struct pollfd p = {.fd = fd, .events = POLLRDHUP};

	(void)what;
	if (poll(&p, 1, 0) == 1)
		w->gone(w->arg);
}

/*
 * The event is edge-triggered: what a client sends ahead would wake us for
 * ever.  It has a descriptor of its own: evhttp's events, added in the turn
 * that takes it away, would become edge-triggered with it, since epoll learns
 * of a turn's changes in sum (EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST).
 */
struct server_watch *
server_watch_new(
    struct event_base *base, int fd, void (*gone)(void *arg), void *arg)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct server_watch *w;

	if (own == -1)
		return NULL;
	w = mem_zalloc(1, sizeof(*w));
	w->base = base;
	w->gone = gone;
	w->arg = arg;
	w->event = event_new(
	    base, own, EV_READ | EV_CLOSED | EV_ET | EV_PERSIST, on_event, w);
	event_add(w->event, NULL);
	return w;
}

static void
on_next_turn(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	close((int)(intptr_t)arg);
}

void
server_watch_free(struct server_watch *w)
{
	static const struct timeval next_turn = {0};
	intptr_t fd;

	if (w == NULL)
		return;
	fd = event_get_fd(w->event);
	event_free(w->event);
	/*
	 * Later, since epoll has to forget it first: the socket stays open
	 * elsewhere, so closing does not tell epoll.  Where libevent calls back
	 * in this very turn, epoll goes on to report the number, and on_event()
	 * asks.
	 */
	if (event_base_once(w->base, -1, EV_TIMEOUT, on_next_turn, (void *)fd,
		&next_turn) == -1)
		close((int)fd);
	free(w);
}
