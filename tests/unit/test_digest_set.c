/* digest_set: members once each, in the order in which they last came. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../daemon/digest_set.h"

struct visits {
	struct digest seen[8];
	size_t count;
};

static void
visit(void *arg, const struct digest *d)
{
	struct visits *v = arg;

	assert_true(v->count < 8);
	v->seen[v->count++] = *d;
}

static void
test_order(void **state)
{
	struct digest_set *s = digest_set_new();
	struct visits v = {.count = 0};
	struct digest a, b, c;

	(void)state;
	digest_of("a", 1, &a);
	digest_of("b", 1, &b);
	digest_of("c", 1, &c);
	assert_true(digest_set_add(s, &a));
	assert_true(digest_set_add(s, &b));
	assert_true(digest_set_add(s, &c));
	assert_false(digest_set_add(s, &a));
	assert_int_equal(digest_set_count(s), 3);
	digest_set_drain(s, visit, &v);
	assert_int_equal(v.count, 3);
	assert_true(digest_equal(&v.seen[0], &b));
	assert_true(digest_equal(&v.seen[1], &c));
	assert_true(digest_equal(&v.seen[2], &a));
	/* Empty, and good for more. */
	assert_int_equal(digest_set_count(s), 0);
	assert_true(digest_set_add(s, &a));
	digest_set_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
