/*
 * tls_certificate: makes the certificates of a local authority (RFC 5280),
 * with ECDSA keys on P-256.
 */
#ifndef WINNOW_DAEMON_TLS_CERTIFICATE_H
#define WINNOW_DAEMON_TLS_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>

#include "tls_pem.h"

/* Host names and addresses. */
struct tls_names {
	char *const *items;
	size_t count;
};

/* A certificate with its key. */
struct tls_pair {
	X509 *certificate;
	EVP_PKEY *key;
};
void tls_pair_clear(struct tls_pair *p);
#define auto_tls_pair __attribute__((cleanup(tls_pair_clear)))

/* An authority for these names alone, until `end_s`. */
int tls_certificate_make_authority(const struct tls_names *names, int64_t now_s,
    int64_t end_s, struct tls_pair *out, struct err *e);

/* A server's certificate for these names, signed by `ca`. */
int tls_certificate_make_server(const struct tls_names *names,
    const struct tls_pair *ca, int64_t now_s, int64_t end_s,
    struct tls_pair *out, struct err *e);

/* True when the certificate is for exactly these names, and signed by `ca`. */
bool tls_certificate_matches(
    X509 *x, const struct tls_names *names, const struct tls_pair *ca);

/* True when the authority may sign for these names. */
bool tls_certificate_permits(const struct tls_pair *ca, X509 *server);

/* True when it is good now and still will be at `until_s`. */
bool tls_certificate_lasts(const X509 *x, int64_t now_s, int64_t until_s);

#endif
