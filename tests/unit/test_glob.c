/* glob: what patterns match, where they are wrong, and that they are quick. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "winnow/glob.h"
#include "winnow/mem.h"

struct match_case {
	const char *pattern, *path;
	bool expect;
};

static struct glob *
compile(const char *pattern)
{
	struct glob *g = NULL;
	struct err e;

	if (glob_compile(pattern, &g, NULL, &e) == -1)
		fail_msg("%s: %s", pattern, e.message);
	return g;
}

static void
test_match(void **state)
{
	static const struct match_case cases[] = {
	    {"/a", "a", true},
	    {"/a", "a/b", false},
	    {"/a", "b", false},
	    {"/a", "", false},
	    {"/a/b", "a", false},
	    {"/a?c", "abc", true},
	    {"/a?c", "ac", false},
	    {"/a?c", "a/c", false},
	    {"/*", "abc", true},
	    {"/*", "a/b", false},
	    {"/*", ".hidden", true},
	    {"/*", "", false},
	    {"/a*", "a", true},
	    {"/*a*b", "xxaxxbxb", true},
	    {"/*a*b", "xxaxxbxbx", false},
	    {"/lib*.so*", "libc.so.6", true},
	    {"/lib*.so*", "libc.s", false},
	    {"/usr/*/bin/*", "usr/local/bin/x", true},
	    {"/usr/*/bin/*", "usr/bin/x", false},
	    {"/a*b*c*d", "axbxcxbxcxd", true},
	    /* Sets. */
	    {"/[abc]", "b", true},
	    {"/[abc]", "d", false},
	    {"/[a-c]x", "cx", true},
	    {"/[!a-c]", "d", true},
	    {"/[!a-c]", "b", false},
	    {"/[^a-c]", "b", false},
	    {"/[]]", "]", true},
	    {"/[!]]", "]", false},
	    {"/[a-]", "-", true},
	    {"/[-a]", "-", true},
	    {"/[\\]x]", "]", true},
	    {"/[\\]x]", "\\", false},
	    {"/[a,{]", "{", true},
	    {"/[a]", "a]", false},
	    {"/[\x80-\xff]", "\xe9", true},
	    /* Escapes. */
	    {"/\\*", "*", true},
	    {"/\\*", "a", false},
	    {"/a\\{b\\,c\\}", "a{b,c}", true},
	    {"/\\[a]", "[a]", true},
	    {"/\\\\", "\\", true},
	    {"/*\\**", "a*b", true},
	    {"/*\\**", "ab", false},
	    /* Braces. */
	    {"/{a,b}", "a", true},
	    {"/{a,b}", "b", true},
	    {"/{a,b}", "a,b", false},
	    {"/usr/lib{,64}/x", "usr/lib/x", true},
	    {"/usr/lib{,64}/x", "usr/lib64/x", true},
	    {"/usr/lib{,64}/x", "usr/lib32/x", false},
	    {"/{a,{b,c}d}e", "cde", true},
	    {"/{a,{b,c}d}e", "ae", true},
	    {"/{a,{b,c}d}e", "be", false},
	    {"/{usr/lib,opt}/*", "usr/lib/x", true},
	    {"/{a,[,]}", ",", true},
	    {"/a,b", "a,b", true},
	    {"/{a,*}{b,?}", "xxb", true},
	    /* Any depth. */
	    {"/**", "a", true},
	    {"/**", "a/b/c", true},
	    {"/**", "", false},
	    {"/a/**", "a", false},
	    {"/a/**", "a/b", true},
	    {"/a/**", "a/b/c/d", true},
	    {"/a/**", "ab/c", false},
	    {"/a/**/b", "a/b", true},
	    {"/a/**/b", "a/x/b", true},
	    {"/a/**/b", "a/x/y/b", true},
	    {"/a/**/b", "a/x/b/y", false},
	    {"/a/**/b", "ab", false},
	    {"/a/**/**/b", "a/b", true},
	    {"/a/**/**", "a", false},
	    {"/a/**/**", "a/b", true},
	    {"/**/*.so", "x.so", true},
	    {"/**/*.so", "a/b/x.so", true},
	    {"/**/a/*/b", "a/a/x/b", true},
	    {"/**/a/b/**/c", "a/x/a/b/c", true},
	    {"/**/a/b/**/c", "a/x/b/c", false},
	    {"/**/a/**/a/**/a", "a/a/a", true},
	    {"/**/a/**/a/**/a", "a/a/b", false},
	    {"/a/{**,x}/b", "a/1/2/b", true},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_glob struct glob *g = compile(cases[i].pattern);

		if (glob_match(g, cases[i].path) != cases[i].expect)
			fail_msg("%s on %s", cases[i].pattern, cases[i].path);
	}
}

