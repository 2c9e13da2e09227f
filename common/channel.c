#include "winnow/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "winnow/auto.h"
#include "winnow/json.h"
#include "winnow/mem.h"

/* The send buffer holds this many full messages before it is full. */
#define CHANNEL_QUEUE 16

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * CHANNEL_FDS_MAX)];
};

int
channel_pair(int fds[2], struct err *e)
{
	int size = CHANNEL_MESSAGE_MAX * CHANNEL_QUEUE;
	int i;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == -1)
		return err_set_errno(e, "cannot make a channel");
	for (i = 0; i < 2; i++)
		setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return 0;
}

int
channel_send(
    int fd, const json_t *body, const int *fds, size_t fd_count, struct err *e)
{
	union control control;
	size_t len;
	auto_free char *text = json_format(body, &len);
	struct iovec iov = {.iov_base = text, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (len > CHANNEL_MESSAGE_MAX)
		return err_set(e, ERR_LIMIT,
		    "a message of %zu bytes does not fit a channel", len);
	if (fd_count > CHANNEL_FDS_MAX)
		return err_set(e, ERR_LIMIT,
		    "%zu descriptors do not fit a message", fd_count);
	if (fd_count > 0) {
		struct cmsghdr *c;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
	}
	do
		n = sendmsg(fd, &msg, MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n == -1)
		return err_set_errno(e, "cannot send on a channel");
	return 1;
}

/* Moves the descriptors of a received message into m. */
static void
take_descriptors(struct msghdr *msg, struct channel_message *m)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		size_t i, count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (m->fd_count < CHANNEL_FDS_MAX)
				m->fds[m->fd_count++] = fd;
			else
				close(fd);
		}
	}
}

int
channel_receive(int fd, struct channel_message *m, struct err *e)
{
	union control control;
	auto_free char *text = mem_alloc(CHANNEL_MESSAGE_MAX);
	struct iovec iov = {.iov_base = text, .iov_len = CHANNEL_MESSAGE_MAX};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = sizeof(control.bytes)};
	struct channel_message got = {.body = NULL};
	ssize_t n;

	do
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 2;
	if (n == -1 && errno == ECONNRESET)
		return 0;
	if (n == -1)
		return err_set_errno(e, "cannot receive from a channel");
	if (n == 0)
		return 0;
	take_descriptors(&msg, &got);
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		channel_message_clear(&got);
		return err_set(e, ERR_LIMIT, "a message was cut");
	}
	if (json_parse_object(text, (size_t)n, "message", &got.body, e) == -1) {
		channel_message_clear(&got);
		return -1;
	}
	*m = got;
	return 1;
}

void
channel_message_clear(struct channel_message *m)
{
	size_t i;

	json_decref(m->body);
	m->body = NULL;
	for (i = 0; i < m->fd_count; i++)
		if (m->fds[i] >= 0)
			close(m->fds[i]);
	m->fd_count = 0;
}

int
channel_take_fd(struct channel_message *m, size_t i)
{
	if (i >= m->fd_count)
		return -1;
	return steal_fd(&m->fds[i]);
}
