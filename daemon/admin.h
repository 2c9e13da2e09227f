/*
 * admin: what an admin sees and commands: a Unix socket for winnow(1), and
 * metrics and health over HTTP.
 *
 * Core only.  doc/internals/admin.md has the protocol.
 */
#ifndef WINNOW_DAEMON_ADMIN_H
#define WINNOW_DAEMON_ADMIN_H

#include "servers.h"
#include "winnow/strbuf.h"

struct admin;

/* What only core can do.  Everything outlives the admin. */
struct admin_core {
	struct context *context;
	struct servers *servers;
	/* Does what SIGHUP does; the mistakes are appended to `said`. */
	int (*reload)(void *arg, struct strbuf *said, struct err *e);
	void *arg;
};

/*
 * Listens on the configured addresses.  Those that cannot be had are logged
 * and left out: a cache without its admin socket still serves.
 */
struct admin *admin_new(const struct admin_core *core);
void admin_free(struct admin *a);

#endif
