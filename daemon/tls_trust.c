#include "tls_trust.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "listen_address.h"
#include "tls_authority.h"
#include "winnow/auto.h"
#include "winnow/fsutil.h"
#include "winnow/mem.h"
#include "winnow/strbuf.h"

#define HTTPS_PORT 443
/* A page per name and port; more is cut. */
#define TEXT_MAX (256u << 10)

/* What a client writes in front of a repository. */
static char *
format_host(const char *name, unsigned port)
{
	bool ipv6 = strchr(name, ':') != NULL;
	const char *open = ipv6 ? "[" : "", *end = ipv6 ? "]" : "";

	if (port == HTTPS_PORT)
		return mem_printf("%s%s%s", open, name, end);
	return mem_printf("%s%s%s:%u", open, name, end, port);
}

static void
add_host(struct strbuf *b, const char *dir, const char *host)
{
	strbuf_add_format(b,
	    "\n%s\n\n"
	    "  docker (before version 26, docker build may need a restart of "
	    "dockerd):\n"
	    "    install -D -m 644 %s/" TLS_AUTHORITY_CA
	    " /etc/docker/certs.d/%s/ca.crt\n"
	    "  podman, buildah, skopeo, CRI-O:\n"
	    "    install -D -m 644 %s/" TLS_AUTHORITY_CA
	    " /etc/containers/certs.d/%s/ca.crt\n"
	    "  containerd, with config_path = \"/etc/containerd/certs.d\": "
	    "in /etc/containerd/certs.d/%s/hosts.toml\n"
	    "    server = \"https://%s\"\n"
	    "    [host.\"https://%s\"]\n"
	    "      capabilities = [\"pull\", \"resolve\"]\n"
	    "      ca = \"%s/" TLS_AUTHORITY_CA "\"\n"
	    "  then:\n"
	    "    docker pull %s/postgres:15\n",
	    host, dir, host, dir, host, host, host, host, dir, host);
}

static void
add_port(struct strbuf *b, const char *dir, const struct config_tls *tls,
    unsigned port)
{
	size_t i;

	for (i = 0; i < tls->auto_count; i++) {
		auto_free char *host = format_host(tls->auto_names[i], port);

		add_host(b, dir, host);
	}
}

int
tls_trust_write(const char *dir, const struct config *c, struct err *e)
{
	auto_free char *path = mem_printf("%s/%s", dir, TLS_TRUST_FILE);
	auto_strbuf struct strbuf b;
	auto_fd int fd = -1;
	size_t i;

	strbuf_init(&b, TEXT_MAX);
	strbuf_add_format(&b,
	    "winnow's own authority is %s/%s.\n"
	    "Clients on other machines need a copy of it (and nothing else "
	    "from there).\n",
	    dir, TLS_AUTHORITY_CA);
	for (i = 0; i < c->listen_count; i++) {
		struct listen_address a;

		if (listen_address_parse(c->listen[i], &a, e) == 0 && a.tls &&
		    a.kind != LISTEN_UNIX)
			add_port(&b, dir, &c->tls,
			    a.kind == LISTEN_FD ? HTTPS_PORT
						: listen_address_port(&a));
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd == -1)
		return err_set_errno(e, "cannot write %s", path);
	return fsutil_write_all(fd, strbuf_string(&b), b.len, e);
}
