/*
 * upstream_challenge: what a registry asks for in WWW-Authenticate (RFC 9110
 * section 11.6.1; distribution specification, token authentication), and
 * whether its token server may be asked.  Core only.
 */
#ifndef WINNOW_DAEMON_UPSTREAM_CHALLENGE_H
#define WINNOW_DAEMON_UPSTREAM_CHALLENGE_H

#include "http_client.h"

enum challenge_scheme { CHALLENGE_NONE, CHALLENGE_BASIC, CHALLENGE_BEARER };

struct challenge {
	enum challenge_scheme scheme;
	char *realm; /* of Bearer: the token server's URL */
	char *service; /* or NULL */
	char *scope; /* or NULL */
};

/*
 * The challenge to answer among all of a response's: Bearer with a realm,
 * else Basic, else CHALLENGE_NONE.  challenge_clear() releases.
 */
void challenge_read(const struct http_response *r, struct challenge *out);
void challenge_clear(struct challenge *c);

/*
 * The guard against a registry that sends winnow elsewhere: the token server
 * must be the registry's own host or share its registrable domain (by the
 * public suffix list; auth.docker.io serves registry-1.docker.io so), must
 * not be an address of another host, and must be asked over https unless the
 * registry is not.  ERR_DENIED names both.
 */
int challenge_check_realm(
    const char *registry_url, const char *realm, struct err *e);

/* The URL that gives a token for `scope`.  The caller frees it. */
char *challenge_token_url(const struct challenge *c, const char *scope);

#endif
