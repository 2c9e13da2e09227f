#include "listeners.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listen_socket.h"
#include "winnow/auto.h"
#include "winnow/log.h"
#include "winnow/mem.h"

struct listener {
	bool tls;
	bool shared; /* one socket for all servers, in fds[0] */
	int *fds; /* one per server */
	char *path; /* of a Unix socket that we made, else NULL */
};

struct listeners {
	struct listener items[LISTENERS_MAX];
	size_t count;
	size_t servers;
};

static struct listener *
add_listener(struct listeners *l, const struct listen_address *a)
{
	struct listener *item = &l->items[l->count++];
	size_t i;

	item->tls = a->tls;
	item->shared = a->kind != LISTEN_INET;
	item->fds = mem_zalloc(l->servers, sizeof(int));
	for (i = 0; i < l->servers; i++)
		item->fds[i] = -1;
	return item;
}

static int
open_inet(struct listeners *l, const struct listen_address *a, struct err *e)
{
	struct listener *item = add_listener(l, a);
	size_t i;

	for (i = 0; i < l->servers; i++)
		if (listen_socket_inet(a, true, &item->fds[i], e) == -1)
			return -1;
	return 0;
}

static int
open_unix(struct listeners *l, const struct listen_address *a, struct err *e)
{
	struct listener *item = add_listener(l, a);

	if (listen_socket_unix(a, &item->fds[0], e) == -1)
		return -1;
	item->path = mem_strdup(listen_socket_path(a));
	return 0;
}

/* A unit with several addresses gives its sockets one name. */
static int
open_fd(struct listeners *l, const struct listen_address *a,
    struct activation *activation, struct err *e)
{
	size_t found = 0;
	int fd;

	while ((fd = activation_next(activation, a->name)) != -1) {
		if (l->count == LISTENERS_MAX) {
			close(fd);
			return err_set(
			    e, ERR_LIMIT, "at most %d sockets", LISTENERS_MAX);
		}
		fcntl(fd, F_SETFL, O_NONBLOCK);
		add_listener(l, a)->fds[0] = fd;
		found++;
	}
	if (found == 0)
		return err_set(e, ERR_NOT_FOUND,
		    "the service manager passed no socket of that name "
		    "(FileDescriptorName= in a socket unit)");
	return 0;
}

static int
open_address(struct listeners *l, const char *text,
    struct activation *activation, struct err *e)
{
	struct listen_address a;

	if (listen_address_parse(text, &a, e) == -1)
		return -1;
	if (l->count == LISTENERS_MAX)
		return err_set(
		    e, ERR_LIMIT, "at most %d sockets", LISTENERS_MAX);
	switch (a.kind) {
	case LISTEN_INET:
		return open_inet(l, &a, e);
	case LISTEN_UNIX:
		return open_unix(l, &a, e);
	case LISTEN_FD:
		return open_fd(l, &a, activation, e);
	}
	return err_set(e, ERR_INTERNAL, "no such kind");
}

int
listeners_open(const struct config *c, struct activation *activation,
    struct listeners **out, struct err *e)
{
	struct listeners *l = mem_zalloc(1, sizeof(*l));
	const char *unused;
	size_t i;

	l->servers = (size_t)c->servers;
	for (i = 0; i < c->listen_count; i++)
		if (open_address(l, c->listen[i], activation, e) == -1) {
			listeners_free(l);
			return err_wrap(e, "listen: %s", c->listen[i]);
		}
	unused = activation_unused(activation);
	if (unused != NULL)
		log_event(LOG_LEVEL_WARN, "listen.unused", "socket", unused,
		    "fix", "name it in `listen` as fd:NAME", NULL);
	*out = l;
	return 0;
}

void
listeners_free(struct listeners *l)
{
	size_t i, j;

	if (l == NULL)
		return;
	for (i = 0; i < l->count; i++) {
		struct listener *item = &l->items[i];

		for (j = 0; j < l->servers; j++)
			if (item->fds[j] != -1)
				close(item->fds[j]);
		free(item->fds);
		if (item->path != NULL)
			unlink(item->path);
		free(item->path);
	}
	free(l);
}

size_t
listeners_count(const struct listeners *l)
{
	return l->count;
}

int
listeners_fd(const struct listeners *l, size_t i, size_t server)
{
	const struct listener *item = &l->items[i];

	return item->fds[item->shared ? 0 : server];
}

bool
listeners_is_tls(const struct listeners *l, size_t i)
{
	return l->items[i].tls;
}
