/* http_url: what of a URL decides who gets a credential. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../daemon/http_url.h"

static void
test_parts(void **state)
{
	static const struct {
		const char *text, *scheme, *host;
		uint64_t port;
	} rows[] = {
	    {"https://registry.test/v2/", "https", "registry.test", 443},
	    {"http://registry.test", "http", "registry.test", 80},
	    {"HTTPS://Registry.TEST:5000/a?b#c", "https", "registry.test",
		5000},
	    {"http://[2001:DB8::1]:8080/", "http", "[2001:db8::1]", 8080},
	    {"http://127.0.0.1:65535", "http", "127.0.0.1", 65535},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_http_url struct http_url u = {.scheme = NULL};
		struct err e;

		assert_int_equal(http_url_parse(rows[i].text, &u, &e), 0);
		assert_string_equal(u.scheme, rows[i].scheme);
		assert_string_equal(u.host, rows[i].host);
		assert_int_equal(u.port, rows[i].port);
	}
}

static void
test_refused(void **state)
{
	static const char *const rows[] = {
	    "",
	    "registry.test",
	    "/v2/",
	    "ftp://registry.test/",
	    "file:///etc/passwd",
	    "https://user@registry.test/",
	    "https://user:secret@registry.test/",
	    "https://registry.test:0/",
	    "https://registry.test:65536/",
	    "https://registry.test:http/",
	    "https://registry .test/",
	    "https://",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_url u = {.port = 7};
		struct err e;

		if (http_url_parse(rows[i], &u, &e) == 0)
			fail_msg("%s is taken", rows[i]);
		assert_int_equal(e.code, ERR_INVALID);
		/* Nothing of it stays, nor is secret said. */
		assert_null(u.scheme);
		assert_null(u.host);
		assert_null(strstr(e.message, "secret"));
	}
}

static void
test_origins(void **state)
{
	static const struct {
		const char *one, *other;
		bool same;
	} rows[] = {
	    {"https://a.test/x", "https://A.test:443/y?z", true},
	    {"http://a.test", "http://a.test:80/", true},
	    {"https://a.test", "http://a.test:443", false},
	    {"https://a.test", "https://b.test", false},
	    {"https://a.test", "https://a.test:444", false},
	    {"https://a.test", "https://a.test.", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_http_url struct http_url one = {.scheme = NULL};
		auto_http_url struct http_url other = {.scheme = NULL};
		struct err e;

		assert_int_equal(http_url_parse(rows[i].one, &one, &e), 0);
		assert_int_equal(http_url_parse(rows[i].other, &other, &e), 0);
		assert_int_equal(
		    http_url_same_origin(&one, &other), rows[i].same);
		assert_int_equal(
		    http_url_same_origin(&other, &one), rows[i].same);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parts),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_origins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
