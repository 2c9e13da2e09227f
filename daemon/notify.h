/*
 * notify: what the service manager is told (sd_notify(3)): that winnowd is
 * ready, reloads, stops, and, from the loop itself, that it is alive.
 * Core only.  Without a manager everything here does nothing.
 */
#ifndef WINNOW_DAEMON_NOTIFY_H
#define WINNOW_DAEMON_NOTIFY_H

#include <event2/event.h>

struct notify;

/*
 * Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment,
 * so that no child sees them.  Pings begin with notify_ready().
 */
struct notify *notify_new(struct event_base *base);
void notify_free(struct notify *n);

/* Ready, or ready again after a reload; `status` is for systemctl status. */
void notify_ready(struct notify *n, const char *status);
void notify_reloading(struct notify *n);
void notify_stopping(struct notify *n, const char *status);

#endif
