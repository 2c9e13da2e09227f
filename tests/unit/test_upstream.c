/* upstream: what it has said about itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../daemon/upstream.h"

/* A client is never told to come back before the time that was said to it. */
static void
test_retry_is_the_latest(void **state)
{
	struct upstream u = {.host = NULL};
	uint64_t left;

	(void)state;
	assert_int_equal(upstream_retry_after(&u), 0);
	upstream_note_retry(&u, 100);
	upstream_note_retry(&u, 1);
	left = upstream_retry_after(&u);
	assert_true(left >= 95 && left <= 100);
	upstream_note_retry(&u, 200);
	left = upstream_retry_after(&u);
	assert_true(left >= 195 && left <= 200);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_retry_is_the_latest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
