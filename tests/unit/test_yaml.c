/* yaml: trees with marks, and every mistake where it stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/yaml.h"

static const struct yaml_key keys[] = {
    {"name", YAML_STRING, false, "title label"},
    {"flag", YAML_STRING, false, NULL},
    {"size", YAML_STRING, false, NULL},
    {"time", YAML_STRING, false, NULL},
    {"count", YAML_STRING, false, NULL},
    {"words", YAML_LIST, false, NULL},
    {"inner", YAML_MAP | YAML_NULL, false, NULL},
};
#define KEYS (sizeof(keys) / sizeof(keys[0]))

static struct yaml_doc *
load(const char *text, struct yaml_mistakes *m)
{
	struct yaml_doc *doc = NULL;

	(void)yaml_load_text(text, strlen(text), "f", &doc, m);
	return doc;
}

/* Fails unless the mistakes are exactly these lines. */
static void
expect(struct yaml_mistakes *m, const char *text, const char *lines)
{
	auto_strbuf struct strbuf b;
	struct err e;

	strbuf_init(&b, SIZE_MAX);
	(void)yaml_mistakes_finish(m, "f", &e);
	yaml_mistakes_format(m, &b);
	if (strcmp(strbuf_string(&b), lines) != 0)
		fail_msg("%s\ngives\n%s", text, strbuf_string(&b));
	yaml_mistakes_clear(m);
}

static void
test_tree(void **state)
{
	struct yaml_mistakes m = {0};
	auto_yaml_doc struct yaml_doc *doc = load(
	    "# c\nname: 1.10\nwords: [a, \"b c\", 'd']\ninner:\n  x: ~\n", &m);
	const struct yaml_node *root = yaml_root(doc), *words, *inner;

	(void)state;
	assert_int_equal(m.count, 0);
	assert_int_equal(root->type, YAML_MAP);
	assert_int_equal(root->line, 2);
	assert_string_equal(yaml_get_string(root, "name"), "1.10");
	words = yaml_get(root, "words", YAML_LIST);
	assert_string_equal(words->first->next->text, "b c");
	assert_int_equal(words->first->next->line, 3);
	assert_int_equal(words->first->next->column, 12);
	assert_null(words->first->next->next->next);
	inner = yaml_get(root, "inner", YAML_MAP);
	assert_string_equal(inner->first->key->text, "x");
	assert_int_equal(inner->first->type, YAML_NULL);
	assert_null(yaml_get(root, "inner", YAML_LIST));
	assert_null(yaml_get(words, "x", YAML_LIST));
}

static void
test_empty(void **state)
{
	static const char *const texts[] = {"", "# only\n", "---\n", "~\n"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct yaml_mistakes m = {0};
		auto_yaml_doc struct yaml_doc *doc = load(texts[i], &m);

		assert_int_equal(m.count, 0);
		assert_int_equal(yaml_root(doc)->type, YAML_NULL);
		assert_false(yaml_check_map(doc, yaml_root(doc), keys, KEYS));
		yaml_mistakes_clear(&m);
	}
}