static void
test_match_below(void **state)
{
	static const struct match_case cases[] = {
	    {"/a", "", true},
	    {"/a", "a", false},
	    {"/a/b", "a", true},
	    {"/a/b", "b", false},
	    {"/a/b", "a/b", false},
	    {"/a/*/c", "a/x", true},
	    {"/a/*/c", "a/x/c", false},
	    {"/a/*/c", "a/x/y", false},
	    {"/a/**", "a", true},
	    {"/a/**", "a/b/c", true},
	    {"/a/**", "b", false},
	    {"/a/**/x/y", "a/x/y/z", true},
	    {"/{a,b}/c", "b", true},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_glob struct glob *g = compile(cases[i].pattern);

		if (glob_match_below(g, cases[i].path) != cases[i].expect)
			fail_msg("%s on %s", cases[i].pattern, cases[i].path);
	}
}

static void
test_prefix_and_rest(void **state)
{
	static const struct {
		const char *pattern, *prefix, *rest_path;
	} cases[] = {
	    {"/a/b", "a/b", NULL},
	    {"/a\\*/b", "a*/b", NULL},
	    {"/a/*/c", "a", "x/c"},
	    {"/*", "", "x"},
	    {"/usr/lib/**", "usr/lib", "x/y"},
	    {"/a/[b]", "a", "b"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_glob struct glob *g = compile(cases[i].pattern);
		const struct glob *rest = glob_rest(g, 0);

		assert_int_equal(glob_alternatives(g), 1);
		assert_string_equal(glob_literal_prefix(g, 0), cases[i].prefix);
		if (cases[i].rest_path == NULL) {
			assert_null(rest);
			continue;
		}
		assert_true(glob_match(rest, cases[i].rest_path));
		assert_false(glob_match(rest, ""));
		assert_string_equal(glob_literal_prefix(rest, 0), "");
		assert_ptr_equal(glob_rest(rest, 0), rest);
	}
}

static void
test_alternatives(void **state)
{
	auto_glob struct glob *g = compile("/usr/{bin/x,lib/{a,b*}}");

	(void)state;
	assert_int_equal(glob_alternatives(g), 3);
	assert_string_equal(glob_literal_prefix(g, 0), "usr/bin/x");
	assert_null(glob_rest(g, 0));
	assert_string_equal(glob_literal_prefix(g, 1), "usr/lib/a");
	assert_string_equal(glob_literal_prefix(g, 2), "usr/lib");
	assert_true(glob_match(glob_rest(g, 2), "bc"));
}

static void
test_refuses(void **state)
{
	static const struct {
		const char *pattern;
		size_t column;
		const char *message;
	} cases[] = {
	    {"", 0, "start with a slash"},
	    {"a/b", 0, "start with a slash"},
	    {"*", 0, "start with a slash"},
	    {"{/a,/b}", 0, "start with a slash"},
	    {"/", 1, "empty component"},
	    {"/a/", 3, "empty component"},
	    {"/a//b", 3, "empty component"},
	    {"/usr/{,x}/b", 9, "empty component"},
	    {"/a/./b", 3, "\"..\""},
	    {"/a/..", 3, "\"..\""},
	    {"/a/{x,..}", 6, "\"..\""},
	    {"/a/.\\.", 3, "\"..\""},
	    {"/a/b**", 5, "stand alone"},
	    {"/a/**b", 4, "stand alone"},
	    {"/a/***", 4, "stand alone"},
	    {"/a/[bc", 3, "bracket is not closed"},
	    {"/a/[b/c]", 3, "bracket is not closed"},
	    {"/a/[]", 3, "bracket is not closed"},
	    {"/a/[b\\]", 3, "bracket is not closed"},
	    {"/a/[c-a]", 4, "backwards"},
	    {"/a/[[:alpha:]]", 4, "not supported"},
	    {"/a/{b,c", 3, "brace is not closed"},
	    {"/a/{b,{c}", 3, "brace is not closed"},
	    {"/a/b}", 4, "without an opening"},
	    {"/a/{b}", 3, "single alternative"},
	    {"/a\\", 2, "backslash"},
	    {"/a\\/b", 2, "backslash"},
	    {"/x/{1,2}{1,2}{1,2}{1,2}{1,2}{1,2}{1,2}{1,2}{1,2}", 43,
		"more than 256"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct glob *g = NULL;
		size_t column = 99;
		struct err e;

		if (glob_compile(cases[i].pattern, &g, &column, &e) != -1)
			fail_msg("%s is accepted", cases[i].pattern);
		assert_null(g);
		assert_int_equal(e.code, ERR_INVALID);
		if (column != cases[i].column ||
		    strstr(e.message, cases[i].message) == NULL)
			fail_msg(
			    "%s: %zu: %s", cases[i].pattern, column, e.message);
	}
}

static void
test_bounds(void **state)
{
	auto_free char *text = mem_alloc(4098);
	struct glob *g = NULL;
	struct err e;

	(void)state;
	memset(text, '/', 1);
	memset(text + 1, 'a', 4096);
	text[4097] = '\0';
	assert_int_equal(glob_compile(text, &g, NULL, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	text[4096] = '\0';
	g = compile(text);
	assert_true(glob_match(g, text + 1));
	glob_free(g);
	/* 256 alternatives are allowed. */
	g = compile("/{1,2}{1,2}{1,2}{1,2}{1,2}{1,2}{1,2}{1,2}");
	assert_int_equal(glob_alternatives(g), 256);
	assert_true(glob_match(g, "12121212"));
	assert_true(glob_match(g, "22222222"));
	glob_free(g);
}

/* Patterns that cost exponential time where every star backtracks. */
static void
test_quick(void **state)
{
	auto_free char *path = mem_alloc(4001);
	auto_glob struct glob *stars = compile("/*a*a*a*a*a*a*a*a*a*a*a*b");
	auto_glob struct glob *depths =
	    compile("/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/b");
	clock_t start = clock();
	size_t i;

	(void)state;
	memset(path, 'a', 4000);
	path[4000] = '\0';
	assert_false(glob_match(stars, path));
	for (i = 1; i < 4000; i += 2)
		path[i] = '/';
	path[3999] = '\0';
	assert_false(glob_match(depths, path));
	assert_true((clock() - start) / CLOCKS_PER_SEC < 2);
}

static void
test_match_name(void **state)
{
	static const struct match_case cases[] = {
	    {"*", "16", true},
	    {"16*", "16.2-bookworm", true},
	    {"16*", "15", false},
	    {"{15,16}", "15", true},
	    {"1[56]-*", "15-alpine", true},
	    {"*", "a/b", false},
	    {"**", "a/b", false},
	    {"[", "[", false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (glob_match_name(cases[i].pattern, cases[i].path) !=
		    cases[i].expect)
			fail_msg("%s on %s", cases[i].pattern, cases[i].path);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_match),
	    cmocka_unit_test(test_match_below),
	    cmocka_unit_test(test_prefix_and_rest),
	    cmocka_unit_test(test_alternatives),
	    cmocka_unit_test(test_refuses),
	    cmocka_unit_test(test_bounds),
	    cmocka_unit_test(test_quick),
	    cmocka_unit_test(test_match_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
