/*
 * channel: messages with descriptors between winnow's processes, over
 * socketpair(AF_UNIX, SOCK_SEQPACKET).
 *
 * A message is a JSON object of at most CHANNEL_MESSAGE_MAX bytes and up to
 * CHANNEL_FDS_MAX descriptors.  What is larger travels in a file.  The
 * receiver owns the descriptors that it receives.
 */
#ifndef WINNOW_CHANNEL_H
#define WINNOW_CHANNEL_H

#include <jansson.h>

#include "winnow/err.h"

#define CHANNEL_MESSAGE_MAX 65536
#define CHANNEL_FDS_MAX 16

struct channel_message {
	json_t *body; /* an object */
	int fds[CHANNEL_FDS_MAX];
	size_t fd_count;
};

/* A pair of connected ends, close-on-exec, blocking. */
int channel_pair(int fds[2], struct err *e);

/*
 * Sends; the descriptors stay the caller's.  Returns 1 when sent, 0 when the
 * socket is non-blocking and full, -1 on failure.
 */
int channel_send(
    int fd, const json_t *body, const int *fds, size_t fd_count, struct err *e);

/*
 * Receives one message.  Returns 1 with *m filled (channel_message_clear() it),
 * 0 at the end of the conversation, 2 when a non-blocking socket has
 * nothing, -1 for a message that is not as it must be.
 */
int channel_receive(int fd, struct channel_message *m, struct err *e);
void channel_message_clear(struct channel_message *m);

/* Takes descriptor `i` out of the message; -1 when there is none. */
int channel_take_fd(struct channel_message *m, size_t i);

#endif
