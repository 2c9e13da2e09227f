/* linger: who still sends when its answer is there reads it all the same. */
#include "server_fixture.h"

#include <event2/event.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "linger.h"
#include "server_connections.h"
#include "winnow/auto.h"
#include "winnow/clock.h"

#define BODY 3000000
#define LARGE \
	"PUT /v2/a/blobs/uploads/ HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n"
#define ENDLESS "PUT /v2/ HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n"
/* What the kernel may hold of a connection, beside what was read. */
#define IN_FLIGHT (32u << 20)

/* Sends `total` bytes in pieces; false when the connection does not take all.
 */
static bool
send_pieces(int fd, size_t total, size_t piece, int pause_ms)
{
	static char junk[BODY];
	size_t sent = 0;

	while (sent < total) {
		size_t n = total - sent < piece ? total - sent : piece;
		ssize_t r = send(fd, junk, n, MSG_NOSIGNAL);

		if (r == -1)
			return false;
		sent += (size_t)r;
		if (pause_ms > 0)
			poll(NULL, 0, pause_ms);
	}
	return true;
}

/* Replies after which a client sends a body that nobody wants. */
static const struct {
	const char *request;
	int status;
} unwanted[] = {
    {LARGE, 405},
    {"GET /v2/ HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", 200},
    {"HEAD /v2/ HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n", 200},
    {"PUT /v2/ HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", 405},
    {"PUT /v2/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 405},
    {"GET /v2/ HTTP/1.1\r\nno colon\r\n\r\n", 400},
    {"GET /v2/ HTTP/0.9\r\n\r\n", 400},
};

static void
expect_answer(const char *request, int status, size_t piece, int pause_ms)
{
	auto_fd int fd = client_open();
	auto_reply struct reply r;

	client_send(fd, request);
	assert_true(send_pieces(fd, BODY, piece, pause_ms));
	client_receive(fd, request[0] == 'H', &r);
	assert_int_equal(r.status, status);
	assert_int_equal(recv(fd, &(char){0}, 1, 0), 0);
}

static void
test_body_at_full_speed(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < 140; i++)
		expect_answer(
		    unwanted[i % 7].request, unwanted[i % 7].status, BODY, 0);
}

static void
test_body_in_slow_pieces(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < 7; i++)
		expect_answer(
		    unwanted[i].request, unwanted[i].status, BODY / 20, 10);
}

static void
test_endless_body(void **state)
{
	auto_fd int fd = client_open(), other = client_open();

	(void)state;
	client_send(fd, ENDLESS);
	assert_false(send_pieces(fd, (64u << 20) + IN_FLIGHT, 1 << 20, 0));
	expect_open(other);
}

/* True once the other side has closed: it answers with a reset. */
static bool
is_refused(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return send(fd, "x", 1, MSG_NOSIGNAL) == -1 ||
	    (poll(&p, 1, 0) == 1 && (p.revents & (POLLERR | POLLHUP)) != 0);
}

/* A client that was answered and goes on sending. */
static int
open_lingering(void)
{
	auto_reply struct reply r;
	int fd = client_open();

	client_send(fd, ENDLESS);
	client_receive(fd, false, &r);
	assert_int_equal(r.status, 405);
	assert_int_equal(recv(fd, &(char){0}, 1, 0), 0);
	return fd;
}

/* Those that are too many are closed; the others, and their ends, count. */
static void
test_too_many(void **state)
{
	int many[CONNECTIONS_LINGERING], i, refused = 0, one_more;

	(void)state;
	for (i = 0; i < CONNECTIONS_LINGERING; i++)
		many[i] = open_lingering();
	one_more = open_lingering();
	for (i = 0; i < PATIENCE_MS && !is_refused(one_more); i++)
		poll(NULL, 0, 1);
	assert_true(i < PATIENCE_MS);
	close(one_more);
	for (i = 0; i < CONNECTIONS_LINGERING; i++)
		refused += is_refused(many[i]) || is_refused(many[i]);
	assert_int_equal(refused, 0);
	/* One that leaves makes room. */
	close(many[0]);
	for (i = 0; i < 1000; i++) {
		many[0] = open_lingering();
		if (!is_refused(many[0]) && !is_refused(many[0]))
			break;
		close(many[0]);
	}
	assert_true(i < 1000);
	for (i = 0; i < CONNECTIONS_LINGERING; i++)
		close(many[i]);
}

