#include "tls_certificate.h"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "tls_error.h"
#include "winnow/mem.h"

/* Clocks of clients may be behind. */
#define BACKDATE_SECONDS 3600
/* Bits of a serial number; 64 random ones are asked for by browsers' rules. */
#define SERIAL_BYTES 16
/* The longest common name (RFC 5280, ub-common-name). */
#define COMMON_NAME_MAX 64

/* --- names --- */

static GENERAL_NAME *
new_dns_name(const char *name)
{
	GENERAL_NAME *g = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();

	if (g == NULL || text == NULL ||
	    ASN1_STRING_set(text, name, (int)strlen(name)) != 1)
		_exit(MEM_EXIT_STATUS);
	GENERAL_NAME_set0_value(g, GEN_DNS, text);
	return g;
}

static GENERAL_NAME *
new_address(const void *bytes, size_t len)
{
	GENERAL_NAME *g = GENERAL_NAME_new();
	ASN1_OCTET_STRING *address = ASN1_OCTET_STRING_new();

	if (g == NULL || address == NULL ||
	    ASN1_OCTET_STRING_set(address, bytes, (int)len) != 1)
		_exit(MEM_EXIT_STATUS);
	GENERAL_NAME_set0_value(g, GEN_IPADD, address);
	return g;
}

/* The bytes of an address; 0 for a host name. */
static size_t
parse_address(const char *name, unsigned char bytes[16])
{
	if (inet_pton(AF_INET, name, bytes) == 1)
		return 4;
	return inet_pton(AF_INET6, name, bytes) == 1 ? 16 : 0;
}

static GENERAL_NAMES *
new_names(const struct tls_names *names)
{
	GENERAL_NAMES *list = GENERAL_NAMES_new();
	size_t i;

	for (i = 0; i < names->count; i++) {
		unsigned char bytes[16];
		size_t len = parse_address(names->items[i], bytes);

		sk_GENERAL_NAME_push(list,
		    len == 0 ? new_dns_name(names->items[i])
			     : new_address(bytes, len));
	}
	return list;
}

static void
add_subtree(STACK_OF(GENERAL_SUBTREE) * *list, GENERAL_NAME *base)
{
	GENERAL_SUBTREE *t = GENERAL_SUBTREE_new();

	if (*list == NULL)
		*list = sk_GENERAL_SUBTREE_new_null();
	if (t == NULL || *list == NULL)
		_exit(MEM_EXIT_STATUS);
	GENERAL_NAME_free(t->base);
	t->base = base;
	sk_GENERAL_SUBTREE_push(*list, t);
}

/*
 * A kind of name that is not mentioned would be allowed altogether, so
 * without addresses all of them are excluded, and without host names only
 * one that cannot exist is permitted (RFC 2606).
 */
static NAME_CONSTRAINTS *
new_constraints(const struct tls_names *names)
{
	static const unsigned char any[32];
	NAME_CONSTRAINTS *nc = NAME_CONSTRAINTS_new();
	size_t i, addresses = 0;

	if (nc == NULL)
		_exit(MEM_EXIT_STATUS);
	for (i = 0; i < names->count; i++) {
		unsigned char range[32];
		size_t len = parse_address(names->items[i], range);

		memset(range + len, 0xff, len);
		addresses += len > 0;
		add_subtree(&nc->permittedSubtrees,
		    len == 0 ? new_dns_name(names->items[i])
			     : new_address(range, 2 * len));
	}
	if (addresses == names->count)
		add_subtree(&nc->permittedSubtrees, new_dns_name("invalid"));
	if (addresses == 0) {
		add_subtree(&nc->excludedSubtrees, new_address(any, 8));
		add_subtree(&nc->excludedSubtrees, new_address(any, 32));
	}
	return nc;
}

/* --- certificates --- */

void
tls_pair_clear(struct tls_pair *p)
{
	X509_free(p->certificate);
	EVP_PKEY_free(p->key);
	*p = (struct tls_pair){NULL, NULL};
}

static int
set_serial(X509 *x)
{
	unsigned char bytes[SERIAL_BYTES];
	BIGNUM *number;
	int good;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return 0;
	bytes[0] &= 0x7f;
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	good = BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x)) != NULL;
	BN_free(number);
	return good;
}

static int
set_subject(X509 *x, const char *name)
{
	return X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
	    MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
}

/* Adds extensions in the words of x509v3_config(5). */
static int
add_extensions(X509 *x, X509 *issuer, const char *const *pairs)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	for (; *pairs != NULL; pairs += 2) {
		X509_EXTENSION *extension =
		    X509V3_EXT_conf(NULL, &ctx, pairs[0], pairs[1]);
		int added;

		if (extension == NULL)
			return 0;
		added = X509_add_ext(x, extension, -1);
		X509_EXTENSION_free(extension);
		if (added != 1)
			return 0;
	}
	return 1;
}

/* A certificate with a new key, a subject and dates, and no more yet. */
static int
start_pair(const char *subject, int64_t now_s, int64_t end_s,
    struct tls_pair *out, struct err *e)
{
	struct tls_pair p = {X509_new(), EVP_EC_gen("P-256")};

