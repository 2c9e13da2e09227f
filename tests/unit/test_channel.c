/* channel: messages, descriptors, limits, the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "winnow/channel.h"
#include "winnow/fsutil.h"
#include "winnow/json.h"
#include "winnow/mem.h"

static void
test_message_with_descriptors(void **state)
{
	struct channel_message m;
	struct err e;
	int ends[2], files[2], i;
	char byte;

	(void)state;
	assert_int_equal(channel_pair(ends, &e), 0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(fsutil_open_memory("t", &files[i], &e), 0);
		assert_int_equal(write(files[i], i == 0 ? "a" : "b", 1), 1);
	}
	auto_json json_t *body = json_pack("{s:s, s:i}", "type", "x", "id", 7);
	assert_int_equal(channel_send(ends[0], body, files, 2, &e), 1);
	assert_int_equal(channel_receive(ends[1], &m, &e), 1);
	assert_true(json_equal(m.body, body));
	assert_int_equal(m.fd_count, 2);
	for (i = 0; i < 2; i++) {
		int fd = channel_take_fd(&m, (size_t)i);

		assert_int_equal(pread(fd, &byte, 1, 0), 1);
		assert_int_equal(byte, i == 0 ? 'a' : 'b');
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		close(fd);
		close(files[i]);
	}
	assert_int_equal(channel_take_fd(&m, 2), -1);
	channel_message_clear(&m);
	close(ends[0]);
	assert_int_equal(channel_receive(ends[1], &m, &e), 0);
	close(ends[1]);
}

static void
test_bad_messages(void **state)
{
	static const char *const bad[] = {"", "[]", "{", "{\"a\":1,\"a\":2}",
	    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["};
	struct channel_message m;
	struct err e;
	int ends[2];
	size_t i;

	(void)state;
	assert_int_equal(channel_pair(ends, &e), 0);
	for (i = 1; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(
		    send(ends[0], bad[i], strlen(bad[i]), 0), strlen(bad[i]));
		assert_int_equal(channel_receive(ends[1], &m, &e), -1);
	}
	close(ends[0]);
	close(ends[1]);
}

static void
test_limits(void **state)
{
	char *big = mem_alloc(CHANNEL_MESSAGE_MAX + 1);
	struct err e;
	int ends[2], sent = 0, result;

	(void)state;
	assert_int_equal(channel_pair(ends, &e), 0);
	memset(big, 'x', CHANNEL_MESSAGE_MAX);
	big[CHANNEL_MESSAGE_MAX] = '\0';
	auto_json json_t *body = json_pack("{s:s}", "x", big);
	assert_int_equal(channel_send(ends[0], body, NULL, 0, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	/* A full non-blocking channel refuses instead of waiting. */
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	auto_json json_t *small = json_pack("{s:s}", "x", "y");
	while ((result = channel_send(ends[0], small, NULL, 0, &e)) == 1)
		sent++;
	assert_int_equal(result, 0);
	assert_true(sent > 10);
	free(big);
	close(ends[0]);
	close(ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_message_with_descriptors),
	    cmocka_unit_test(test_bad_messages),
	    cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
