#include "tls_pem.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdbool.h>

#include "tls_error.h"
#include "winnow/mem.h"

static int
no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static BIO *
open_text(const void *pem, size_t len)
{
	BIO *b = len > INT_MAX ? NULL : BIO_new_mem_buf(pem, (int)len);

	if (b == NULL)
		_exit(MEM_EXIT_STATUS);
	return b;
}

/* True when the last failure was only that nothing more comes. */
static bool
is_at_end(void)
{
	unsigned long error = ERR_peek_last_error();

	return ERR_GET_LIB(error) == ERR_LIB_PEM &&
	    ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

int
tls_chain_parse(const void *pem, size_t len, const char *what,
    struct tls_chain *out, struct err *e)
{
	auto_bio BIO *text = open_text(pem, len);
	struct tls_chain c = {NULL, NULL};
	X509 *next;

	ERR_clear_error();
	c.leaf = PEM_read_bio_X509_AUX(text, NULL, no_passphrase, NULL);
	if (c.leaf == NULL)
		return tls_error(
		    e, ERR_INVALID, "no certificate in PEM form in %s", what);
	c.rest = sk_X509_new_null();
	while (
	    (next = PEM_read_bio_X509(text, NULL, no_passphrase, NULL)) != NULL)
		sk_X509_push(c.rest, next);
	if (!is_at_end()) {
		tls_chain_clear(&c);
		return tls_error(
		    e, ERR_INVALID, "a malformed certificate in %s", what);
	}
	ERR_clear_error();
	*out = c;
	return 0;
}

void
tls_chain_clear(struct tls_chain *c)
{
	X509_free(c->leaf);
	sk_X509_pop_free(c->rest, X509_free);
	*c = (struct tls_chain){NULL, NULL};
}

int
tls_key_parse(const void *pem, size_t len, const char *what, EVP_PKEY **out,
    struct err *e)
{
	auto_bio BIO *text = open_text(pem, len);
	EVP_PKEY *key;

	ERR_clear_error();
	key = PEM_read_bio_PrivateKey(text, NULL, no_passphrase, NULL);
	if (key == NULL &&
	    ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_BAD_PASSWORD_READ) {
		ERR_clear_error();
		return err_set(e, ERR_INVALID,
		    "%s has a passphrase: winnowd cannot ask for it", what);
	}
	if (key == NULL)
		return tls_error(
		    e, ERR_INVALID, "no private key in PEM form in %s", what);
	*out = key;
	return 0;
}
