#include "tls_authority.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tls_certificate.h"
#include "tls_error.h"
#include "winnow/fsutil.h"
#include "winnow/mem.h"

#define DAY ((int64_t)24 * 3600)
#define AUTHORITY_DAYS 3650
#define SERVER_DAYS 90
/* Renewed when less is left: two thirds of its time have passed. */
#define RENEW_DAYS 30
/* More than winnow writes. */
#define FILE_MAX (64u << 10)

/* What refreshing works on. */
struct authority {
	const char *dir;
	int dir_fd;
	struct tls_names names;
	int64_t now_s;
};

/* --- files --- */

/* Replaces a file at once, after it is on the disk. */
static int
write_file(const struct authority *a, const char *name, mode_t mode,
    const void *data, size_t len, struct err *e)
{
	auto_free char *temporary = mem_printf("%s.new", name);
	auto_fd int fd = -1;

	unlinkat(a->dir_fd, temporary, 0);
	fd = openat(a->dir_fd, temporary,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd == -1)
		return err_set_errno(e, "cannot write %s/%s", a->dir, name);
	if (fsutil_write_all(fd, data, len, e) == -1)
		return err_wrap(e, "%s/%s", a->dir, name);
	if (fchmod(fd, mode) == -1 || fsync(fd) == -1 ||
	    renameat(a->dir_fd, temporary, a->dir_fd, name) == -1 ||
	    fsync(a->dir_fd) == -1)
		return err_set_errno(e, "cannot write %s/%s", a->dir, name);
	return 0;
}

static int
write_pair(const struct authority *a, const struct tls_pair *p,
    const char *certificate, const char *key, struct err *e)
{
	auto_bio BIO *text = BIO_new(BIO_s_mem());
	auto_bio BIO *secret = BIO_new(BIO_s_secmem());
	char *data;
	long len;

	if (text == NULL || secret == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(
		secret, p->key, NULL, NULL, 0, NULL, NULL) != 1 ||
	    PEM_write_bio_X509(text, p->certificate) != 1)
		return tls_error(e, ERR_INTERNAL, "cannot write %s", key);
	len = BIO_get_mem_data(secret, &data);
	if (write_file(a, key, 0600, data, (size_t)len, e) == -1)
		return -1;
	OPENSSL_cleanse(data, (size_t)len);
	len = BIO_get_mem_data(text, &data);
	return write_file(a, certificate, 0644, data, (size_t)len, e);
}

static int
read_key(
    const struct authority *a, const char *name, EVP_PKEY **out, struct err *e)
{
	char *pem;
	size_t len;
	int status;

	if (fsutil_read_file(a->dir_fd, name, FILE_MAX, &pem, &len, e) == -1)
		return -1;
	status = tls_key_parse(pem, len, name, out, e);
	OPENSSL_cleanse(pem, len);
	free(pem);
	return status;
}

/* ERR_NOT_FOUND when both files are missing; one alone is a mistake. */
static int
read_pair(const struct authority *a, const char *certificate, const char *key,
    struct tls_pair *out, struct err *e)
{
	auto_tls_chain struct tls_chain chain = {NULL, NULL};
	auto_free char *pem = NULL;
	EVP_PKEY *k = NULL;
	size_t len;

	if (fsutil_read_file(a->dir_fd, certificate, FILE_MAX, &pem, &len, e) ==
	    -1) {
		if (e->code == ERR_NOT_FOUND &&
		    faccessat(a->dir_fd, key, F_OK, 0) == 0)
			e->code = ERR_INVALID;
		return -1;
	}
	if (tls_chain_parse(pem, len, certificate, &chain, e) == -1)
		return -1;
	if (read_key(a, key, &k, e) == -1) {
		e->code = ERR_INVALID;
		return -1;
	}
	if (X509_check_private_key(chain.leaf, k) != 1) {
		EVP_PKEY_free(k);
		return tls_error(e, ERR_INVALID,
		    "the key in %s is not that of %s", key, certificate);
	}
	*out = (struct tls_pair){chain.leaf, k};
	chain.leaf = NULL;
	return 0;
}

