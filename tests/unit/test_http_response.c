/* http_response: what a response says in its headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <stdlib.h>
#include <time.h>

#include "../../daemon/http_response.h"
#include "winnow/auto.h"
#include "winnow/mem.h"

static uint64_t
retry_after(long status, const char *value)
{
	struct http_response_reader r = {.bytes = 0};
	auto_free char *line = mem_printf("Retry-After: %s\r\n", value);
	uint64_t seconds;
	struct err e;

	assert_int_equal(http_response_add_line(&r, line, strlen(line), &e), 0);
	r.response.status = status;
	seconds = http_response_retry_after(&r.response, 300);
	http_response_clear(&r);
	return seconds;
}

static void
test_retry_after(void **state)
{
	static const char form[] = "%a, %d %b %Y %H:%M:%S GMT";
	time_t then = time(NULL) + 100;
	char date[64], now[64];
	uint64_t seconds;

	(void)state;
	strftime(date, sizeof(date), form, gmtime(&then));
	then -= 200;
	strftime(now, sizeof(now), form, gmtime(&then));
	assert_int_equal(retry_after(429, "7"), 7);
	assert_int_equal(retry_after(503, "7"), 7);
	assert_int_equal(retry_after(500, "7"), 0);
	assert_int_equal(retry_after(200, "7"), 0);
	assert_int_equal(retry_after(429, "86400"), 300);
	assert_int_equal(retry_after(429, "0"), 0);
	seconds = retry_after(429, date);
	assert_true(seconds >= 95 && seconds <= 100);
	assert_int_equal(retry_after(429, now), 0);
	assert_int_equal(
	    retry_after(429, "Fri, 31 Dec 2999 23:59:59 GMT"), 300);
	assert_int_equal(retry_after(429, "soon"), 0);
	assert_int_equal(retry_after(429, "-5"), 0);
	assert_int_equal(retry_after(429, ""), 0);
	assert_int_equal(
	    retry_after(429, "Fri, 31 Dec 2999 23:59:59 GMT, or later"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_retry_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
