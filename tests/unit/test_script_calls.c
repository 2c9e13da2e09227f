/* script_calls: which words of a shell script are programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../common/script_calls.h"
#include "winnow/auto.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct text {
	const char *script, *calls;
};

/* What the text calls; a copy, behind which nothing may be read. */
static char *
read_calls(const char *script, size_t len)
{
	auto_free char *copy = mem_alloc(len);
	struct strbuf out;

	memcpy(copy, script, len);
	strbuf_init(&out, LIMIT_SCRIPT_CALLS);
	script_calls_read(copy, len, &out);
	assert_false(out.overflow);
	if (out.len > 0)
		assert_true(script_calls_are_valid(strbuf_string(&out)));
	return out.len == 0 ? mem_strdup("") : strbuf_steal(&out);
}

static void
expect(const struct text *cases, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const char *script = cases[i].script;
		auto_free char *found = read_calls(script, strlen(script));

		if (strcmp(found, cases[i].calls) != 0)
			fail_msg("%s\ncalls \"%s\", not \"%s\"", script, found,
			    cases[i].calls);
	}
}

static void
test_positions(void **state)
{
	static const struct text cases[] = {
	    {"", ""},
	    {"one", "one"},
	    {"#!/bin/sh\none two\nthree four\n", "one three"},
	    {"one a;two b&three c&&four d||five e|six f|&seven",
		"one two three "
		"four five six "
		"seven"},
	    {"one;;two\n one \r\n\ttwo\n", "one two"},
	    {"one \\\n two\nth\\\nree", "one three"},
	    {"one # two; three\n# four\nfive#six a", "one"},
	    {"if one; then two; elif three; then four; else five; fi six",
		"one two three four five"},
	    {"while one; do two; done; until three\ndo four\ndone <five; ! six",
		"one two three four six"},
	    {"{ one; }; (two) three; ( (four; five) | six )",
		"one two four five six"},
	    {"echo if one; echo { two", ""},
	    {"'if' one; \\{ two; \"if\" three", "if"},
	    {"for i in one two; do three; done; for j\ndo four; done",
		"three four"},
	    {"for i do one; done; for i in; do two; done", "one two"},
	    {"for ((i = one; i < 2; i++)); do two; done", "two"},
	    {"select i in one; do two; done; time three", "two three"},
	    {"one; one; two; one", "one two"},
	};

	(void)state;
	expect(cases, COUNT(cases));
}

static void
test_names(void **state)
{
	static const struct text cases[] = {
	    {"/usr/bin/one; bin/two; ./three; ~/four; ../five", "/usr/bin/one"},
	    {"g++; apt-get; mkfs.ext4; 7z; a_b; -x; 12; .; ..; a:b; a%b; a=b",
		"g++ apt-get mkfs.ext4 7z a_b"},
	    {"on*; tw?; [x; th{re,e}; caf\xe9; a@b", ""},
	    {"$one; two$x; ${three}; \"$four\"; fi`x`ve; \"six$x\"", "x"},
	    {"'one'; \"two\"; t\\hree; f'o'\"u\"r", "one two three four"},
	    {"'one two'; 'a;b'; \"c\nd\"; 'e", ""},
	    {"cd /; [ -x y ]; test a; echo b; . c; source d; : e; local f", ""},
	    {"exit 1; one", ""},
	    {"/bin/echo a; /usr/bin/[ b", "/bin/echo"},
	    {"A=b; A= B=c one; A+=d two; A[1]=e three; a-b=c", "one two three"},
	    {"A=$(one) B=\"`two`\" C=${D:-$(three)} four",
		"one two three four"},
	    {"\"A\"=b; 'A=b' c; 1A=b c", ""},
	};

	(void)state;
	expect(cases, COUNT(cases));
}

/* What stands in quotes, comments and the like is text. */
static void
test_texts(void **state)
{
	static const struct text cases[] = {
	    {"echo 'one; two' \"; three\" \\; four; five", "five"},
	    {"echo \"a $(one 'b)' \"c)\" | two) d\" && three", "one two three"},
	    {"echo \"it's\"; one; echo 'a\\'; two; echo \"a\\\"; no\"",
		"one two"},
	    {"echo $'it\\'s; no' $\"a; no\"; one; echo \"$'\"; two", "one two"},
	    {"echo `one \\`; two` three; \"`four \\\"$0\\\"`\"; five",
		"one two four five"},
	    {"echo ${a:-one; two} ${#a} ${a#*'}'} \"${a:-it's}\"; three",
		"three"},
	    {"echo ${a:-); one }; two", "two"},
	    {"echo $(\"$( ( ( ( (one $(two)))))) \"); three", "one two three"},
	    {"echo ${a:+\"b }\" $(one)} $# $$ $! $? \"$@\" $-; two", "one two"},
	    {"echo $((a < (one) << 2)); (( b = c )) && two; $(( $(three) ))",
		"two three"},
	    {"a=(one 'two)' # it's no )\n $(three) \"four\"); a+=(x) y; five",
		"three y five"},
	    {"declare -a b=(one two) c; three", "three"},
	    {"[[ -x one && ( two || $x =~ ^(a|b); ) ]] && three", "three"},
	    {"[[ a < b\n|| $(one) ]]; two", "one two"},
	};

	(void)state;
	expect(cases, COUNT(cases));
}

