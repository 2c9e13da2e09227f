#include "tls_files.h"

#include <openssl/crypto.h>
#include <openssl/x509.h>
#include <time.h>

#include "tls_bundle.h"
#include "tls_error.h"
#include "tls_pem.h"
#include "winnow/auto.h"
#include "winnow/fsutil.h"

/* A chain has a few certificates of some kilobytes. */
#define CHAIN_MAX (256u << 10)
/* An RSA key of 8192 bits has 6400 bytes. */
#define KEY_MAX 8192
/* Authorities: the system's own are 220 kilobytes. */
#define CA_MAX (1u << 20)

static int
check_time(
    const X509 *leaf, const char *path, int64_t *expires_s, struct err *e)
{
	struct tm tm;

	if (X509_cmp_current_time(X509_get0_notBefore(leaf)) > 0)
		return err_set(e, ERR_INVALID,
		    "the certificate in %s is not valid yet", path);
	if (X509_cmp_current_time(X509_get0_notAfter(leaf)) < 0)
		return err_set(
		    e, ERR_INVALID, "the certificate in %s has expired", path);
	if (ASN1_TIME_to_tm(X509_get0_notAfter(leaf), &tm) != 1)
		return tls_error(e, ERR_INVALID, "%s", path);
	*expires_s = timegm(&tm);
	return 0;
}

static int
add_key(int fd, const X509 *leaf, const char *path, struct err *e)
{
	auto_pkey EVP_PKEY *key = NULL;
	char *pem;
	size_t len;
	int status;

	if (fsutil_read_file(-1, path, KEY_MAX, &pem, &len, e) == -1)
		return -1;
	status = tls_key_parse(pem, len, path, &key, e);
	if (status == 0 && X509_check_private_key(leaf, key) != 1)
		status = tls_error(e, ERR_INVALID,
		    "the key in %s is not the certificate's", path);
	if (status == 0)
		status = tls_bundle_add(fd, TLS_ITEM_KEY, pem, len, e);
	OPENSSL_cleanse(pem, len);
	free(pem);
	return status;
}

int
tls_files_add_certificate(int fd, const char *chain, const char *key,
    int64_t *expires_s, struct err *e)
{
	auto_tls_chain struct tls_chain c = {NULL, NULL};
	auto_free char *pem = NULL;
	size_t len;

	if (fsutil_read_file(-1, chain, CHAIN_MAX, &pem, &len, e) == -1 ||
	    tls_chain_parse(pem, len, chain, &c, e) == -1 ||
	    check_time(c.leaf, chain, expires_s, e) == -1 ||
	    tls_bundle_add(fd, TLS_ITEM_CHAIN, pem, len, e) == -1)
		return -1;
	return add_key(fd, c.leaf, key, e);
}

int
tls_files_add_client_ca(int fd, const char *path, struct err *e)
{
	auto_tls_chain struct tls_chain c = {NULL, NULL};
	auto_free char *pem = NULL;
	size_t len;

	if (fsutil_read_file(-1, path, CA_MAX, &pem, &len, e) == -1 ||
	    tls_chain_parse(pem, len, path, &c, e) == -1)
		return -1;
	return tls_bundle_add(fd, TLS_ITEM_CLIENT_CA, pem, len, e);
}
