#include "acceptor.h"

#include <errno.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>

#include "winnow/log.h"
#include "winnow/mem.h"

/* Who connects meanwhile waits in the kernel. */
static const struct timeval pause_time = {.tv_sec = 1};

struct acceptor {
	struct evconnlistener *listener;
	struct event *timer; /* of a pause */
	void (*accepted)(void *arg, int fd);
	void *arg;
};

static void
on_accept(struct evconnlistener *l, evutil_socket_t fd,
    struct sockaddr *address, int len, void *arg)
{
	struct acceptor *a = arg;

	(void)l;
	(void)address;
	(void)len;
	a->accepted(a->arg, fd);
}

static void
on_error(struct evconnlistener *l, void *arg)
{
	struct acceptor *a = arg;

	log_event(
	    LOG_LEVEL_WARN, "accept.failed", "why", strerror(errno), NULL);
	evconnlistener_disable(l);
	evtimer_add(a->timer, &pause_time);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct acceptor *a = arg;

	(void)fd;
	(void)what;
	evconnlistener_enable(a->listener);
}

struct acceptor *
acceptor_new(struct event_base *base, int fd,
    void (*accepted)(void *arg, int fd), void *arg)
{
	struct acceptor *a = mem_zalloc(1, sizeof(*a));

	a->accepted = accepted;
	a->arg = arg;
	a->timer = evtimer_new(base, on_timer, a);
	/* It listens already: a backlog of 0 leaves that as it is. */
	a->listener = evconnlistener_new(base, on_accept, a,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	evconnlistener_set_error_cb(a->listener, on_error);
	return a;
}

void
acceptor_free(struct acceptor *a)
{
	evconnlistener_free(a->listener);
	event_free(a->timer);
	free(a);
}
