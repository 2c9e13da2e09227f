/* mem: copies, arrays that grow, and the end of a process without memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "winnow/auto.h"
#include "winnow/mem.h"

/* The address sanitizer's: what there is no memory for is NULL there, too. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void
test_copies(void **state)
{
	const char text[] = "linux/amd64";
	auto_free char *all = mem_strdup(text);
	auto_free char *start = mem_strndup(text, 5);
	auto_free char *nothing = mem_strndup(text, 0);

	(void)state;
	assert_string_equal(all, text);
	assert_ptr_not_equal(all, text);
	assert_string_equal(start, "linux");
	assert_string_equal(nothing, "");
}

static void
test_copy_of_what_may_be_missing(void **state)
{
	const char text[] = "v7";
	auto_free char *copy = mem_strdup_optional(text);
	auto_free char *empty = mem_strdup_optional("");

	(void)state;
	assert_null(mem_strdup_optional(NULL));
	assert_string_equal(copy, text);
	assert_ptr_not_equal(copy, text);
	assert_string_equal(empty, "");
}

static void
test_array_grows(void **state)
{
	auto_free size_t *items = NULL;
	size_t capacity = 0, i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		items = mem_grow(items, i, &capacity, sizeof(*items));
		assert_true(capacity > i);
		items[i] = i;
	}
	for (i = 0; i < 1000; i++)
		assert_int_equal(items[i], i);
}

/* How a process ends that asks for `count` objects of eight bytes. */
static int
status_after_zalloc(size_t count)
{
	pid_t pid = fork();
	int status;

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		free(mem_zalloc(count, 8));
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
test_no_memory_ends_the_process(void **state)
{
	(void)state;
	assert_int_equal(status_after_zalloc(1), 0);
	/* The product does not fit a size_t. */
	assert_int_equal(
	    status_after_zalloc(SIZE_MAX / 8 + 2), MEM_EXIT_STATUS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_copies),
	    cmocka_unit_test(test_copy_of_what_may_be_missing),
	    cmocka_unit_test(test_array_grows),
	    cmocka_unit_test(test_no_memory_ends_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
