/* path: normal form, order, ancestry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "winnow/path.h"

static void
test_normalize(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
	    {"", ""},
	    {"/", ""},
	    {"./", ""},
	    {"./a//b/", "a/b"},
	    {"/a/./b", "a/b"},
	    {"../evil", "evil"},
	    {"a/../../b", "b"},
	    {"a/b/..", "a"},
	    {"..a/b..", "..a/b.."},
	    {"caf\xe9/\xff", "caf\xe9/\xff"},
	};
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_strbuf struct strbuf b;

		strbuf_init(&b, 100);
		assert_int_equal(
		    path_normalize(cases[i].in, strlen(cases[i].in), &b, &e),
		    0);
		assert_string_equal(strbuf_string(&b), cases[i].out);
	}
}

static void
test_normalize_refuses(void **state)
{
	char component[300];
	struct strbuf b;
	struct err e;

	(void)state;
	strbuf_init(&b, 10000);
	assert_int_equal(path_normalize("a\0b", 3, &b, &e), -1);
	assert_int_equal(e.code, ERR_INVALID);
	memset(component, 'x', sizeof(component));
	assert_int_equal(path_normalize(component, 256, &b, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(b.len, 0);
	assert_int_equal(path_normalize(component, 255, &b, &e), 0);
	strbuf_clear(&b);
}

static void
test_compare(void **state)
{
	static const char *const sorted[] = {
	    "", "a", "a/b", "a/b/c", "a-b", "a.b", "b", "\xff"};
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(sorted) / sizeof(sorted[0]); i++)
		for (j = 0; j < sizeof(sorted) / sizeof(sorted[0]); j++) {
			int order = path_compare(sorted[i], sorted[j]);

			assert_int_equal(
			    (order > 0) - (order < 0), (i > j) - (i < j));
		}
}

static void
test_below(void **state)
{
	(void)state;
	assert_true(path_is_below("usr/lib", "usr"));
	assert_true(path_is_below("usr", "usr"));
	assert_true(path_is_below("usr", ""));
	assert_false(path_is_below("usrlib", "usr"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_normalize),
	    cmocka_unit_test(test_normalize_refuses),
	    cmocka_unit_test(test_compare),
	    cmocka_unit_test(test_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
