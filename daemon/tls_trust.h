/*
 * tls_trust: tells people what clients need so that they trust the local
 * authority: a file beside it, with the commands for docker, containerd and
 * podman on this machine and on others.
 */
#ifndef WINNOW_DAEMON_TLS_TRUST_H
#define WINNOW_DAEMON_TLS_TRUST_H

#include "config.h"
#include "winnow/err.h"

#define TLS_TRUST_FILE "trust.txt"

/* Writes TLS_TRUST_FILE into `dir`, the authority's directory. */
int tls_trust_write(const char *dir, const struct config *c, struct err *e);

#endif
