/* Who may pull what: passwords in headers and files, names, rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../daemon/access.h"
#include "../../daemon/authorization.h"
#include "../../daemon/htpasswd.h"

#define HASH_A "$2y$05$abcdefghijklmnopqrstuuWvD9r.HoqTlBvBjAK1TNX1AnAwTUyAG"
#define HASH_B "$2b$14$abcdefghijklmnopqrstuuWvD9r.HoqTlBvBjAK1TNX1AnAwTUyAG"

static void
test_authorization(void **state)
{
	static const struct {
		const char *header;
		enum authorization_kind kind;
		const char *user, *password;
	} cases[] = {
	    {NULL, AUTHORIZATION_NONE, "", ""},
	    {"", AUTHORIZATION_NONE, "", ""},
	    {"Bearer abc", AUTHORIZATION_NONE, "", ""},
	    {"Basic", AUTHORIZATION_NONE, "", ""},
	    {"Basically YTpi", AUTHORIZATION_NONE, "", ""},
	    {"Basic Og==", AUTHORIZATION_ANONYMOUS, "", ""},
	    {"Basic YWxpY2U6c2VjcmV0", AUTHORIZATION_BASIC, "alice", "secret"},
	    {"bAsIc   YWxpY2U6c2VjcmV0 ", AUTHORIZATION_BASIC, "alice",
		"secret"},
	    /* "alice:" and "a:b:c" */
	    {"Basic YWxpY2U6", AUTHORIZATION_BASIC, "alice", ""},
	    {"Basic YTpiOmM=", AUTHORIZATION_BASIC, "a", "b:c"},
	    /* ":password", "no colon", "a\\nb:c", "a:\\0" */
	    {"Basic OnBhc3N3b3Jk", AUTHORIZATION_BAD, "", ""},
	    {"Basic bm8gY29sb24=", AUTHORIZATION_BAD, "", ""},
	    {"Basic YQpiOmM=", AUTHORIZATION_BAD, "", ""},
	    {"Basic YToA", AUTHORIZATION_BAD, "", ""},
	    {"Basic ", AUTHORIZATION_BAD, "", ""},
	    {"Basic YTpi YTpi", AUTHORIZATION_BAD, "", ""},
	    {"Basic YTp", AUTHORIZATION_BAD, "", ""},
	    {"Basic YTpiOmN=", AUTHORIZATION_BAD, "", ""}, /* loose bits */
	    {"Basic YT=iOmM=", AUTHORIZATION_BAD, "", ""},
	    {"Basic Y\xc3p=", AUTHORIZATION_BAD, "", ""},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct authorization a;

		authorization_parse(cases[i].header, &a);
		if (a.kind != cases[i].kind ||
		    strcmp(a.user, cases[i].user) != 0 ||
		    strcmp(a.password, cases[i].password) != 0)
			fail_msg("%s: %d %s", cases[i].header, a.kind, a.user);
	}
}

static void
test_htpasswd(void **state)
{
	auto_htpasswd struct htpasswd *h = NULL, *empty = NULL;
	bool known;
	struct err e;

	(void)state;
	assert_int_equal(
	    htpasswd_parse(
		"# users\n\nbob:" HASH_B "\r\nalice:" HASH_A "\n", "f", &h, &e),
	    0);
	assert_string_equal(htpasswd_find(h, "alice", &known), HASH_A);
	assert_true(known);
	assert_string_equal(htpasswd_find(h, "bob", &known), HASH_B);
	assert_true(known);
	/* As much work, but never a yes. */
	assert_non_null(htpasswd_find(h, "mallory", &known));
	assert_false(known);
	assert_int_equal(htpasswd_parse("", "f", &empty, &e), 0);
	assert_null(htpasswd_find(empty, "alice", &known));
}

static void
test_htpasswd_mistakes(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
	    {"alice\n", "f:1: not USER:HASH"},
	    {":" HASH_A "\n", "f:1: not USER:HASH"},
	    {"a:" HASH_A "\nb:$apr1$x$y\n", "f:2: not a bcrypt hash"},
	    {"a:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n", "f:1: not a bcrypt"},
	    {"a:" HASH_A "x\n", "f:1: not a bcrypt hash"},
	    {"a:$2y$05$abcdefghijklmnopqrstuuWvD9r.HoqTlBvBjAK1TNX1An:wTUyAG",
		"f:1: not a bcrypt hash"},
	    {"a:$2y$15$abcdefghijklmnopqrstuuWvD9r.HoqTlBvBjAK1TNX1AnAwTUyAG",
		"f:1: a bcrypt cost of 15: 4 to 14"},
	    {"a:$2y$03$abcdefghijklmnopqrstuuWvD9r.HoqTlBvBjAK1TNX1AnAwTUyAG",
		"f:1: a bcrypt cost of 3"},
	    {"a:" HASH_A "\nb:" HASH_A "\na:" HASH_B "\n",
		"f: the user a is there twice"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct htpasswd *h = NULL;
		struct err e;

		assert_int_equal(
		    htpasswd_parse(cases[i].text, "f", &h, &e), -1);
		assert_null(h);
		if (strstr(e.message, cases[i].message) == NULL)
			fail_msg("%s: %s", cases[i].text, e.message);
	}
}

