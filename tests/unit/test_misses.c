/* misses: remembered for a time, bounded, replaced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <time.h>

#include "../../daemon/misses.h"
#include "winnow/clock.h"

#define HOUR_MS (60 * 60 * 1000)

static void
add(struct misses *m, const char *key, uint64_t ttl_ms)
{
	struct err e;

	err_set(&e, ERR_NOT_FOUND, "no %s", key);
	misses_add(m, key, ttl_ms, &e);
}

static void
test_find(void **state)
{
	struct misses *m = misses_new();
	struct err e = {.code = ERR_NONE};

	(void)state;
	add(m, "a:1", HOUR_MS);
	assert_false(misses_find(m, "a:2", &e));
	assert_int_equal(e.code, ERR_NONE);
	assert_true(misses_find(m, "a:1", &e));
	assert_int_equal(e.code, ERR_NOT_FOUND);
	assert_string_equal(e.message, "no a:1");
	/* A life of nothing takes back what was remembered. */
	add(m, "a:1", 0);
	assert_false(misses_find(m, "a:1", &e));
	add(m, "a:1", HOUR_MS);
	misses_forget_all(m);
	assert_false(misses_find(m, "a:1", &e));
	misses_free(m);
}

static void
test_time(void **state)
{
	const struct timespec tick = {.tv_nsec = 1000000};
	struct misses *m = misses_new();
	uint64_t before = clock_now_ms(), after, asked;
	struct err e;

	(void)state;
	add(m, "a:1", 20);
	after = clock_now_ms();
	/* Whenever the processor is ours: there until its time is over. */
	while (asked = clock_now_ms(), misses_find(m, "a:1", &e)) {
		assert_true(asked < after + 20);
		nanosleep(&tick, NULL);
	}
	assert_true(clock_now_ms() >= before + 20);
	misses_free(m);
}

/* The oldest goes; what is added again is new. */
static void
test_bound(void **state)
{
	struct misses *m = misses_new();
	char key[32];
	struct err e;
	int i;

	(void)state;
	add(m, "first", HOUR_MS);
	add(m, "second", HOUR_MS);
	for (i = 0; i < 1022; i++) {
		snprintf(key, sizeof(key), "more:%d", i);
		add(m, key, HOUR_MS);
	}
	assert_true(misses_find(m, "first", &e));
	add(m, "first", HOUR_MS);
	add(m, "last", HOUR_MS);
	assert_true(misses_find(m, "first", &e));
	assert_false(misses_find(m, "second", &e));
	assert_true(misses_find(m, "last", &e));
	misses_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_find),
	    cmocka_unit_test(test_time),
	    cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
