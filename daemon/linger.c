#include "linger.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "winnow/clock.h"
#include "winnow/mem.h"

/* What is read at once, so that others get their turn. */
#define PIECE (64u << 10)

struct lingerer {
	struct lingerers *all;
	int fd;
	struct event *readable;
	uint64_t began; /* clock_now_ms() */
	uint64_t bytes;
	TAILQ_ENTRY(lingerer) next;
};

struct lingerers {
	struct event_base *base;
	struct linger_limits limits;
	size_t count;
	TAILQ_HEAD(, lingerer) list;
};

static void
free_lingerer(struct lingerer *l)
{
	TAILQ_REMOVE(&l->all->list, l, next);
	l->all->count--;
	event_free(l->readable);
	close(l->fd);
	free(l);
}

/* Reads and drops; true when nothing more is to be expected, or accepted. */
static bool
drop_input(struct lingerer *l)
{
	const struct linger_limits *limits = &l->all->limits;
	static char dropped[PIECE];
	ssize_t n = recv(l->fd, dropped, sizeof(dropped), MSG_DONTWAIT);

	if (n == -1)
		return errno != EAGAIN && errno != EINTR;
	l->bytes += (uint64_t)n;
	return n == 0 || l->bytes > limits->bytes ||
	    clock_now_ms() - l->began > limits->total_ms;
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct lingerer *l = arg;

	(void)fd;
	if ((what & EV_TIMEOUT) != 0 || drop_input(l))
		free_lingerer(l);
}

struct lingerers *
lingerers_new(struct event_base *base, const struct linger_limits *limits)
{
	struct lingerers *all = mem_zalloc(1, sizeof(*all));

	all->base = base;
	all->limits = *limits;
	TAILQ_INIT(&all->list);
	return all;
}

void
lingerers_free(struct lingerers *all)
{
	while (!TAILQ_EMPTY(&all->list))
		free_lingerer(TAILQ_FIRST(&all->list));
	free(all);
}

void
linger_begin(struct lingerers *all, int fd)
{
	struct timeval pause = {.tv_sec = (time_t)(all->limits.pause_ms / 1000),
	    .tv_usec = (suseconds_t)(all->limits.pause_ms % 1000 * 1000)};
	struct lingerer *l;

	shutdown(fd, SHUT_WR);
	if (all->count >= all->limits.sockets) {
		close(fd);
		return;
	}
	l = mem_zalloc(1, sizeof(*l));
	l->all = all;
	l->fd = fd;
	l->began = clock_now_ms();
	l->readable =
	    event_new(all->base, fd, EV_READ | EV_PERSIST, on_readable, l);
	event_add(l->readable, &pause);
	TAILQ_INSERT_TAIL(&all->list, l, next);
	all->count++;
}
