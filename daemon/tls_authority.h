/*
 * tls_authority: the local authority of `tls.auto` and the certificate that
 * it signs.
 *
 * Core only.  In its directory: ca.crt, which clients have to trust, ca.key,
 * server.crt and server.key; keys are for the owner alone.  The authority is
 * good for ten years and for nothing but the names and addresses it was made
 * for (name constraints), so that trusting it gives away nothing else.
 */
#ifndef WINNOW_DAEMON_TLS_AUTHORITY_H
#define WINNOW_DAEMON_TLS_AUTHORITY_H

#include <stddef.h>
#include <stdint.h>

#include "winnow/err.h"

#define TLS_AUTHORITY_CA "ca.crt"
#define TLS_AUTHORITY_CA_KEY "ca.key"
#define TLS_AUTHORITY_SERVER "server.crt"
#define TLS_AUTHORITY_SERVER_KEY "server.key"

enum tls_authority_change {
	TLS_AUTHORITY_KEPT, /* all is good as it is */
	TLS_AUTHORITY_RENEWED, /* a new certificate */
	TLS_AUTHORITY_NEW /* a new authority too: clients must trust it */
};

/*
 * Sees to it that at `now_s` (seconds of the epoch) the directory, which it
 * makes, holds a certificate for these names and addresses that is good for
 * another 30 days.  A certificate lasts 90.  A new authority is made when
 * there is none, when it ends too soon, or when it may not sign a name; the
 * old one's certificate stays as ca.crt.old.
 */
int tls_authority_refresh(const char *dir, char *const *names, size_t count,
    int64_t now_s, enum tls_authority_change *change, struct err *e);

#endif
