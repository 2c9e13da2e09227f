/* answers: time to live, replacement, bounds and order of eviction. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../daemon/answers.h"
#include "winnow/mem.h"

static void
put(struct answers *t, const char *key, uint64_t size, uint64_t until)
{
	auto_answer struct answer *a = answer_new();

	a->size = size;
	a->data = mem_zalloc(1, size);
	answers_put(t, key, a, until);
}

static void
test_time(void **state)
{
	struct answers *t = answers_new(10, 1 << 20);

	(void)state;
	put(t, "a", 1, 100);
	assert_non_null(answers_find(t, "a", 99));
	assert_null(answers_find(t, "b", 99));
	assert_null(answers_find(t, "a", 100));
	/* Forgotten for good, not hidden. */
	assert_null(answers_find(t, "a", 0));
	answers_free(t);
}

static void
test_replace_and_drop(void **state)
{
	struct answers *t = answers_new(10, 1 << 20);
	struct answer *held;

	(void)state;
	put(t, "a", 1, 100);
	held = answer_ref(answers_find(t, "a", 0));
	put(t, "a", 2, 200);
	assert_int_equal(answers_find(t, "a", 150)->size, 2);
	/* A reply under way keeps what it sends. */
	assert_int_equal(held->size, 1);
	assert_int_equal(held->data[0], 0);
	answer_unref(held);
	answers_drop(t, "a");
	answers_drop(t, "a");
	assert_null(answers_find(t, "a", 0));
	put(t, "b", 1, 100);
	answers_clear(t);
	assert_null(answers_find(t, "b", 0));
	answers_free(t);
}

static void
test_count(void **state)
{
	struct answers *t = answers_new(3, 1 << 20);

	(void)state;
	put(t, "a", 1, 100);
	put(t, "b", 1, 100);
	put(t, "c", 1, 100);
	assert_non_null(answers_find(t, "a", 0));
	put(t, "d", 1, 100);
	assert_null(answers_find(t, "b", 0));
	assert_non_null(answers_find(t, "a", 0));
	assert_non_null(answers_find(t, "c", 0));
	assert_non_null(answers_find(t, "d", 0));
	answers_free(t);
}

static void
test_bytes(void **state)
{
	struct answers *t = answers_new(1000, 100000);
	char key[16];
	int i;

	(void)state;
	for (i = 0; i < 50; i++) {
		snprintf(key, sizeof(key), "%d", i);
		put(t, key, 10000, 100);
	}
	assert_null(answers_find(t, "40", 0));
	assert_non_null(answers_find(t, "42", 0));
	assert_non_null(answers_find(t, "49", 0));
	/* What exceeds the whole table is not kept, and breaks nothing. */
	put(t, "big", 200000, 100);
	assert_null(answers_find(t, "big", 0));
	put(t, "small", 10, 100);
	assert_non_null(answers_find(t, "small", 0));
	answers_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_time),
	    cmocka_unit_test(test_replace_and_drop),
	    cmocka_unit_test(test_count),
	    cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