static void
test_heredocs(void **state)
{
	static const struct text cases[] = {
	    {"one <<END\ntwo\n END\nEND \nEND\nthree", "one three"},
	    {"one <<-'END' | two\nno\n\t\tEND\nthree", "one two three"},
	    {"one <<A <<\"B\"; two\nno\nB\nA\nno\nA\nB\nthree",
		"one two three"},
	    {"a=$(one <<\\END\nno\nEND\n)\ntwo", "one two"},
	    {"one <<<two; three <<< \"four\nfive\"\nsix", "one three six"},
	    {"one <<END\ntwo\n", "one"},
	    {"if one <<END; then\nno\nEND\ntwo; fi", "one two"},
	};

	(void)state;
	expect(cases, COUNT(cases));
}

static void
test_redirections(void **state)
{
	static const struct text cases[] = {
	    {">a one >b 2>&1; 2>/dev/null two", "one two"},
	    {"one>two;three 2>four>&2|five &>six;seven &>>x",
		"one three five seven"},
	    {"one <&3 4<>two; three >|four; >&2 five", "one three five"},
	    {"one <(two a) > >(three); four", "one two three four"},
	    {"one &>two three; four", "one four"},
	    {"exec 3>one; exec 4<&-; two", "two"},
	    {"> \"$a\" one; >$(two) three", "one two three"},
	};

	(void)state;
	expect(cases, COUNT(cases));
}

static void
test_cases(void **state)
{
	static const struct text cases[] = {
	    {"case $1 in a) one;; b|c) two ;; (d) three;& *) four\nesac; five",
		"one two three four five"},
	    {"case \"$(one)\"\nin\n# it's\nif) two\n;;\n\"x y\" | z*) "
	     ";;\nesac\n"
	     "three",
		"one two three"},
	    {"a=$(case b in c) one;; esac); two", "one two"},
	    {"case a in b) case c in d) one;; esac; two;; e) three; esac; four",
		"one two three four"},
	    {"case a in @(b|c)) (one) ;; [d-e]) two\nesac | three",
		"one two "
		"three"},
	    {"case a in esac; one; case b in c) ( two; esac; three", "one"},
	    {"case a in 'esac') one;; esac; two", "one two"},
	    {"echo case a in; one", "one"},
	};

	(void)state;
	expect(cases, COUNT(cases));
}

static void
test_functions(void **state)
{
	static const struct text cases[] = {
	    {"one() { two; }; one; three", "two three"},
	    {"one; one () (\n two\n)\nfunction three { one; four; }; three",
		"two four"},
	    {"function a:b() { one; }; a:b", "one"},
	    {"one ( ) { two; }\n", "two"},
	    {"f() if one; then two; fi", "one two"},
	};

	(void)state;
	expect(cases, COUNT(cases));
}

static void
test_wrappers(void **state)
{
	static const struct text cases[] = {
	    {"exec one a; two", "one"},
	    {"[ x ] && exec one\n[ y ] ||\nexec two\nexec three | four",
		"one two three four"},
	    {"if x; then exec one; fi; { exec two; }; three",
		"x one two three"},
	    {"exec -a name -c one\n\nno", "one"},
	    {"exec gosu user one \"$@\"", "gosu one"},
	    {"su-exec \"$user\" one; exec \"$@\"; no", "su-exec one"},
	    {"command one; command -v two; command -p three; command cd",
		"one three"},
	    {"env one; env -i A=b -u C two; env -- three; env A=\"$b\" four",
		"env one two three four"},
	    {"nice -n 5 one; nohup two; nice $x three", "nice one nohup two"},
	    {"one | xargs -0 -n 1 -I{} two; xargs -r kill; xargs",
		"one xargs two kill"},
	    {"timeout -k 5 10 one; exec tini -- two", "timeout one tini two"},
	    {"find . -name x \\! -user one -exec two {} \\; -exec three {} +; "
	     "four -exec five",
		"find two three four"},
	    {"/usr/bin/env one; /bin/find -execdir test -x {} +",
		"/usr/bin/env one /bin/find test"},
	    {"sh -c 'one; two'; eval three; trap four EXIT", "sh"},
	    {"one\nexit\nit's no script;\n", "one"},
	    {"'''exec' one \"$0\"\n' '''\nimport no\n", "one"},
	};

	(void)state;
	expect(cases, COUNT(cases));
}

