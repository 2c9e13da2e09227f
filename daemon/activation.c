#include "activation.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "winnow/auto.h"
#include "winnow/mem.h"
#include "winnow/num.h"

/* Where the manager puts the first. */
#define FIRST_FD 3
/* More than any unit has; bounds what a bad environment asks for. */
#define FDS_MAX 64
/* The manager's name for a socket without one. */
#define UNNAMED "unknown"

struct passed {
	int fd; /* -1 once taken */
	char *name;
};

struct activation {
	struct passed *items;
	size_t count;
};

/* A listening stream socket is all that can be served on. */
static int
check_socket(int fd, const char *name, struct err *e)
{
	int type = 0, listening = 0;
	socklen_t len = sizeof(int);

	if (fcntl(fd, F_SETFD, FD_CLOEXEC) == -1 ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == -1 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == -1)
		return err_set_errno(
		    e, "descriptor %d (%s) of LISTEN_FDS", fd, name);
	if (type != SOCK_STREAM || !listening)
		return err_set(e, ERR_INVALID,
		    "descriptor %d (%s) of LISTEN_FDS is not a listening "
		    "stream socket",
		    fd, name);
	return 0;
}

/* The number of sockets for this process; 0 without or for another. */
static int
count_fds(uint64_t *count, struct err *e)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	uint64_t number;

	*count = 0;
	if (pid == NULL || fds == NULL)
		return 0;
	if (num_parse(pid, 1, INT32_MAX, "LISTEN_PID", &number, e) == -1)
		return -1;
	if (number != (uint64_t)getpid())
		return 0;
	return num_parse(fds, 0, FDS_MAX, "LISTEN_FDS", count, e);
}

int
activation_take(struct activation **out, struct err *e)
{
	const char *list = getenv("LISTEN_FDNAMES");
	auto_free char *names = mem_strdup(list == NULL ? "" : list);
	struct activation *a;
	char *rest = names;
	uint64_t count, i;

	if (count_fds(&count, e) == -1)
		return -1;
	a = mem_zalloc(1, sizeof(*a));
	a->items = mem_zalloc((size_t)count + 1, sizeof(*a->items));
	for (i = 0; i < count; i++) {
		const char *name = strsep(&rest, ":");

		a->items[i].fd = FIRST_FD + (int)i;
		a->items[i].name =
		    mem_strdup(name == NULL || *name == '\0' ? UNNAMED : name);
		a->count++;
		if (check_socket(a->items[i].fd, a->items[i].name, e) == -1) {
			activation_free(a);
			return -1;
		}
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	*out = a;
	return 0;
}

void
activation_free(struct activation *a)
{
	size_t i;

	if (a == NULL)
		return;
	for (i = 0; i < a->count; i++) {
		if (a->items[i].fd != -1)
			close(a->items[i].fd);
		free(a->items[i].name);
	}
	free(a->items);
	free(a);
}

int
activation_next(struct activation *a, const char *name)
{
	size_t i;

	for (i = 0; i < a->count; i++)
		if (a->items[i].fd != -1 && strcmp(a->items[i].name, name) == 0)
			return steal_fd(&a->items[i].fd);
	return -1;
}

const char *
activation_unused(const struct activation *a)
{
	size_t i;

	for (i = 0; i < a->count; i++)
		if (a->items[i].fd != -1)
			return a->items[i].name;
	return NULL;
}