/* --- what is there, what is missing --- */

static int
make_authority(const struct authority *a, struct tls_pair *ca, struct err *e)
{
	struct tls_pair fresh;

	if (tls_certificate_make_authority(&a->names, a->now_s,
		a->now_s + AUTHORITY_DAYS * DAY, &fresh, e) == -1)
		return -1;
	tls_pair_clear(ca);
	*ca = fresh;
	if (renameat(a->dir_fd, TLS_AUTHORITY_CA, a->dir_fd,
		TLS_AUTHORITY_CA ".old") == -1 &&
	    errno != ENOENT)
		return err_set_errno(
		    e, "cannot rename %s/%s", a->dir, TLS_AUTHORITY_CA);
	return write_pair(a, ca, TLS_AUTHORITY_CA, TLS_AUTHORITY_CA_KEY, e);
}

/* The certificate that is there is good for the time being. */
static bool
is_good(const struct authority *a, const struct tls_pair *ca,
    const struct tls_pair *server)
{
	return tls_certificate_lasts(server->certificate, a->now_s,
		   a->now_s + RENEW_DAYS * DAY) &&
	    tls_certificate_matches(server->certificate, &a->names, ca);
}

static int
make_server(const struct authority *a, struct tls_pair *ca,
    enum tls_authority_change *change, struct err *e)
{
	auto_tls_pair struct tls_pair server = {NULL, NULL};
	int64_t end_s = a->now_s + SERVER_DAYS * DAY;

	if (ca->certificate == NULL ||
	    !tls_certificate_lasts(ca->certificate, a->now_s, end_s)) {
		if (make_authority(a, ca, e) == -1)
			return -1;
		*change = TLS_AUTHORITY_NEW;
	}
	if (tls_certificate_make_server(
		&a->names, ca, a->now_s, end_s, &server, e) == -1)
		return -1;
	if (!tls_certificate_permits(ca, server.certificate)) {
		tls_pair_clear(&server);
		*change = TLS_AUTHORITY_NEW;
		if (make_authority(a, ca, e) == -1 ||
		    tls_certificate_make_server(
			&a->names, ca, a->now_s, end_s, &server, e) == -1)
			return -1;
	}
	return write_pair(
	    a, &server, TLS_AUTHORITY_SERVER, TLS_AUTHORITY_SERVER_KEY, e);
}

static int
refresh(
    const struct authority *a, enum tls_authority_change *change, struct err *e)
{
	auto_tls_pair struct tls_pair ca = {NULL, NULL};
	auto_tls_pair struct tls_pair server = {NULL, NULL};

	if (read_pair(a, TLS_AUTHORITY_CA, TLS_AUTHORITY_CA_KEY, &ca, e) ==
		-1 &&
	    e->code != ERR_NOT_FOUND)
		return err_wrap(e,
		    "the authority in %s cannot be used (without its files "
		    "winnow makes a new one, which clients must then trust)",
		    a->dir);
	/* One that cannot be read is as good as none: it is made again. */
	if (ca.certificate != NULL &&
	    read_pair(a, TLS_AUTHORITY_SERVER, TLS_AUTHORITY_SERVER_KEY,
		&server, e) == 0 &&
	    is_good(a, &ca, &server)) {
		*change = TLS_AUTHORITY_KEPT;
		return 0;
	}
	*change = TLS_AUTHORITY_RENEWED;
	return make_server(a, &ca, change, e);
}

int
tls_authority_refresh(const char *dir, char *const *names, size_t count,
    int64_t now_s, enum tls_authority_change *change, struct err *e)
{
	struct authority a = {
	    .dir = dir, .names = {names, count}, .now_s = now_s};
	auto_fd int fd = -1;

	if (fsutil_make_dirs(dir, 0755, e) == -1)
		return -1;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return err_set_errno(e, "cannot open %s", dir);
	a.dir_fd = fd;
	return refresh(&a, change, e);
}
