/* tls_authority: what it makes, keeps and renews, by the clock it is given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../../daemon/tls_authority.h"
#include "../../daemon/tls_certificate.h"
#include "../../daemon/tls_pem.h"
#include "winnow/fsutil.h"
#include "winnow/mem.h"

#define DAY ((int64_t)24 * 3600)

static char dir[] = "/tmp/test_tls_authority.XXXXXX";
static char work[sizeof(dir) + 16];
static int64_t start_s;

static int
setup(void **state)
{
	(void)state;
	start_s = (int64_t)time(NULL);
	if (dir[strlen(dir) - 1] == 'X' && mkdtemp(dir) == NULL)
		return -1;
	snprintf(work, sizeof(work), "%s/tls", dir);
	return 0;
}

static int
teardown(void **state)
{
	static const char *const files[] = {
	    "ca.crt", "ca.crt.old", "ca.key", "server.crt", "server.key"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		auto_free char *path = mem_printf("%s/%s", work, files[i]);

		unlink(path);
	}
	rmdir(work);
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

static char proxy_local[] = "proxy.local", other[] = "other.local",
	    ipv4[] = "127.0.0.1", ipv6[] = "::1";

static enum tls_authority_change
refresh(char *const *names, size_t count, int64_t now_s)
{
	enum tls_authority_change change = TLS_AUTHORITY_KEPT;
	struct err e;

	if (tls_authority_refresh(work, names, count, now_s, &change, &e) == -1)
		fail_msg("%s", e.message);
	return change;
}

static char *
read_text(const char *name, size_t *len)
{
	auto_free char *path = mem_printf("%s/%s", work, name);
	char *text;
	struct err e;

	assert_int_equal(fsutil_read_file(-1, path, 65536, &text, len, &e), 0);
	return text;
}

static X509 *
read_certificate(const char *name)
{
	struct tls_chain chain;
	size_t len;
	auto_free char *text = read_text(name, &len);
	struct err e;
	X509 *x;

	assert_int_equal(tls_chain_parse(text, len, name, &chain, &e), 0);
	x = chain.leaf;
	chain.leaf = NULL;
	tls_chain_clear(&chain);
	return x;
}

/* What a client says of the server's certificate at a time. */
static int
verify(const char *ca_name, const char *host, const char *address, int64_t at_s)
{
	auto_x509 X509 *ca = read_certificate(ca_name);
	auto_x509 X509 *server = read_certificate("server.crt");
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int result;

	X509_STORE_add_cert(store, ca);
	X509_STORE_CTX_init(ctx, store, server, NULL);
	X509_STORE_CTX_set_default(ctx, "ssl_server");
	X509_VERIFY_PARAM_set_time(
	    X509_STORE_CTX_get0_param(ctx), (time_t)at_s);
	X509_VERIFY_PARAM_set_flags(
	    X509_STORE_CTX_get0_param(ctx), X509_V_FLAG_X509_STRICT);
	if (host != NULL)
		X509_VERIFY_PARAM_set1_host(
		    X509_STORE_CTX_get0_param(ctx), host, 0);
	if (address != NULL)
		X509_VERIFY_PARAM_set1_ip_asc(
		    X509_STORE_CTX_get0_param(ctx), address);
	X509_verify_cert(ctx);
	result = X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return result;
}

