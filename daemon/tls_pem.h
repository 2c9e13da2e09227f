/*
 * tls_pem: certificates and keys out of PEM text (RFC 7468).
 *
 * Keys under a passphrase are refused: nobody is there to type it.
 */
#ifndef WINNOW_DAEMON_TLS_PEM_H
#define WINNOW_DAEMON_TLS_PEM_H

#include <openssl/x509.h>
#include <stddef.h>

#include "winnow/auto.h"
#include "winnow/err.h"

/* A certificate and those that lead from it to its authority. */
struct tls_chain {
	X509 *leaf;
	STACK_OF(X509) * rest;
};

/* `what` names the text in messages.  tls_chain_clear() releases. */
int tls_chain_parse(const void *pem, size_t len, const char *what,
    struct tls_chain *out, struct err *e);
void tls_chain_clear(struct tls_chain *c);

int tls_key_parse(const void *pem, size_t len, const char *what, EVP_PKEY **out,
    struct err *e);

#define auto_tls_chain __attribute__((cleanup(tls_chain_clear)))

static inline void
auto_pkey_cleanup(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}
#define auto_pkey __attribute__((cleanup(auto_pkey_cleanup)))

static inline void
auto_x509_cleanup(X509 **x)
{
	X509_free(*x);
}
#define auto_x509 __attribute__((cleanup(auto_x509_cleanup)))

static inline void
auto_bio_cleanup(BIO **b)
{
	BIO_free(*b);
}
#define auto_bio __attribute__((cleanup(auto_bio_cleanup)))

#endif
