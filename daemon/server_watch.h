/*
 * server_watch: notices that a client leaves while its request waits and evhttp
 * does not look at the socket.
 */
#ifndef WINNOW_DAEMON_SERVER_WATCH_H
#define WINNOW_DAEMON_SERVER_WATCH_H

#include <event2/event.h>

struct server_watch;

/*
 * Watches the socket `fd`, which it borrows: `gone` is called, and may free
 * the watch, when the client has closed it (a half-close counts).  NULL when no
 * descriptor is left; the departure is seen then when the client is written to.
 */
struct server_watch *server_watch_new(
    struct event_base *base, int fd, void (*gone)(void *arg), void *arg);
void server_watch_free(struct server_watch *w);

#endif
