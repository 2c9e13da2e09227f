/*
 * listen_address: an item of the configuration's `listen`, taken apart:
 *
 *	[tls://]ADDRESS:PORT	numeric; IPv6 in brackets, and IPv6 only
 *	[tls://]unix:PATH	an absolute path
 *	[tls://]fd:NAME		sockets that the service manager hands over
 */
#ifndef WINNOW_DAEMON_LISTEN_ADDRESS_H
#define WINNOW_DAEMON_LISTEN_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "winnow/err.h"

enum listen_kind { LISTEN_INET, LISTEN_UNIX, LISTEN_FD };

struct listen_address {
	bool tls;
	enum listen_kind kind;
	struct sockaddr_storage address; /* LISTEN_INET and LISTEN_UNIX */
	socklen_t address_len;
	const char *name; /* LISTEN_FD; borrowed from the text */
};

/* ERR_INVALID says what is wrong; the text is not in the message. */
int listen_address_parse(
    const char *text, struct listen_address *out, struct err *e);

/* The TCP port, or 0 where there is none. */
unsigned listen_address_port(const struct listen_address *a);

/* True when only this machine can connect. */
bool listen_address_is_local(const struct listen_address *a);

#endif