static unsigned
mode_of(const char *name)
{
	auto_free char *path = mem_printf("%s/%s", work, name);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void
test_new(void **state)
{
	char *const names[] = {proxy_local, ipv4, ipv6};

	(void)state;
	assert_int_equal(refresh(names, 3, start_s), TLS_AUTHORITY_NEW);
	assert_int_equal(
	    verify("ca.crt", proxy_local, NULL, start_s), X509_V_OK);
	assert_int_equal(verify("ca.crt", NULL, ipv4, start_s), X509_V_OK);
	assert_int_equal(verify("ca.crt", NULL, ipv6, start_s), X509_V_OK);
	assert_int_equal(verify("ca.crt", other, NULL, start_s),
	    X509_V_ERR_HOSTNAME_MISMATCH);
	assert_int_equal(
	    verify("ca.crt", proxy_local, NULL, start_s + 91 * DAY),
	    X509_V_ERR_CERT_HAS_EXPIRED);
	assert_int_equal(mode_of("ca.key"), 0600);
	assert_int_equal(mode_of("server.key"), 0600);
	assert_int_equal(mode_of("ca.crt"), 0644);
	assert_int_equal(refresh(names, 3, start_s), TLS_AUTHORITY_KEPT);
}

/* A certificate lasts 90 days and is renewed 30 days before its end. */
static void
test_renewal(void **state)
{
	char *const names[] = {proxy_local};
	int64_t now_s = start_s;
	size_t i, len, ca_len;

	(void)state;
	assert_int_equal(refresh(names, 1, now_s), TLS_AUTHORITY_NEW);
	auto_free char *ca = read_text("ca.crt", &ca_len);
	for (i = 0; i < 8; i++) {
		assert_int_equal(
		    refresh(names, 1, now_s + 59 * DAY), TLS_AUTHORITY_KEPT);
		now_s += 61 * DAY;
		assert_int_equal(
		    refresh(names, 1, now_s), TLS_AUTHORITY_RENEWED);
		assert_int_equal(
		    verify("ca.crt", proxy_local, NULL, now_s), X509_V_OK);
	}
	auto_free char *same = read_text("ca.crt", &len);
	assert_string_equal(ca, same);
	/* A clock that was wrong. */
	assert_int_equal(refresh(names, 1, start_s), TLS_AUTHORITY_RENEWED);
}

/* After ten years there is a new authority; the old one stays readable. */
static void
test_authority_ends(void **state)
{
	char *const names[] = {proxy_local};
	int64_t late_s = start_s + (3650 - 89) * DAY;

	(void)state;
	assert_int_equal(refresh(names, 1, start_s), TLS_AUTHORITY_NEW);
	assert_int_equal(refresh(names, 1, late_s), TLS_AUTHORITY_NEW);
	assert_int_equal(
	    verify("ca.crt", proxy_local, NULL, late_s), X509_V_OK);
	assert_int_not_equal(
	    verify("ca.crt.old", proxy_local, NULL, late_s), X509_V_OK);
	assert_int_equal(refresh(names, 1, late_s), TLS_AUTHORITY_KEPT);
}

/* The authority is good for its own names only. */
static void
test_names(void **state)
{
	char *const both[] = {proxy_local, other};
	char *const one[] = {proxy_local}, *const address[] = {ipv4};

	(void)state;
	assert_int_equal(refresh(both, 2, start_s), TLS_AUTHORITY_NEW);
	assert_int_equal(refresh(one, 1, start_s), TLS_AUTHORITY_RENEWED);
	assert_int_equal(verify("ca.crt", other, NULL, start_s),
	    X509_V_ERR_HOSTNAME_MISMATCH);
	assert_int_equal(refresh(both, 2, start_s), TLS_AUTHORITY_RENEWED);
	assert_int_equal(refresh(address, 1, start_s), TLS_AUTHORITY_NEW);
	assert_int_equal(verify("ca.crt", NULL, ipv4, start_s), X509_V_OK);
	assert_int_equal(refresh(one, 1, start_s), TLS_AUTHORITY_NEW);
}

/* What the constraints are for: a stolen authority signs nothing else. */
static void
test_constraints(void **state)
{
	char *const names[] = {proxy_local}, *const foreign[] = {other},
		    *const address[] = {ipv4};
	const struct tls_names own = {names, 1},
			       stolen[] = {{foreign, 1}, {address, 1}};
	struct tls_pair ca, server;
	struct err e;
	size_t i;

	(void)state;
	assert_int_equal(tls_certificate_make_authority(
			     &own, start_s, start_s + DAY, &ca, &e),
	    0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(tls_certificate_make_server(&stolen[i], &ca,
				     start_s, start_s + DAY, &server, &e),
		    0);
		assert_false(tls_certificate_permits(&ca, server.certificate));
		tls_pair_clear(&server);
	}
	tls_pair_clear(&ca);
}

/* Half an authority is not replaced behind the admin's back. */
static void
test_damage(void **state)
{
	char *const names[] = {proxy_local};
	auto_free char *key = mem_printf("%s/ca.key", work);
	auto_free char *server = mem_printf("%s/server.crt", work);
	enum tls_authority_change change;
	struct err e;

	(void)state;
	assert_int_equal(refresh(names, 1, start_s), TLS_AUTHORITY_NEW);
	assert_int_equal(truncate(server, 10), 0);
	assert_int_equal(refresh(names, 1, start_s), TLS_AUTHORITY_RENEWED);
	assert_int_equal(unlink(key), 0);
	assert_int_equal(
	    tls_authority_refresh(work, names, 1, start_s, &change, &e), -1);
	assert_non_null(strstr(e.message, "ca.key does not exist"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_new, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_renewal, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_authority_ends, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_names, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_constraints, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, remove_dir);
}
