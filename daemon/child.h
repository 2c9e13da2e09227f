/*
 * child: a process that core started, with its channel.
 *
 * Core only.  A child is gone when its channel has ended and the process has
 * been waited for: only then on_gone is called, from the event loop, and the
 * child is freed.
 */
#ifndef WINNOW_DAEMON_CHILD_H
#define WINNOW_DAEMON_CHILD_H

#include <event2/event.h>
#include <sys/types.h>

#include "winnow/channel.h"
#include "winnow/err.h"

struct child;

struct child_callbacks {
	/* A message; the callee may take its parts. */
	void (*on_message)(void *arg, struct channel_message *m);
	/* The process is gone; `how` says how it ended ("killed by signal 9",
	 * "exited with status 1"), `status` is as from waitpid(2). */
	void (*on_gone)(void *arg, int status, const char *how);
	void *arg;
};

/* Starts `winnowd --role ROLE`. */
int child_start(struct event_base *base, const char *role,
    const struct child_callbacks *cb, struct child **out, struct err *e);

/*
 * Sends, or queues while the channel is full.  Takes a reference to `body`
 * and duplicates the descriptors when it must queue.  A child that lets too
 * much pile up is killed.
 */
void child_send(struct child *c, json_t *body, const int *fds, size_t fd_count);

pid_t child_pid(const struct child *c);

/* Ends it by SIGKILL; on_gone follows. */
void child_kill(struct child *c);

/*
 * Ends it by SIGKILL, waits for its end and frees it; calls nothing any more.
 * Not from its own callbacks.
 */
void child_abandon(struct child *c);

#endif