static void
test_syntax(void **state)
{
	static const struct {
		const char *text, *lines;
	} cases[] = {
	    {"a: &x 1\n",
		"f:1:4: anchors (&) are not supported: write it out\n"},
	    {"a: &x [1]\n",
		"f:1:4: anchors (&) are not supported: write it out\n"},
	    {"a: *x\n",
		"f:1:4: aliases (*) are not supported: write it out, and "
		"quote a pattern that starts with *\n"},
	    {"a: !!int 1\n", "f:1:4: tags (!) are not supported\n"},
	    {"a: !x {}\n", "f:1:4: tags (!) are not supported\n"},
	    {"a: 1\n---\nb: 2\n",
		"f:2:1: a second document: one file holds one\n"},
	    {"? [a]\n: b\n", "f:1:3: a key must be a word\n"},
	    {"a: \"x\\0y\"\n", "f:1:4: a NUL byte in a string\n"},
	    {"a:\n\tb: 1\n", "f:2:1: a tab in the indentation: use spaces\n"},
	    {"a: [1, 2\n",
		"f:2:1: did not find expected ',' or ']', while parsing a "
		"flow sequence that starts in line 1\n"},
	    {"a: 1\n b: 2\n",
		"f:2:3: mapping values are not allowed in this context\n"},
	    {"a: \xff\n", "f:1:4: invalid leading UTF-8 octet\n"},
	    {"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]",
		"f:1:17: nested too deeply\n"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct yaml_mistakes m = {0};

		assert_null(load(cases[i].text, &m));
		expect(&m, cases[i].text, cases[i].lines);
	}
}

static void
test_raw_nul(void **state)
{
	struct yaml_mistakes m = {0};
	struct yaml_doc *doc = NULL;

	(void)state;
	assert_int_equal(
	    yaml_load_text("a: b\nc: \0\n", 10, "f", &doc, &m), -1);
	assert_null(doc);
	expect(&m, "NUL", "f:2:4: control characters are not allowed\n");
}

static void
test_check(void **state)
{
	static const struct {
		const char *text, *lines;
	} cases[] = {
	    {"inner: ~\n", ""},
	    {"inner:\n", ""},
	    {"[a]\n", "f:1:1: this must be a map\n"},
	    {"nam: x\n",
		"f:1:1: unknown key \"nam\": did you mean \"name\"?\n"},
	    {"nmae: x\n",
		"f:1:1: unknown key \"nmae\": did you mean \"name\"?\n"},
	    {"names: x\n",
		"f:1:1: unknown key \"names\": did you mean \"name\"?\n"},
	    {"fame: x\n",
		"f:1:1: unknown key \"fame\": did you mean \"name\"?\n"},
	    {"label: x\n",
		"f:1:1: unknown key \"label\": did you mean \"name\"?\n"},
	    {"labe: x\n", "f:1:1: unknown key \"labe\"\n"},
	    {"other: x\n", "f:1:1: unknown key \"other\"\n"},
	    {"<<: {}\n", "f:1:1: unknown key \"<<\"\n"},
	    {"name: [x]\n", "f:1:7: \"name\" must be a string\n"},
	    {"name:\n", "f:1:1: \"name\" must be a string\n"},
	    {"inner: x\n", "f:1:8: \"inner\" must be a map or null\n"},
	    {"name: a\nflag: b\nname: c\nname: d\n",
		"f:3:1: duplicate key \"name\": it is in line 1 already\n"
		"f:4:1: duplicate key \"name\": it is in line 3 already\n"},
	    {"words: x\nfoo: 1\nname: {}\n",
		"f:1:8: \"words\" must be a list\n"
		"f:2:1: unknown key \"foo\"\n"
		"f:3:7: \"name\" must be a string\n"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct yaml_mistakes m = {0};
		auto_yaml_doc struct yaml_doc *doc = load(cases[i].text, &m);
		bool ok = yaml_check_map(doc, yaml_root(doc), keys, KEYS);

		assert_int_equal(ok, *cases[i].lines == '\0');
		expect(&m, cases[i].text, cases[i].lines);
	}
}

static void
test_required(void **state)
{
	static const struct yaml_key one[] = {
	    {"name", YAML_STRING, true, NULL}};
	struct yaml_mistakes m = {0};
	auto_yaml_doc struct yaml_doc *doc = load("{}\n", &m);

	(void)state;
	assert_false(yaml_check_map(doc, yaml_root(doc), one, 1));
	expect(&m, "{}", "f:1:1: \"name\" is missing\n");
}

static void
test_values(void **state)
{
	static const char text[] =
	    "flag: true\nsize: 2K\ntime: 3s\ncount: 7\nwords: [a, b]\n";
	const uint64_t limits[2] = {1, 10};
	uint64_t size = 0, time = 0, count = 0;
	struct yaml_mistakes m = {0};
	auto_yaml_doc struct yaml_doc *doc = load(text, &m);
	const struct yaml_node *root = yaml_root(doc);
	char **words = NULL;
	size_t word_count = 0;
	bool flag = false;

	(void)state;
	yaml_get_bool(doc, root, "flag", &flag);
	yaml_get_size(doc, root, "size", &size);
	yaml_get_duration(doc, root, "time", &time);
	yaml_get_uint(doc, root, "count", limits, &count);
	yaml_get_strings(doc, root, "words", &words, &word_count);
	yaml_get_bool(doc, root, "missing", &flag);
	assert_int_equal(m.count, 0);
	assert_true(flag);
	assert_int_equal(size, 2048);
	assert_int_equal(time, 3000);
	assert_int_equal(count, 7);
	assert_int_equal(word_count, 2);
	assert_string_equal(words[1], "b");
	free(words[0]);
	free(words[1]);
	free(words);
}

static void
test_bad_values(void **state)
{
	static const char text[] =
	    "flag: yes\nsize: 2X\ntime: soon\ncount: 11\nwords: [[a]]\n";
	const uint64_t limits[2] = {1, 10};
	uint64_t number = 42;
	struct yaml_mistakes m = {0};
	auto_yaml_doc struct yaml_doc *doc = load(text, &m);
	const struct yaml_node *root = yaml_root(doc);
	char **words = NULL;
	size_t word_count = 0;
	bool flag = true;

	(void)state;
	yaml_get_bool(doc, root, "flag", &flag);
	yaml_get_size(doc, root, "size", &number);
	yaml_get_duration(doc, root, "time", &number);
	yaml_get_uint(doc, root, "count", limits, &number);
	yaml_get_strings(doc, root, "words", &words, &word_count);
	assert_true(flag);
	assert_int_equal(number, 42);
	assert_null(words);
	assert_int_equal(m.count, 5);
	assert_int_equal(m.items[3].line, 4);
	assert_int_equal(m.items[4].column, 9);
	yaml_mistakes_clear(&m);
}

static void
test_inside(void **state)
{
	static const struct {
		const char *text;
		unsigned column;
	} cases[] = {
	    {"name: abcd\n", 9},
	    {"name: \"abcd\"\n", 10},
	    {"name: 'abcd'\n", 10},
	    {"name: \"\\x61bcd\"\n", 7},
	    {"name: |\n  abcd\n", 7},
	    {"name: \xc3\xa9"
	     "cd\n",
		8},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct yaml_mistakes m = {0};
		auto_yaml_doc struct yaml_doc *doc = load(cases[i].text, &m);

		yaml_complain_inside(
		    doc, yaml_get(yaml_root(doc), "name", YAML_STRING), 2, "x");
		assert_int_equal(m.items[0].line, 1);
		assert_int_equal(m.items[0].column, cases[i].column);
		yaml_mistakes_clear(&m);
	}
}

static void
test_file(void **state)
{
	char path[] = "/tmp/winnow-test-yaml-XXXXXX";
	int fd = mkstemp(path);
	auto_free char *text = mem_zalloc(1, LIMIT_YAML_SIZE + 1);
	struct yaml_mistakes m = {0};
	struct yaml_doc *doc = NULL;
	struct err e;

	(void)state;
	memset(text, '#', LIMIT_YAML_SIZE + 1);
	assert_true(write(fd, text, LIMIT_YAML_SIZE + 1) > 0);
	assert_int_equal(yaml_load_file(path, "f", &doc, &m, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(m.count, 1);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, "a: [\n", 5, 0), 5);
	assert_int_equal(yaml_load_file(path, "f", &doc, &m, &e), -1);
	assert_int_equal(e.code, ERR_INVALID);
	assert_int_equal(m.count, 2);
	assert_int_equal(pwrite(fd, "a: 1\n", 5, 0), 5);
	assert_int_equal(yaml_load_file(path, "f", &doc, &m, &e), 0);
	assert_string_equal(m.items[1].file, "f");
	yaml_doc_free(doc);
	unlink(path);
	close(fd);
	assert_int_equal(yaml_load_file(path, "f", &doc, &m, &e), -1);
	assert_int_equal(m.items[2].line, 0);
	yaml_mistakes_clear(&m);
}

static void
test_finish(void **state)
{
	struct yaml_mistakes m = {0};
	struct err e;
	size_t i;

	(void)state;
	assert_int_equal(yaml_mistakes_finish(&m, "x", &e), 0);
	yaml_mistakes_add(&m, "b", (unsigned[2]){1, 1}, "late");
	yaml_mistakes_add(&m, "a", (unsigned[2]){2, 3}, "early");
	assert_int_equal(yaml_mistakes_finish(&m, "x", &e), -1);
	assert_string_equal(e.message, "x: 2 mistakes: a:2:3: early; ...");
	for (i = 0; i < 5000; i++)
		yaml_mistakes_add(&m, "c", (unsigned[2]){0, 0}, "%zu", i);
	assert_int_equal(m.count, 1000);
	yaml_mistakes_clear(&m);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_tree),
	    cmocka_unit_test(test_empty),
	    cmocka_unit_test(test_syntax),
	    cmocka_unit_test(test_raw_nul),
	    cmocka_unit_test(test_check),
	    cmocka_unit_test(test_required),
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_bad_values),
	    cmocka_unit_test(test_inside),
	    cmocka_unit_test(test_file),
	    cmocka_unit_test(test_finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
