/* list_page: which part of a list one reply holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../daemon/list_page.h"
#include "winnow/channel.h"
#include "winnow/json.h"
#include "winnow/mem.h"

static bool
serves(void *arg, const char *tag)
{
	(void)arg;
	return strcmp(tag, "hidden") != 0;
}

/* The items of a page, joined; the caller frees. */
static char *
join(const json_t *page)
{
	char *text = mem_strdup("");
	size_t i;

	for (i = 0; i < json_array_size(page); i++) {
		const json_t *v = json_array_get(page, i);
		char *longer;

		if (json_is_object(v))
			v = json_object_get(v, "digest");
		longer = mem_printf("%s%s ", text, json_string_value(v));
		free(text);
		text = longer;
	}
	return text;
}

static void
test_tags(void **state)
{
	static const struct {
		struct list_page page;
		const char *wanted;
		bool more;
	} cases[] = {
	    {{.last = ""}, "1 10 2 A _x a a.b ", false},
	    {{.last = "", .has_n = true, .n = 2}, "1 10 ", true},
	    {{.last = "10", .has_n = true, .n = 2}, "2 A ", true},
	    {{.last = "a", .has_n = true, .n = 2}, "a.b ", false},
	    {{.last = "a.b", .has_n = true, .n = 2}, "", false},
	    {{.last = "B"}, "_x a a.b ", false},
	    {{.last = "", .has_n = true, .n = 0}, "", false},
	    {{.last = "", .has_n = true, .n = 7}, "1 10 2 A _x a a.b ", false},
	    {{.last = "", .has_n = true, .n = 6}, "1 10 2 A _x a ", true},
	};
	auto_json json_t *tags =
	    json_pack("[s,s,s,s,s,s,s,i,s,s,s,s,s]", "2", "a", "hidden", "1",
		"10", "A", "a.b", 5, "1", "not/a tag", "_x", "2", "");
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool more;
		auto_json json_t *page =
		    list_page_tags(tags, &cases[i].page, serves, NULL, &more);
		auto_free char *text = join(page);

		assert_string_equal(text, cases[i].wanted);
		assert_int_equal(more, cases[i].more);
	}
}

/* However many tags there are, pages fit in messages and lose none. */
static void
test_many_tags(void **state)
{
	auto_json json_t *tags = json_array();
	char last[130] = "";
	struct list_page p = {.last = last};
	size_t count = 0, pages = 0, i;
	bool more = true;

	(void)state;
	for (i = 0; i < 5000; i++) {
		auto_free char *tag = mem_printf("%0128zu", i);

		json_push(tags, json_string(tag));
	}
	while (more) {
		auto_json json_t *page =
		    list_page_tags(tags, &p, serves, NULL, &more);
		size_t n = json_array_size(page);

		assert_true(n > 0);
		assert_true(json_dumpb(page, NULL, 0, JSON_COMPACT) <=
		    CHANNEL_MESSAGE_MAX - 512);
		snprintf(last, sizeof(last), "%s",
		    json_string_value(json_array_get(page, n - 1)));
		count += n;
		pages++;
	}
	assert_int_equal(count, 5000);
	assert_true(pages > 1);
}

static void
test_referrers(void **state)
{
	static const struct {
		struct list_page page;
		const char *wanted;
		bool more;
	} cases[] = {
	    {{.last = "", .artifact_type = ""}, "a b c d ", false},
	    {{.last = "", .artifact_type = "t"}, "a c ", false},
	    {{.last = "", .artifact_type = "t", .has_n = true, .n = 1}, "a ",
		true},
	    {{.last = "a", .artifact_type = "t", .has_n = true, .n = 1}, "c ",
		false},
	    {{.last = "b", .artifact_type = ""}, "c d ", false},
	    {{.last = "unknown", .artifact_type = ""}, "", false},
	    {{.last = "", .artifact_type = "none"}, "", false},
	};
	auto_json json_t *list =
	    json_pack("[{s:s,s:s},{s:s,s:s},{s:s,s:s},{s:s}]", "digest", "a",
		"artifactType", "t", "digest", "b", "artifactType", "u",
		"digest", "c", "artifactType", "t", "digest", "d");
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool more;
		auto_json json_t *page =
		    list_page_referrers(list, &cases[i].page, &more);
		auto_free char *text = join(page);

		assert_string_equal(text, cases[i].wanted);
		assert_int_equal(more, cases[i].more);
	}
}

/* What no message has room for is left out; the rest is not lost with it. */
static void
test_huge_referrer(void **state)
{
	auto_free char *text = mem_zalloc(CHANNEL_MESSAGE_MAX, 1);
	auto_json json_t *list = NULL, *page = NULL;
	struct list_page p = {.last = "", .artifact_type = ""};
	auto_free char *kept = NULL;
	bool more;

	(void)state;
	memset(text, 'x', CHANNEL_MESSAGE_MAX - 1);
	list = json_pack("[{s:s},{s:s,s:s},{s:s}]", "digest", "a", "digest",
	    "b", "note", text, "digest", "c");
	page = list_page_referrers(list, &p, &more);
	kept = join(page);
	assert_string_equal(kept, "a c ");
	assert_false(more);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_tags),
	    cmocka_unit_test(test_many_tags),
	    cmocka_unit_test(test_referrers),
	    cmocka_unit_test(test_huge_referrer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
