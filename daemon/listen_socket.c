#include "listen_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "winnow/auto.h"

/* Connections that the kernel queues while a server is busy or replaced. */
#define BACKLOG 1024
/* Who may connect to a Unix socket: user and group of winnowd. */
#define UNIX_UMASK 0117

/* Why bind(2) or listen(2) failed.  The units' user is not root. */
static int
fail_inet(const struct listen_address *a, struct err *e)
{
	if (errno != EACCES || listen_address_port(a) >= IPPORT_RESERVED)
		return err_set_errno(e, "cannot listen");
	return err_set(e, ERR_SYSTEM,
	    "cannot listen: a port below %d takes root, or a socket that the "
	    "service manager opens: winnowd.socket with fd:winnow in its place",
	    IPPORT_RESERVED);
}

int
listen_socket_inet(
    const struct listen_address *a, bool spread, int *out, struct err *e)
{
	auto_fd int fd = socket(a->address.ss_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1)
		return err_set_errno(e, "cannot listen");
	if (spread &&
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == -1)
		return err_set_errno(e, "cannot listen");
	/* So that 0.0.0.0 and [::] do not get into each other's way. */
	if (a->address.ss_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == -1)
		return err_set_errno(e, "cannot listen");
	if (bind(fd, (const struct sockaddr *)&a->address, a->address_len) ==
		-1 ||
	    listen(fd, BACKLOG) == -1)
		return fail_inet(a, e);
	*out = steal_fd(&fd);
	return 0;
}

const char *
listen_socket_path(const struct listen_address *a)
{
	return ((const struct sockaddr_un *)&a->address)->sun_path;
}

/*
 * Removes the socket that a killed winnowd left behind: one that refuses
 * connections.  Anything else there stays, and bind(2) says so.
 */
static void
remove_stale(const struct listen_address *a)
{
	const struct sockaddr *address = (const struct sockaddr *)&a->address;
	auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd != -1 && connect(fd, address, a->address_len) == -1 &&
	    errno == ECONNREFUSED)
		unlink(listen_socket_path(a));
}

int
listen_socket_unix(const struct listen_address *a, int *out, struct err *e)
{
	auto_fd int fd =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask;
	int bound;

	if (fd == -1)
		return err_set_errno(e, "cannot listen");
	remove_stale(a);
	mask = umask(UNIX_UMASK);
	bound = bind(fd, (const struct sockaddr *)&a->address, a->address_len);
	umask(mask);
	if (bound == -1)
		return err_set_errno(e, "cannot listen");
	if (listen(fd, BACKLOG) == -1) {
		err_set_errno(e, "cannot listen");
		unlink(listen_socket_path(a));
		return -1;
	}
	*out = steal_fd(&fd);
	return 0;
}
