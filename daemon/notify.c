#include "notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "winnow/auto.h"
#include "winnow/log.h"
#include "winnow/mem.h"
#include "winnow/num.h"

struct notify {
	struct sockaddr_un address;
	socklen_t address_len; /* 0: there is no manager */
	int fd;
	struct event *ping; /* or NULL: no watchdog */
	struct timeval interval;
};

static void
send_state(struct notify *n, const char *state)
{
	if (n->address_len == 0)
		return;
	/* A lost ping is followed by the next; the rest must arrive. */
	if (sendto(n->fd, state, strlen(state), MSG_NOSIGNAL,
		(const struct sockaddr *)(const void *)&n->address,
		n->address_len) == -1)
		log_event(LOG_LEVEL_WARN, "notify.failed", "state", state,
		    "error", strerror(errno), NULL);
}

static void
on_ping(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	send_state(arg, "WATCHDOG=1");
}

/* "/run/systemd/notify", or "@name" in the abstract namespace. */
static void
take_address(struct notify *n)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path == NULL ? 0 : strlen(path);

	if (len < 2 || (path[0] != '/' && path[0] != '@') ||
	    len >= sizeof(n->address.sun_path))
		return;
	n->address.sun_family = AF_UNIX;
	memcpy(n->address.sun_path, path, len);
	if (path[0] == '@')
		n->address.sun_path[0] = '\0';
	n->address_len =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

/* A manager that hears nothing for so long kills us: twice in that time. */
static void
take_watchdog(struct notify *n, struct event_base *base)
{
	const char *text = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	uint64_t usec, number;
	struct err e;

	if (text == NULL ||
	    num_parse(text, 1, INT64_MAX, "WATCHDOG_USEC", &usec, &e) == -1)
		return;
	if (pid != NULL &&
	    (num_parse(pid, 1, INT32_MAX, "WATCHDOG_PID", &number, &e) == -1 ||
		number != (uint64_t)getpid()))
		return;
	n->interval.tv_sec = (time_t)(usec / 2 / 1000000);
	n->interval.tv_usec = (suseconds_t)(usec / 2 % 1000000);
	n->ping = event_new(base, -1, EV_PERSIST, on_ping, n);
}

struct notify *
notify_new(struct event_base *base)
{
	struct notify *n = mem_zalloc(1, sizeof(*n));

	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (n->fd != -1)
		take_address(n);
	if (n->address_len > 0)
		take_watchdog(n, base);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return n;
}

void
notify_free(struct notify *n)
{
	if (n == NULL)
		return;
	if (n->ping != NULL)
		event_free(n->ping);
	auto_fd_cleanup(&n->fd);
	free(n);
}

void
notify_ready(struct notify *n, const char *status)
{
	auto_free char *state = mem_printf("READY=1\nSTATUS=%s", status);

	send_state(n, state);
	if (n->ping != NULL)
		event_add(n->ping, &n->interval);
}

void
notify_reloading(struct notify *n)
{
	auto_free char *state = NULL;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	state = mem_printf("RELOADING=1\nMONOTONIC_USEC=%" PRId64
			   "\nSTATUS=reading the configuration",
	    (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	send_state(n, state);
}

void
notify_stopping(struct notify *n, const char *status)
{
	auto_free char *state = mem_printf("STOPPING=1\nSTATUS=%s", status);

	send_state(n, state);
}
