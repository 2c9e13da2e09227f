#include "core_link.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "winnow/auto.h"
#include "winnow/log.h"
#include "winnow/mem.h"

/* Questions that wait for room; core takes thousands a second. */
#define CORE_LINK_QUEUE 4096
/* Messages read in one turn, so that clients get theirs. */
#define CORE_LINK_BATCH 64

struct waiting {
	json_t *body;
	int fd; /* or -1 */
	STAILQ_ENTRY(waiting) next;
};

struct core_link {
	int fd;
	struct event *readable;
	struct event *writable;
	struct core_link_callbacks callbacks;
	STAILQ_HEAD(, waiting) queue;
	size_t queued;
};

static void
free_waiting(struct waiting *w)
{
	json_decref(w->body);
	auto_fd_cleanup(&w->fd);
	free(w);
}

static void
end_link(struct core_link *l, const char *why)
{
	log_event(LOG_LEVEL_WARN, "core.lost", "why", why, NULL);
	event_del(l->readable);
	event_del(l->writable);
	l->callbacks.on_end(l->callbacks.arg);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct core_link *l = arg;
	int i;

	(void)what;
	for (i = 0; i < CORE_LINK_BATCH; i++) {
		struct channel_message m;
		struct err e;
		int r = channel_receive(fd, &m, &e);

		if (r == 2)
			return;
		if (r != 1) {
			end_link(l, r == 0 ? "end of channel" : e.message);
			return;
		}
		l->callbacks.on_message(l->callbacks.arg, &m);
		channel_message_clear(&m);
	}
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct core_link *l = arg;
	struct waiting *w;
	struct err e;

	(void)what;
	while ((w = STAILQ_FIRST(&l->queue)) != NULL) {
		int r =
		    channel_send(fd, w->body, &w->fd, w->fd == -1 ? 0 : 1, &e);

		if (r == 0)
			return;
		STAILQ_REMOVE_HEAD(&l->queue, next);
		l->queued--;
		free_waiting(w);
		if (r == -1) {
			end_link(l, e.message);
			return;
		}
	}
	event_del(l->writable);
}

struct core_link *
core_link_new(struct event_base *base, int fd,
    const struct core_link_callbacks *callbacks)
{
	struct core_link *l = mem_zalloc(1, sizeof(*l));

	l->fd = fd;
	l->callbacks = *callbacks;
	STAILQ_INIT(&l->queue);
	evutil_make_socket_nonblocking(fd);
	l->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, l);
	l->writable =
	    event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, l);
	event_add(l->readable, NULL);
	return l;
}

void
core_link_free(struct core_link *l)
{
	struct waiting *w;

	while ((w = STAILQ_FIRST(&l->queue)) != NULL) {
		STAILQ_REMOVE_HEAD(&l->queue, next);
		free_waiting(w);
	}
	event_free(l->readable);
	event_free(l->writable);
	free(l);
}

int
core_link_send(
    struct core_link *l, json_t *body, enum core_link_need need, struct err *e)
{
	return core_link_send_fd(l, body, -1, need, e);
}

int
core_link_send_fd(struct core_link *l, json_t *body, int fd,
    enum core_link_need need, struct err *e)
{
	struct waiting *w;

	if (l->queued == 0) {
		int r = channel_send(l->fd, body, &fd, fd == -1 ? 0 : 1, e);

		if (r != 0)
			return r == 1 ? 0 : -1;
	}
	if (l->queued >= CORE_LINK_QUEUE && need == CORE_LINK_MAY_REFUSE)
		return err_set(e, ERR_BUSY, "too many questions wait");
	w = mem_zalloc(1, sizeof(*w));
	w->body = json_incref(body);
	w->fd = fd == -1 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	STAILQ_INSERT_TAIL(&l->queue, w, next);
	l->queued++;
	event_add(l->writable, NULL);
	return 0;
}
