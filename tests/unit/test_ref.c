/* ref: repositories, tags, hosts, and what names them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "winnow/ref.h"

struct grammar_case {
	const char *text;
	bool valid;
};

static void
test_repository(void **state)
{
	static const struct grammar_case cases[] = {
	    {"a", true},
	    {"library/postgres", true},
	    {"a/b/c/d0", true},
	    {"a.b_c__d-e---f", true},
	    {"", false},
	    {"/", false},
	    {"a/", false},
	    {"/a", false},
	    {"a//b", false},
	    {"A", false},
	    {"a..b", false},
	    {"a___b", false},
	    {"a._b", false},
	    {"a-", false},
	    {"-a", false},
	    {"a_", false},
	    {"a/.", false},
	    {"a/../b", false},
	    {"a b", false},
	    {"a:b", false},
	    {"a@b", false},
	    {"caf\xc3\xa9", false},
	};
	char longest[257];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (ref_is_repository(cases[i].text) != cases[i].valid)
			fail_msg("%s", cases[i].text);
	}
	assert_true(ref_is_repository_n("a/b!", 3));
	assert_false(ref_is_repository_n("a/b", 2));
	assert_false(ref_is_repository_n("a\0b", 3));
	memset(longest, 'a', 256);
	longest[256] = '\0';
	assert_false(ref_is_repository(longest));
	longest[255] = '\0';
	assert_true(ref_is_repository(longest));
}

static void
test_tag(void **state)
{
	static const struct grammar_case cases[] = {
	    {"16", true},
	    {"16.2-bookworm", true},
	    {"_a", true},
	    {"A.b_c-", true},
	    {"", false},
	    {".a", false},
	    {"-a", false},
	    {"a:b", false},
	    {"a/b", false},
	    {"a b", false},
	};
	char longest[130];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (ref_is_tag(cases[i].text) != cases[i].valid)
			fail_msg("%s", cases[i].text);
	}
	memset(longest, 'a', 129);
	longest[129] = '\0';
	assert_false(ref_is_tag(longest));
	longest[128] = '\0';
	assert_true(ref_is_tag(longest));
}

static void
test_host(void **state)
{
	static const struct grammar_case cases[] = {
	    {"docker.io", true},
	    {"localhost", true},
	    {"localhost:5000", true},
	    {"127.0.0.1:65535", true},
	    {"my-host.example", true},
	    {"[::1]", true},
	    {"[2001:db8::1]:443", true},
	    {"", false},
	    {":5000", false},
	    {"a:", false},
	    {"a:0", false},
	    {"a:65536", false},
	    {"a:5000x", false},
	    {"a:-1", false},
	    {"a..b", false},
	    {".a", false},
	    {"a.", false},
	    {"-a", false},
	    {"a-", false},
	    {"a-.b", false},
	    {"a.-b", false},
	    {"a_b", false},
	    {"a/b", false},
	    {"a@b", false},
	    {"[::1", false},
	    {"[::1]x", false},
	    {"[1.2.3.4]", false},
	    {"[]", false},
	    {"::1", false},
	};
	char label[80];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (ref_is_host(cases[i].text) != cases[i].valid)
			fail_msg("%s", cases[i].text);
	}
	memset(label, 'a', 64);
	label[64] = '\0';
	assert_false(ref_is_host(label));
	label[63] = '\0';
	assert_true(ref_is_host(label));
}

static void
test_parse(void **state)
{
	static const struct {
		const char *name, *default_host, *host, *path;
	} cases[] = {
	    {"postgres", "docker.io", "docker.io", "library/postgres"},
	    {"bitnami/redis", "docker.io", "docker.io", "bitnami/redis"},
	    {"docker.io/postgres", "ghcr.io", "docker.io", "library/postgres"},
	    {"index.docker.io/x", "ghcr.io", "docker.io", "library/x"},
	    {"registry-1.docker.io/a/b", "ghcr.io", "docker.io", "a/b"},
	    {"x", "registry-1.docker.io", "docker.io", "library/x"},
	    {"ghcr.io/a/b", "docker.io", "ghcr.io", "a/b"},
	    {"ghcr.io/a", "docker.io", "ghcr.io", "a"},
	    {"GHCR.io/a", "docker.io", "ghcr.io", "a"},
	    {"localhost/a", "docker.io", "localhost", "a"},
	    {"localhosts/a", "docker.io", "docker.io", "localhosts/a"},
	    {"h:5000/a/b", "docker.io", "h:5000", "a/b"},
	    {"[::1]:5000/a", "docker.io", "[::1]:5000", "a"},
	    {"a", "h:5000", "h:5000", "a"},
	    {"a.b", "docker.io", "docker.io", "library/a.b"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ref_repository r;
		struct err e;

		assert_int_equal(ref_repository_parse(cases[i].name,
				     cases[i].default_host, &r, &e),
		    0);
		assert_string_equal(r.host, cases[i].host);
		assert_string_equal(r.path, cases[i].path);
		ref_repository_clear(&r);
	}
}

static void
test_parse_refuses(void **state)
{
	static const char *const names[] = {"", "/", "docker.io/", "a/", "/a",
	    "Postgres", "a:b/c/", "a:x/c", "ghcr.io//a", "../etc/passwd",
	    "docker.io/../x", "a.b-/c", "a:16"};
	struct ref_repository r = {NULL, NULL};
	char longest[251];
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		e.code = ERR_NONE;
		if (ref_repository_parse(names[i], "docker.io", &r, &e) != -1)
			fail_msg("%s", names[i]);
		assert_int_equal(e.code, ERR_INVALID);
		assert_null(r.host);
	}
	/* Too long with the "library/" that it gets. */
	memset(longest, 'a', 250);
	longest[250] = '\0';
	assert_int_equal(ref_repository_parse(longest, "ghcr.io", &r, &e), 0);
	ref_repository_clear(&r);
	assert_int_equal(
	    ref_repository_parse(longest, "docker.io", &r, &e), -1);
	assert_int_equal(ref_repository_parse("a", "bad host", &r, &e), -1);
	assert_non_null(strstr(e.message, "bad host"));
}

static void
test_signature_tag(void **state)
{
#define HEX32 "0123456789abcdef0123456789abcdef"
	static const struct {
		const char *text;
		bool is_one;
	} cases[] = {
	    {"sha256-" HEX32 HEX32, true},
	    {"sha256-" HEX32 HEX32 ".sig", true},
	    {"sha512-" HEX32 HEX32 ".att", true},
	    {"sha256-" HEX32, false},
	    {"sha256-" HEX32 HEX32 "0", false},
	    {"sha256-" HEX32 HEX32 "-x", false},
	    {"sha1-" HEX32 HEX32, false},
	    {"16.1", false},
	    {"", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (ref_is_signature_tag(cases[i].text) != cases[i].is_one)
			fail_msg("%s", cases[i].text);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_repository),
	    cmocka_unit_test(test_tag),
	    cmocka_unit_test(test_signature_tag),
	    cmocka_unit_test(test_host),
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_parse_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
