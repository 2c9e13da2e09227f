/* log: lines on standard error, at once or collected. */
#include "winnow/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int saved_stderr = -1, file = -1;

static int
redirect(void **state)
{
	char name[] = "/tmp/test_log.XXXXXX";

	(void)state;
	file = mkstemp(name);
	assert_int_not_equal(file, -1);
	unlink(name);
	fcntl(file, F_SETFL, O_APPEND);
	saved_stderr = dup(STDERR_FILENO);
	dup2(file, STDERR_FILENO);
	log_init("test", LOG_LEVEL_INFO);
	return 0;
}

static int
restore(void **state)
{
	(void)state;
	log_flush();
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(file);
	return 0;
}

/* What has been written; lines end in '\n'. */
static const char *
written(void)
{
	static char text[1 << 16];
	ssize_t n = pread(file, text, sizeof(text) - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void
test_line(void **state)
{
	const char *text;

	(void)state;
	log_event(LOG_LEVEL_DEBUG, "not.said", NULL);
	log_event(LOG_LEVEL_INFO, "a.b", "plain", "x/y", "none", NULL, "odd",
	    "a \"b\"\n\x7f", NULL);
	text = written();
	assert_int_equal(strspn(text, "0123456789-:.TZ"), 24);
	assert_string_equal(text + 24,
	    " test info a.b plain=x/y none=- odd=\"a \\\"b\\\"\\x0a\\x7f\"\n");
}

/* Collected lines keep their order, also around an error. */
static void
test_collect(void **state)
{
	const char *text;

	(void)state;
	log_collect();
	log_event(LOG_LEVEL_INFO, "first", NULL);
	log_event(LOG_LEVEL_INFO, "second", NULL);
	assert_string_equal(written(), "");
	log_flush();
	text = written();
	assert_non_null(strstr(text, "info first\n"));
	assert_non_null(strstr(text, "info second\n"));
	log_event(LOG_LEVEL_INFO, "third", NULL);
	log_event(LOG_LEVEL_ERROR, "fourth", NULL);
	text = strstr(written(), "info third\n");
	assert_non_null(text);
	assert_non_null(strstr(text, "error fourth\n"));
}

/* More than fits is written before, line by line whole. */
static void
test_collect_many(void **state)
{
	char number[16];
	const char *text;
	int i;

	(void)state;
	log_collect();
	for (i = 0; i < 500; i++) {
		snprintf(number, sizeof(number), "%d", i);
		log_event(LOG_LEVEL_INFO, "line", "n", number, NULL);
	}
	log_flush();
	text = written();
	for (i = 0; i < 500; i++) {
		char wanted[48];

		snprintf(wanted, sizeof(wanted), " test info line n=%d\n", i);
		assert_memory_equal(text + 24, wanted, strlen(wanted));
		text += 24 + strlen(wanted);
	}
	assert_string_equal(text, "");
}

/* Any bytes make a JSON line; what has no room is cut inside its string. */
static void
test_json(void **state)
{
	static char agent[3000];
	const struct log_field fields[] = {{"id", "1-2", false},
	    {"status", "200", true}, {"none", NULL, true},
	    {"odd", "a \"b\"\\\n\x7f\xff", false}, {"agent", agent, false},
	    {"more", "x", false}};
	const char *text, *members;

	(void)state;
	log_access_init(LOG_FORMAT_JSON, -1);
	memset(agent, '\xff', sizeof(agent) - 1);
	log_access("a.b", fields, 4);
	log_access("a.b", fields, 6);
	log_access_init(LOG_FORMAT_OFF, -1);
	log_access("never", fields, 1);
	log_access_init(LOG_FORMAT_KV, -1);
	text = written();
	assert_memory_equal(text, "{\"time\":\"2", 10);
	members = strstr(text, "Z\",");
	assert_non_null(members);
	text = strchr(text, '\n') + 1;
	members += 3;
	assert_memory_equal(members,
	    "\"process\":\"test\",\"level\":\"info\",\"event\":\"a.b\","
	    "\"id\":\"1-2\",\"status\":200,\"none\":null,"
	    "\"odd\":\"a \\\"b\\\"\\\\x5c\\\\x0a\\\\x7f\\\\xff\"}\n",
	    (size_t)(text - members));
	assert_in_range(strlen(text), 4000, 4096);
	assert_string_equal(text + strlen(text) - 8, "\\\\xff\"}\n");
	assert_null(strstr(text, "never"));
}

/* A file that cannot be written to is said to be so, once. */
static void
test_full(void **state)
{
	int full = open("/dev/full", O_WRONLY);
	const struct log_field field = {"id", "1-2", false};
	const char *said;

	(void)state;
	assert_int_not_equal(full, -1);
	log_access_init(LOG_FORMAT_KV, full);
	log_access("a.b", &field, 1);
	log_flush();
	log_access("a.b", &field, 1);
	log_access_init(LOG_FORMAT_KV, -1);
	close(full);
	said = strstr(written(), " error access_log.write error=");
	assert_non_null(said);
	assert_null(strstr(strchr(said, '='), "access_log.write"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_line, redirect, restore),
	    cmocka_unit_test_setup_teardown(test_collect, redirect, restore),
	    cmocka_unit_test_setup_teardown(
		test_collect_many, redirect, restore),
	    cmocka_unit_test_setup_teardown(test_json, redirect, restore),
	    cmocka_unit_test_setup_teardown(test_full, redirect, restore),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
