/*
 * core_link: a server's end of its channel to core.  Sending never blocks:
 * what the channel has no room for waits in a bounded queue.
 */
#ifndef WINNOW_DAEMON_CORE_LINK_H
#define WINNOW_DAEMON_CORE_LINK_H

#include <event2/event.h>
#include <jansson.h>

#include "winnow/channel.h"
#include "winnow/err.h"

struct core_link;

struct core_link_callbacks {
	/* A message; the callee may take its descriptors. */
	void (*on_message)(void *arg, struct channel_message *m);
	/* Core is gone, or speaks nonsense. */
	void (*on_end)(void *arg);
	void *arg;
};

/* Borrows `fd`, which becomes non-blocking. */
struct core_link *core_link_new(struct event_base *base, int fd,
    const struct core_link_callbacks *callbacks);
void core_link_free(struct core_link *l);

/*
 * Sends `body` (counted).  ERR_BUSY when CORE_LINK_QUEUE messages wait
 * already; a message that takes something back (`must`) is always queued.
 */
enum core_link_need { CORE_LINK_MAY_REFUSE, CORE_LINK_MUST };
int core_link_send(
    struct core_link *l, json_t *body, enum core_link_need need, struct err *e);
/* The same with a descriptor, which stays the caller's. */
int core_link_send_fd(struct core_link *l, json_t *body, int fd,
    enum core_link_need need, struct err *e);

#endif