/* A server that is to stop does not wait for who is still sending. */
static void
test_drain(void **state)
{
	auto_fd int fd = open_lingering(), other = client_open();
	uint64_t began = clock_now_ms();
	int i;

	(void)state;
	expect_open(other);
	send_message(json_pack("{s:s}", "type", "drain"));
	/* It would be cut off after ten seconds. */
	for (i = 0; i < 2000 && !is_refused(fd); i++)
		poll(NULL, 0, 5);
	assert_true(clock_now_ms() - began < 8000);
	assert_int_equal(fixture_wait(), 0);
}

/* --- the module by itself, with limits of its own --- */

static const struct linger_limits generous = {
    .sockets = 2, .bytes = 1 << 20, .total_ms = 60000, .pause_ms = 60000};

/* One end of a pair lingers; returns the other. */
static int
linger_one(struct lingerers *all)
{
	int pair[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	evutil_make_socket_nonblocking(pair[0]);
	linger_begin(all, pair[0]);
	return pair[1];
}

static bool
run_until_refused(struct event_base *base, int fd, const char *data)
{
	uint64_t began = clock_now_ms();

	while (clock_now_ms() - began < PATIENCE_MS) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		if (send(fd, data, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == -1 &&
		    errno == EPIPE)
			return true;
		poll(NULL, 0, 1);
	}
	return false;
}

static void
test_limits(void **state)
{
	static const struct linger_limits rows[] = {
	    {.sockets = 1, .bytes = 10, .total_ms = 60000, .pause_ms = 60000},
	    {.sockets = 1, .bytes = 1 << 20, .total_ms = 50, .pause_ms = 60000},
	    {.sockets = 0,
		.bytes = 1 << 20,
		.total_ms = 60000,
		.pause_ms = 60000},
	};
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct event_base *base = event_base_new();
		struct lingerers *all = lingerers_new(base, &rows[i]);
		auto_fd int fd = linger_one(all);

		/* It is told at once that nothing more comes. */
		assert_int_equal(recv(fd, &(char){0}, 1, 0), 0);
		assert_true(run_until_refused(base, fd, "x"));
		lingerers_free(all);
		event_base_free(base);
	}
}

static void
test_silence_and_end(void **state)
{
	static const struct linger_limits hasty = {
	    .sockets = 2, .bytes = 1 << 20, .total_ms = 60000, .pause_ms = 20};
	struct event_base *base = event_base_new();
	struct lingerers *all = lingerers_new(base, &hasty), *slow;
	int fd = linger_one(all), a, b;

	(void)state;
	/* Nothing is left to wait for: the silent one is gone. */
	assert_int_equal(event_base_dispatch(base), 1);
	assert_int_equal(send(fd, "x", 1, MSG_NOSIGNAL), -1);
	close(fd);
	lingerers_free(all);
	/* Also when the other side closes. */
	slow = lingerers_new(base, &generous);
	close(linger_one(slow));
	assert_int_equal(event_base_dispatch(base), 1);
	/* What is left goes with the list. */
	a = linger_one(slow);
	b = linger_one(slow);
	lingerers_free(slow);
	assert_int_equal(send(a, "x", 1, MSG_NOSIGNAL), -1);
	assert_int_equal(send(b, "x", 1, MSG_NOSIGNAL), -1);
	close(a);
	close(b);
	event_base_free(base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_body_at_full_speed, fixture_setup, fixture_teardown),
	    cmocka_unit_test_setup_teardown(
		test_body_in_slow_pieces, fixture_setup, fixture_teardown),
	    cmocka_unit_test_setup_teardown(
		test_endless_body, fixture_setup, fixture_teardown),
	    cmocka_unit_test_setup_teardown(
		test_too_many, fixture_setup, fixture_teardown),
	    cmocka_unit_test_setup_teardown(
		test_drain, fixture_setup, fixture_teardown),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_silence_and_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