	if (p.certificate == NULL || p.key == NULL ||
	    X509_set_version(p.certificate, X509_VERSION_3) != 1 ||
	    !set_serial(p.certificate) ||
	    set_subject(p.certificate, subject) != 1 ||
	    ASN1_TIME_set(X509_getm_notBefore(p.certificate),
		(time_t)(now_s - BACKDATE_SECONDS)) == NULL ||
	    ASN1_TIME_set(X509_getm_notAfter(p.certificate), (time_t)end_s) ==
		NULL ||
	    X509_set_pubkey(p.certificate, p.key) != 1) {
		tls_pair_clear(&p);
		return tls_error(e, ERR_INTERNAL, "cannot make a certificate");
	}
	*out = p;
	return 0;
}

static int
add_constraints(X509 *x, const struct tls_names *names)
{
	NAME_CONSTRAINTS *nc = new_constraints(names);
	int added = X509_add1_ext_i2d(x, NID_name_constraints, nc, 1, 0);

	NAME_CONSTRAINTS_free(nc);
	return added;
}

static int
add_names(X509 *x, const struct tls_names *names)
{
	GENERAL_NAMES *list = new_names(names);
	int added = X509_add1_ext_i2d(x, NID_subject_alt_name, list, 0, 0);

	GENERAL_NAMES_free(list);
	return added;
}

int
tls_certificate_make_authority(const struct tls_names *names, int64_t now_s,
    int64_t end_s, struct tls_pair *out, struct err *e)
{
	static const char *const extensions[] = {"basicConstraints",
	    "critical,CA:TRUE,pathlen:0", "keyUsage",
	    "critical,keyCertSign,cRLSign", "subjectKeyIdentifier", "hash",
	    NULL};
	auto_tls_pair struct tls_pair p = {NULL, NULL};
	unsigned char id[4];
	char subject[COMMON_NAME_MAX + 1];

	if (RAND_bytes(id, sizeof(id)) != 1)
		return tls_error(e, ERR_INTERNAL, "no randomness");
	/* Clients that trust several tell them apart by the name. */
	snprintf(subject, sizeof(subject),
	    "winnow local authority %02x%02x%02x%02x", id[0], id[1], id[2],
	    id[3]);
	if (start_pair(subject, now_s, end_s, &p, e) == -1)
		return -1;
	if (X509_set_issuer_name(
		p.certificate, X509_get_subject_name(p.certificate)) != 1 ||
	    !add_extensions(p.certificate, p.certificate, extensions) ||
	    add_constraints(p.certificate, names) != 1 ||
	    X509_sign(p.certificate, p.key, EVP_sha256()) == 0)
		return tls_error(e, ERR_INTERNAL, "cannot make an authority");
	*out = p;
	p = (struct tls_pair){NULL, NULL};
	return 0;
}

int
tls_certificate_make_server(const struct tls_names *names,
    const struct tls_pair *ca, int64_t now_s, int64_t end_s,
    struct tls_pair *out, struct err *e)
{
	static const char *const extensions[] = {"basicConstraints",
	    "critical,CA:FALSE", "keyUsage", "critical,digitalSignature",
	    "extendedKeyUsage", "serverAuth", "subjectKeyIdentifier", "hash",
	    "authorityKeyIdentifier", "keyid", NULL};
	auto_tls_pair struct tls_pair p = {NULL, NULL};

	/* No host name: constraints are on those too. */
	if (start_pair("winnow server", now_s, end_s, &p, e) == -1)
		return -1;
	if (X509_set_issuer_name(
		p.certificate, X509_get_subject_name(ca->certificate)) != 1 ||
	    !add_extensions(p.certificate, ca->certificate, extensions) ||
	    add_names(p.certificate, names) != 1 ||
	    X509_sign(p.certificate, ca->key, EVP_sha256()) == 0)
		return tls_error(
		    e, ERR_INTERNAL, "cannot sign the certificate");
	*out = p;
	p = (struct tls_pair){NULL, NULL};
	return 0;
}

/* --- questions --- */

static bool
has_names(X509 *x, const struct tls_names *names)
{
	GENERAL_NAMES *wanted = new_names(names);
	GENERAL_NAMES *got =
	    X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	int i, count = sk_GENERAL_NAME_num(wanted);
	bool same = got != NULL && sk_GENERAL_NAME_num(got) == count;

	for (i = 0; same && i < count; i++)
		same = GENERAL_NAME_cmp(sk_GENERAL_NAME_value(wanted, i),
			   sk_GENERAL_NAME_value(got, i)) == 0;
	GENERAL_NAMES_free(wanted);
	GENERAL_NAMES_free(got);
	return same;
}

bool
tls_certificate_matches(
    X509 *x, const struct tls_names *names, const struct tls_pair *ca)
{
	return has_names(x, names) && X509_verify(x, ca->key) == 1;
}

bool
tls_certificate_permits(const struct tls_pair *ca, X509 *server)
{
	NAME_CONSTRAINTS *nc =
	    X509_get_ext_d2i(ca->certificate, NID_name_constraints, NULL, NULL);
	/* OpenSSL remembers what extensions one had when it looked first. */
	auto_x509 X509 *copy = X509_dup(server);
	bool good;

	X509_check_purpose(copy, -1, 0);
	good = nc == NULL || NAME_CONSTRAINTS_check(copy, nc) == X509_V_OK;
	NAME_CONSTRAINTS_free(nc);
	return good;
}

bool
tls_certificate_lasts(const X509 *x, int64_t now_s, int64_t until_s)
{
	time_t now = (time_t)now_s, until = (time_t)until_s;

	return X509_cmp_time(X509_get0_notBefore(x), &now) < 0 &&
	    X509_cmp_time(X509_get0_notAfter(x), &until) > 0;
}
