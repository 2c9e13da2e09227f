/* upstream_challenge: what registries ask for, and whom winnow may ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../daemon/upstream_challenge.h"
#include "winnow/auto.h"

#define HEADERS 3

/* Reads the challenge of a response with these WWW-Authenticate headers. */
static void
read_headers(const char *const values[HEADERS], struct challenge *out)
{
	struct http_header headers[HEADERS + 1];
	struct http_response r = {.status = 401, .headers = headers};
	char name[] = "www-authenticate", other[] = "content-type";
	char *copies[HEADERS] = {NULL};
	size_t i;

	headers[r.header_count++] = (struct http_header){other, other};
	for (i = 0; i < HEADERS && values[i] != NULL; i++) {
		copies[i] = strdup(values[i]);
		headers[r.header_count++] =
		    (struct http_header){name, copies[i]};
	}
	challenge_read(&r, out);
	for (i = 0; i < HEADERS; i++)
		free(copies[i]);
}

static void
assert_text(const char *found, const char *wanted)
{
	if (wanted == NULL)
		assert_null(found);
	else
		assert_string_equal(found, wanted);
}

static void
test_read(void **state)
{
	static const struct {
		const char *headers[HEADERS];
		enum challenge_scheme scheme;
		const char *realm, *service, *scope;
	} cases[] = {
	    {{NULL}, CHALLENGE_NONE, NULL, NULL, NULL},
	    {{""}, CHALLENGE_NONE, NULL, NULL, NULL},
	    {{"Bearer realm=\"https://auth.docker.io/token\","
	      "service=\"registry.docker.io\","
	      "scope=\"repository:library/postgres:pull\""},
		CHALLENGE_BEARER, "https://auth.docker.io/token",
		"registry.docker.io", "repository:library/postgres:pull"},
	    {{"bEARER REALM=\"r\" , Service = s"}, CHALLENGE_BEARER, "r", "s",
		NULL},
	    /* commas and quotes inside quotes */
	    {{"Bearer realm=\"r\",scope=\"a:pull,push\",service=\"\\\"q\\\\\""},
		CHALLENGE_BEARER, "r", "\"q\\", "a:pull,push"},
	    /* several challenges in one header and in several */
	    {{"Basic realm=\"x\", Bearer realm=\"y\""}, CHALLENGE_BEARER, "y",
		NULL, NULL},
	    {{"Bearer realm=\"y\", Basic realm=\"x\""}, CHALLENGE_BEARER, "y",
		NULL, NULL},
	    {{"Basic realm=\"x\"", "Negotiate", "Bearer realm=\"y\""},
		CHALLENGE_BEARER, "y", NULL, NULL},
	    {{"Negotiate dG9rZW4==, Basic realm=\"x\""}, CHALLENGE_BASIC, "x",
		NULL, NULL},
	    {{"Negotiate, NTLM"}, CHALLENGE_NONE, NULL, NULL, NULL},
	    /* a parameter of another scheme is not Bearer's */
	    {{"Digest realm=\"d\", Bearer service=\"s\", Basic"},
		CHALLENGE_BASIC, NULL, NULL, NULL},
	    {{"Bearer service=\"s\""}, CHALLENGE_NONE, NULL, NULL, NULL},
	    /* the first of two counts */
	    {{"Bearer realm=\"a\",realm=\"b\""}, CHALLENGE_BEARER, "a", NULL,
		NULL},
	    {{"Bearer realm=\"a\", Bearer realm=\"b\""}, CHALLENGE_BEARER, "a",
		NULL, NULL},
	    /* broken ones */
	    {{"Bearer realm=\"open"}, CHALLENGE_BEARER, "open", NULL, NULL},
	    {{"Bearer realm=\"open\\"}, CHALLENGE_BEARER, "open\\", NULL, NULL},
	    {{"Bearer realm="}, CHALLENGE_BEARER, "", NULL, NULL},
	    {{"=, \"\"(;) Basic"}, CHALLENGE_BASIC, NULL, NULL, NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct challenge c;

		read_headers(cases[i].headers, &c);
		assert_int_equal(c.scheme, cases[i].scheme);
		assert_text(c.realm, cases[i].realm);
		assert_text(c.service, cases[i].service);
		assert_text(c.scope, cases[i].scope);
		challenge_clear(&c);
	}
}

static void
test_realm_allowed(void **state)
{
	static const struct {
		const char *registry, *realm;
	} cases[] = {
	    {"https://registry-1.docker.io", "https://auth.docker.io/token"},
	    {"https://ghcr.io", "https://ghcr.io/token"},
	    {"https://ghcr.io", "https://GHCR.io:8443/token"},
	    {"https://registry.gitlab.com", "https://gitlab.com/jwt/auth"},
	    {"http://127.0.0.1:5000", "http://127.0.0.1:5001/token"},
	    {"http://registry.lan", "http://registry.lan/token"},
	    {"http://localhost:5000", "https://localhost/token"},
	    {"https://10.0.0.1", "https://10.0.0.1:444/token"},
	    {"http://[::1]:5000", "http://[::1]:5001/token"},
	};
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(challenge_check_realm(
				     cases[i].registry, cases[i].realm, &e),
		    0);
}

static void
test_realm_refused(void **state)
{
	static const struct {
		const char *registry, *realm;
	} cases[] = {
	    {"https://registry-1.docker.io", "https://auth.docker.io.evil.com"},
	    {"https://registry-1.docker.io", "https://evildocker.io/token"},
	    {"https://registry-1.docker.io", "http://auth.docker.io/token"},
	    {"https://ghcr.io", "http://ghcr.io/token"},
	    {"https://ghcr.io", "https://127.0.0.1/token"},
	    {"https://ghcr.io", "https://[::1]/token"},
	    {"https://ghcr.io", "https://169.254.169.254/latest"},
	    {"https://ghcr.io", "https://2130706433/token"},
	    {"https://ghcr.io", "https://localhost/token"},
	    {"https://ghcr.io", "https://ghcr.io@evil.com/token"},
	    {"https://ghcr.io", "https://evil.com#ghcr.io"},
	    {"https://ghcr.io", "https://ghcr.io/token#fragment"},
	    {"https://ghcr.io", "file:///etc/passwd"},
	    {"https://ghcr.io", "ghcr.io/token"},
	    {"https://ghcr.io", ""},
	    /* names below a public suffix have nothing in common */
	    {"https://registry.co.uk", "https://evil.co.uk/token"},
	    {"https://a.s3.amazonaws.com", "https://b.s3.amazonaws.com/t"},
	    {"https://me.github.io", "https://you.github.io/token"},
	    /* addresses have no domain to share */
	    {"http://10.1.0.1", "http://192.168.0.1/token"},
	    {"http://127.0.0.1:5000", "http://127.1.0.1/token"},
	    {"http://a", "http://b"},
	    {"http://a.b", "http://.b"},
	};
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (challenge_check_realm(
			cases[i].registry, cases[i].realm, &e) == 0)
			fail_msg(
			    "%s may ask %s", cases[i].registry, cases[i].realm);
		assert_int_equal(e.code, ERR_DENIED);
	}
}

static void
test_realm_message(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(challenge_check_realm(
			     "https://ghcr.io", "https://10.0.0.1/token", &e),
	    -1);
	assert_non_null(strstr(e.message, "ghcr.io"));
	assert_non_null(strstr(e.message, "10.0.0.1"));
}

static void
test_token_url(void **state)
{
	char realm[] = "https://h/t", query[] = "https://h/t?a=b";
	char service[] = "a b&c\xc3\xa9";
	struct challenge c = {CHALLENGE_BEARER, realm, service, NULL};
	auto_free char *with = challenge_token_url(&c, "repository:x/y:pull");
	auto_free char *without = NULL;

	(void)state;
	assert_string_equal(with,
	    "https://h/t?service=a%20b%26c%C3%A9&scope=repository:x/y:pull");
	c.service = NULL;
	c.realm = query;
	without = challenge_token_url(&c, "s");
	assert_string_equal(without, "https://h/t?a=b&scope=s");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_read),
	    cmocka_unit_test(test_realm_allowed),
	    cmocka_unit_test(test_realm_refused),
	    cmocka_unit_test(test_realm_message),
	    cmocka_unit_test(test_token_url),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
