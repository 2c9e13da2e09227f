#include "listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include "winnow/auto.h"
#include "winnow/mem.h"
#include "winnow/num.h"

#define TLS_SCHEME "tls://"
#define UNIX_PREFIX "unix:"
#define FD_PREFIX "fd:"

static int
parse_unix(const char *path, struct listen_address *a, struct err *e)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&a->address;
	size_t len = strlen(path);

	if (path[0] != '/')
		return err_set(
		    e, ERR_INVALID, "the path of a socket must be absolute");
	if (len >= sizeof(un->sun_path))
		return err_set(e, ERR_INVALID,
		    "the path of a socket has at most %zu bytes",
		    sizeof(un->sun_path) - 1);
	a->kind = LISTEN_UNIX;
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, len + 1);
	a->address_len =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
	return 0;
}

static int
parse_fd(const char *name, struct listen_address *a, struct err *e)
{
	if (*name == '\0' || strpbrk(name, ": /") != NULL)
		return err_set(
		    e, ERR_INVALID, "fd: must name a socket of the manager");
	a->kind = LISTEN_FD;
	a->name = name;
	return 0;
}

static bool
set_ipv4(const char *host, uint16_t port, struct listen_address *a)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&a->address;

	if (inet_pton(AF_INET, host, &in->sin_addr) != 1)
		return false;
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	a->address_len = sizeof(*in);
	return true;
}

static bool
set_ipv6(const char *host, uint16_t port, struct listen_address *a)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&a->address;

	if (inet_pton(AF_INET6, host, &in6->sin6_addr) != 1)
		return false;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	a->address_len = sizeof(*in6);
	return true;
}

static int
parse_inet(const char *text, struct listen_address *a, struct err *e)
{
	static const char form[] =
	    "not ADDRESS:PORT with a numeric address, unix:PATH or fd:NAME";
	const char *colon = strrchr(text, ':');
	auto_free char *host = NULL;
	uint64_t port;
	size_t len;
	bool good;

	if (colon == NULL ||
	    num_parse(colon + 1, 1, 65535, "port", &port, e) == -1)
		return err_set(e, ERR_INVALID, "%s", form);
	a->kind = LISTEN_INET;
	host = mem_strndup(text, (size_t)(colon - text));
	len = strlen(host);
	if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		good = set_ipv6(host + 1, (uint16_t)port, a);
	} else {
		good = set_ipv4(host, (uint16_t)port, a);
	}
	return good ? 0 : err_set(e, ERR_INVALID, "%s", form);
}

int
listen_address_parse(
    const char *text, struct listen_address *out, struct err *e)
{
	struct listen_address a = {.tls = false};
	int status;

	if (strncmp(text, TLS_SCHEME, strlen(TLS_SCHEME)) == 0) {
		a.tls = true;
		text += strlen(TLS_SCHEME);
	}
	if (strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
		status = parse_unix(text + strlen(UNIX_PREFIX), &a, e);
	else if (strncmp(text, FD_PREFIX, strlen(FD_PREFIX)) == 0)
		status = parse_fd(text + strlen(FD_PREFIX), &a, e);
	else
		status = parse_inet(text, &a, e);
	if (status == 0)
		*out = a;
	return status;
}

unsigned
listen_address_port(const struct listen_address *a)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)&a->address;

	/* The port stands at the same place in both families. */
	return a->kind == LISTEN_INET ? ntohs(in->sin_port) : 0;
}

bool
listen_address_is_local(const struct listen_address *a)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)&a->address;
	const struct sockaddr_in6 *in6 =
	    (const struct sockaddr_in6 *)&a->address;

	if (a->kind != LISTEN_INET)
		return a->kind == LISTEN_UNIX;
	if (a->address.ss_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
	return ntohl(in->sin_addr.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET;
}