/* What was misread must not cry wolf. */
static void
test_damage(void **state)
{
	static const struct text cases[] = {
	    {"one; echo 'two", ""},
	    {"one; (two; three", "one"},
	    {"one; echo \"two $(three)", "one"},
	    {"one; two )\nthree", ""},
	    {"one; (two; ${x; three)", "one"},
	    {"one; case x in a) two;; ) three", "one"},
	    {"one <<1 <<2 <<3 <<4 <<5 <<6 <<7 <<8 <<9", ""},
	};
	char binary[] = "one\n\0two";
	auto_free char *nothing = read_calls("", 0);
	auto_free char *found = read_calls(binary, sizeof(binary) - 1);

	(void)state;
	expect(cases, COUNT(cases));
	assert_string_equal(nothing, "");
	assert_string_equal(found, "one");
}

/* Appends the text `count` times. */
static void
repeat(struct strbuf *out, const char *text, size_t count)
{
	while (count-- > 0)
		strbuf_add_string(out, text);
}

static char *
read_repeated(const char *first, const char *text, size_t count)
{
	auto_strbuf struct strbuf script;

	strbuf_init(&script, 1 << 20);
	strbuf_add_string(&script, first);
	repeat(&script, text, count);
	return read_calls(script.data, script.len);
}

static void
test_limits(void **state)
{
	char name[LIMIT_SCRIPT_CALL + 2], *found;
	auto_strbuf struct strbuf script;
	size_t i;

	(void)state;
	/* Too deep. */
	found = read_repeated("one; ", "$(", 100);
	assert_string_equal(found, "one");
	free(found);
	/* The rest is not read, and what it would close does not count. */
	found = read_repeated("one; (two; ", "a=b\n", LIMIT_SCRIPT_SIZE);
	assert_string_equal(found, "one two");
	free(found);
	found = read_repeated("one; : '", "a=b\n", LIMIT_SCRIPT_SIZE);
	assert_string_equal(found, "one");
	free(found);

	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	found = read_calls(name, LIMIT_SCRIPT_CALL);
	assert_int_equal(strlen(found), LIMIT_SCRIPT_CALL);
	free(found);
	found = read_calls(name, LIMIT_SCRIPT_CALL + 1);
	assert_string_equal(found, "");
	free(found);

	strbuf_init(&script, 1 << 20);
	for (i = 0; i < 2000; i++)
		strbuf_add_format(&script, "name%zu\n", i);
	found = read_calls(script.data, script.len);
	assert_true(strlen(found) <= LIMIT_SCRIPT_CALLS);
	assert_true(strlen(found) > LIMIT_SCRIPT_CALLS - 10);
	free(found);
}

static void
test_shells(void **state)
{
	static const char *const yes[] = {"/bin/sh", "/bin/sh -e",
	    " /usr/bin/env bash", "/usr/bin/env -S bash -e", "/bin/busybox sh",
	    "/opt/busybox/busybox ash -e", "/bin/dash", "/usr/bin/mksh"};
	static const char *const no[] = {"", "/usr/bin/perl", "/bin/shx",
	    "/usr/bin/fish", "/bin/csh", "/usr/bin/env", "/usr/bin/env python",
	    "/bin/busybox", "/bin/busybox awk", "/usr/bin/wish", "/bin/s"};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(yes); i++)
		if (!script_is_shell(yes[i]))
			fail_msg("%s is a shell", yes[i]);
	for (i = 0; i < COUNT(no); i++)
		if (script_is_shell(no[i]))
			fail_msg("%s is no shell", no[i]);
}

static void
test_valid(void **state)
{
	static const char *const yes[] = {"a", "/usr/bin/a b-c d+.e", "7z"};
	static const char *const no[] = {"", " ", "a ", " a", "a  b", "a/b",
	    "a\nb", "a;b", "-a", "1", "a b:"};
	char name[LIMIT_SCRIPT_CALLS + 2];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(yes); i++)
		assert_true(script_calls_are_valid(yes[i]));
	for (i = 0; i < COUNT(no); i++)
		if (script_calls_are_valid(no[i]))
			fail_msg("\"%s\" is valid", no[i]);
	for (i = 0; i < sizeof(name); i++)
		name[i] = i % 2 == 0 ? 'a' : ' ';
	name[sizeof(name) - 1] = '\0';
	assert_false(script_calls_are_valid(name));
	name[LIMIT_SCRIPT_CALLS - 1] = '\0';
	assert_true(script_calls_are_valid(name));
	memset(name, 'a', LIMIT_SCRIPT_CALL + 1);
	name[LIMIT_SCRIPT_CALL + 1] = '\0';
	assert_false(script_calls_are_valid(name));
	name[LIMIT_SCRIPT_CALL] = '\0';
	assert_true(script_calls_are_valid(name));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_positions),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_texts),
	    cmocka_unit_test(test_heredocs),
	    cmocka_unit_test(test_redirections),
	    cmocka_unit_test(test_cases),
	    cmocka_unit_test(test_functions),
	    cmocka_unit_test(test_wrappers),
	    cmocka_unit_test(test_damage),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_shells),
	    cmocka_unit_test(test_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