static void
test_full_names(void **state)
{
	static const struct {
		const char *name, *ns, *full;
	} cases[] = {
	    {"postgres", "", "docker.io/library/postgres"},
	    {"library/postgres", "", "docker.io/library/postgres"},
	    {"docker.io/postgres", "", "docker.io/library/postgres"},
	    {"index.docker.io/library/postgres", "",
		"docker.io/library/postgres"},
	    {"library/postgres", "docker.io", "docker.io/library/postgres"},
	    {"postgres", "registry-1.docker.io", "docker.io/library/postgres"},
	    {"a/b", "GHCR.IO", "ghcr.io/a/b"},
	    {"original/postgres", "", "original/docker.io/library/postgres"},
	    {"original/ghcr.io/a", "", "original/ghcr.io/a"},
	    /* With a namespace there is no prefix; only the first counts. */
	    {"original/postgres", "docker.io", "docker.io/original/postgres"},
	    {"original/original/a", "", "original/docker.io/original/a"},
	    {"localhost/a", "", "localhost/a"},
	    {"h:5000/a", "", "h:5000/a"},
	    {"UPPER", "", NULL},
	    {"original/", "", NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_free char *full = access_full_name(
		    cases[i].name, cases[i].ns, "docker.io", "original");

		if (cases[i].full == NULL)
			assert_null(full);
		else
			assert_string_equal(full, cases[i].full);
	}
}

static struct access *
new_access(const char *text)
{
	auto_json json_t *settings = NULL;
	struct access *a;
	struct err e;

	assert_int_equal(
	    json_parse_object(text, strlen(text), "settings", &settings, &e),
	    0);
	if (access_new(settings, &a, &e) == -1)
		fail_msg("%s", e.message);
	return a;
}

#define SETTINGS                                               \
	"{\"default_upstream\":\"docker.io\","                 \
	"\"original_prefix\":\"original\",\"passwords\":true," \
	"\"certificates\":false"

static void
test_rules(void **state)
{
	static const struct {
		const char *user, *name, *ns;
		bool may;
	} cases[] = {
	    {"alice", "postgres", "", true},
	    {"alice", "postgres", "docker.io", true},
	    {"alice", "docker.io/library/postgres", "", true},
	    {"alice", "original/postgres", "", false},
	    {"alice", "postgres2", "", false},
	    {"alice", "library/postgres/x", "", false},
	    {"alice", "ghcr.io/library/postgres", "", false},
	    {"alice", "postgres", "ghcr.io", false},
	    {"bob", "postgres", "", false},
	    {NULL, "postgres", "", false},
	    {"*", "postgres", "", false},
	    {"alice", "team/a/b", "", true}, /* every user */
	    {"bob", "team/a", "", true},
	    {NULL, "team/a", "", false},
	    {"bob", "team", "", false},
	    {"bob", "original/team/a", "", false},
	    {NULL, "public/a", "", true}, /* everybody */
	    {NULL, "original/quay.io/a/b", "", true},
	    {NULL, "quay.io/a/b", "", false},
	    {"root", "anything.at/all", "", true},
	    {"root", "original/a", "", true},
	    {"root", "Not A Name", "", false},
	    {"eve", "x.mirror.example/a", "", true},
	    {"eve", "mirror.example/a", "", false},
	};
	struct access *a = new_access(
	    SETTINGS ",\"rules\":["
		     "{\"users\":[\"alice\"],\"pull\":[\"postgres\"]},"
		     "{\"users\":[\"*\"],\"pull\":[\"team/**\"]},"
		     "{\"pull\":[\"public/*\",\"original/quay.io/**\"]},"
		     "{\"users\":[\"eve\"],\"pull\":[\"*.mirror.example/**\"]},"
		     "{\"users\":[\"x\",\"root\"],\"pull\":[\"**\"]}]}");
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (access_may_pull(a, cases[i].user, cases[i].name,
			cases[i].ns) != cases[i].may)
			fail_msg("%zu: %s", i, cases[i].name);
	assert_true(access_admits_anybody(a));
	assert_false(access_is_open(a));
	access_free(a);
}

static void
test_without_rules(void **state)
{
	struct access *a = new_access(SETTINGS "}");

	(void)state;
	assert_true(access_may_pull(a, "alice", "a", ""));
	assert_false(access_may_pull(a, NULL, "a", ""));
	assert_false(access_admits_anybody(a));
	access_free(a);
	/* An empty list lets nobody pull anything. */
	a = new_access(SETTINGS ",\"rules\":[]}");
	assert_false(access_may_pull(a, "alice", "a", ""));
	access_free(a);
	a = new_access("{\"default_upstream\":\"d.io\",\"original_prefix\":"
		       "\"o\",\"passwords\":false,\"certificates\":false}");
	assert_true(access_is_open(a));
	assert_true(access_may_pull(a, NULL, "a", ""));
	access_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_authorization),
	    cmocka_unit_test(test_htpasswd),
	    cmocka_unit_test(test_htpasswd_mistakes),
	    cmocka_unit_test(test_full_names),
	    cmocka_unit_test(test_rules),
	    cmocka_unit_test(test_without_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
