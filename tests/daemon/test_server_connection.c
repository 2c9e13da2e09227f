/* server: clients that share, leave, flood, dawdle, and a server that ends. */
#include "server_fixture.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "winnow/auto.h"
#include "winnow/mem.h"

#define GET_TAG "GET /v2/a/manifests/b HTTP/1.1\r\n\r\n"

/* Many clients share a question; only the last to go takes it back. */
static void
test_shared_question(void **state)
{
	auto_fd int a = client_open(), b = client_open();
	int c = client_open(), d = client_open();
	auto_reply struct reply r1, r2, r3;
	char digest[DIGEST_TEXT];
	json_int_t id;

	(void)state;
	put_blob("{}", 2, digest);
	client_send(a, GET_TAG);
	id = expect_ask("manifest", "a", "b");
	client_send(b, GET_TAG);
	client_send(c, GET_TAG);
	expect_open(d);
	close(c);
	expect_open(d);
	expect_silence();
	send_answer(id, digest, 2, 0);
	client_receive(a, false, &r1);
	client_receive(b, false, &r2);
	assert_string_equal(strbuf_string(&r1.body), "{}");
	assert_string_equal(strbuf_string(&r2.body), "{}");
	/* Not remembered; the only one who asks leaves. */
	client_send(d, GET_TAG);
	id = expect_ask("manifest", "a", "b");
	close(d);
	expect_leave(id);
	/* An answer that has crossed the leave is dropped. */
	send_answer(id, digest, 2, 60000);
	client_send(a, GET_TAG);
	send_answer(expect_ask("manifest", "a", "b"), digest, 2, 0);
	client_receive(a, false, &r3);
	assert_int_equal(r3.status, 200);
}

/* evhttp calls exit() when its reads are enabled while a request waits. */
static void
test_pipelining(void **state)
{
	static const char burst[] =
	    GET_TAG "HEAD /v2/ HTTP/1.1\r\n\r\n"
		    "GET /v2/a/manifests/c HTTP/1.1\r\n\r\n"
		    "GET /v2/ HTTP/1.1\r\n\r\n";
	auto_reply struct reply r1, r2, r3, r4, r5;
	auto_fd int fd = client_open();
	char digest[DIGEST_TEXT];
	json_int_t id;

	(void)state;
	put_blob("{\"a\":1}", 7, digest);
	client_send(fd, burst);
	id = expect_ask("manifest", "a", "b");
	client_send(fd, "GET /v2/ HTTP/1.1\r\n\r\n");
	send_answer(id, digest, 7, 0);
	send_answer(expect_ask("manifest", "a", "c"), digest, 7, 0);
	client_receive(fd, false, &r1);
	client_receive(fd, true, &r2);
	client_receive(fd, false, &r3);
	client_receive(fd, false, &r4);
	client_receive(fd, false, &r5);
	assert_string_equal(strbuf_string(&r1.body), "{\"a\":1}");
	assert_string_equal(reply_header(&r2, "Content-Length"), "2");
	assert_string_equal(strbuf_string(&r3.body), "{\"a\":1}");
	assert_string_equal(strbuf_string(&r4.body), "{}");
	assert_string_equal(strbuf_string(&r5.body), "{}");
	/* Gone with requests still in the pipe. */
	client_send(fd, burst);
	id = expect_ask("manifest", "a", "b");
	shutdown(fd, SHUT_RDWR);
	expect_leave(id);
}

/* After a reset epoll reports no hang-up: it must be noticed all the same. */
static void
test_reset_while_waiting(void **state)
{
	const struct linger hard = {.l_onoff = 1, .l_linger = 0};
	int fd = client_open();
	json_int_t id;

	(void)state;
	client_send(fd, GET_TAG "GET");
	id = expect_ask("manifest", "a", "b");
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd);
	expect_leave(id);
}

/* Bytes that the client managed to send ahead. */
static uint64_t
flood(int fd)
{
	static char junk[1 << 20];
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	uint64_t total = 0;
	ssize_t n;

	memset(junk, 'x', sizeof(junk));
	while (total < (200u << 20) && poll(&p, 1, 300) == 1 &&
	    (n = send(fd, junk, sizeof(junk), MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
		total += (uint64_t)n;
	return total;
}

#define BIG (96u << 20)

/* What a client sends ahead is not buffered without bound. */
static void
test_flood(void **state)
{
	auto_free char *big = mem_zalloc(1, BIG), *get = NULL;
	auto_fd int waiting = client_open(), reading = client_open();
	char digest[DIGEST_TEXT];
	json_int_t id;

	(void)state;
	client_send(waiting, GET_TAG);
	id = expect_ask("manifest", "a", "b");
	assert_true(flood(waiting) < 64u << 20);
	send_message(json_pack("{s:s, s:I, s:s}", "type", "answer", "id", id,
	    "error", "not-found"));
	put_blob(big, BIG, digest);
	get = mem_printf("GET /v2/a/blobs/%s HTTP/1.1\r\n\r\n", digest);
	client_send(reading, get);
	send_answer(expect_ask("blob", "a", digest), digest, BIG, 0);
	assert_true(flood(reading) < 64u << 20);
}

static void
test_header_limit(void **state)
{
	auto_fd int fd = client_open(), other = client_open();
	auto_free char *big = mem_alloc(100000);
	auto_reply struct reply r;

	(void)state;
	memset(big, 'x', 100000);
	client_send(fd, "GET /v2/ HTTP/1.1\r\nX: ");
	(void)!send(fd, big, 100000, MSG_NOSIGNAL);
	client_receive(fd, false, &r);
	assert_int_equal(r.status, 400);
	expect_open(other);
}

#define INNER "GET /v2/ HTTP/1.1\r\n\r\n"

/*
 * What evhttp refuses by itself, or would read otherwise than a proxy in
 * front: one answer in the form of the specification, then the end.
 */
static void
test_bad_framing(void **state)
{
	static const struct {
		const char *request;
		int status;
	} rows[] = {
	    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
	    {"GET /v2/\r\n\r\n", 400},
	    {"GET /v2/ HTTP/0.9\r\n\r\n", 400},
	    {"\x16\x03\x01\x02\r\n\r\n", 400},
	    {"GET /v2/ HTTP/1.1\r\nno colon\r\n\r\n", 400},
	    {"GET /v2/ HTTP/1.1\r\nName : value\r\n\r\n" INNER, 400},
	    {"GET /v2/ HTTP/1.1\r\nContent-Length : 21\r\n\r\n" INNER, 400},
	    {"PUT /v2/ HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n", 405},
	    {"GET /v2/ HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n", 413},
	    {"DELETE /v2/ HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n", 405},
	    {"POST /v2/ HTTP/1.1\r\nContent-Length: 9999999\r\n"
	     "Expect: 100-continue\r\n\r\n",
		405},
	    {"PATCH /v2/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
	     "fffffff\r\n",
		405},
	    {"PUT /v2/ HTTP/1.1\r\nContent-Length: 1\r\n"
	     "Content-Length: 2\r\n\r\n12",
		400},
	    {"PUT /v2/ HTTP/1.1\r\nContent-Length: 5\r\n"
	     "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		400},
	    {"PUT /v2/ HTTP/1.1\r\nContent-Length: 5\r\n"
	     "Expect: a miracle\r\n\r\n",
		417},
	    {"PUT /v2/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
		405},
	    {"no request\r\n", 400},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_fd int fd = client_open();
		auto_reply struct reply r;

		/* Every other one as a connection's second request. */
		if (i % 2 == 1)
			expect_open(fd);
		client_send(fd, rows[i].request);
		client_receive(fd, false, &r);
		assert_int_equal(r.status, rows[i].status);
		assert_string_equal(
		    reply_header(&r, "Content-Type"), "application/json");
		assert_non_null(strstr(strbuf_string(&r.body),
		    "{\"errors\":[{\"code\":\"UNSUPPORTED\""));
		if (r.status == 405)
			assert_string_equal(
			    reply_header(&r, "Allow"), "GET, HEAD");
		expect_closed(fd);
	}
}

/* Which method a body that is too large belongs to, however it comes. */
static void
test_large_bodies(void **state)
{
	static const struct {
		const char *first, *second; /* sent apart */
		int status;
	} rows[] = {
	    {"PU", "T /v2/ HTTP/1.1\r\nContent-Length: 999999\r\n\r\n", 405},
	    {"GE", "T /v2/ HTTP/1.1\r\nContent-Length: 999999\r\n\r\n", 413},
	    {INNER "PATCH /v2/ HTTP/1.1\r\nContent-Length: 999999\r\n\r\n", "",
		405},
	    {INNER "GET /v2/ HTTP/1.1\r\nContent-Length: 999999\r\n\r\n", "",
		413},
	    {INNER "P", "UT /v2/ HTTP/1.1\r\nContent-Length: 999999\r\n\r\n",
		405},
	    {INNER INNER "G",
		"ET /v2/ HTTP/1.1\r\nContent-Length: 999999\r\n\r\n", 413},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_fd int fd = client_open(), other = client_open();
		const char *before = rows[i].first;

		client_send(fd, before);
		for (; strncmp(before, INNER, strlen(INNER)) == 0;
		     before += strlen(INNER)) {
			auto_reply struct reply r;

			client_receive(fd, false, &r);
			assert_int_equal(r.status, 200);
		}
		/* A turn of the loop, so that the parts are read apart. */
		expect_open(other);
		client_send(fd, rows[i].second);
		auto_reply struct reply r;

		client_receive(fd, false, &r);
		assert_int_equal(r.status, rows[i].status);
		expect_closed(fd);
	}
}

/* A body that is not read must not become the next request. */
static void
test_no_smuggling(void **state)
{
	static const char *const requests[] = {
	    "GET /v2/ HTTP/1.1\r\nContent-Length: 21\r\n\r\n" INNER,
	    "HEAD /v2/ HTTP/1.1\r\nContent-Length: 21\r\n\r\n" INNER,
	    "HEAD /v2/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" INNER,
	    "CONNECT a:1 HTTP/1.1\r\n\r\n" INNER,
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		auto_fd int fd = client_open();
		auto_reply struct reply r;

		client_send(fd, requests[i]);
		client_receive(fd, requests[i][0] == 'H', &r);
		assert_int_equal(r.status, requests[i][0] == 'C' ? 405 : 200);
		assert_string_equal(reply_header(&r, "Connection"), "close");
		expect_closed(fd);
	}
}

/* Slow headers, and silence, end the connection; slow answers do not. */
static void
test_timeouts(void **state)
{
	static const struct fixture_options hasty = {100, 1000, 1500};
	auto_fd int slow = -1, idle = -1, waiting = -1;
	auto_reply struct reply first, r;
	int i;

	(void)state;
	fixture_start(&hasty);
	/* The server finds their requests when it finds them. */
	fixture_stop();
	slow = client_open();
	idle = client_open();
	waiting = client_open();
	client_send(idle, "GET /v2/ HTTP/1.1\r\n\r\n");
	client_send(waiting, GET_TAG);
	fixture_continue();
	client_receive(idle, false, &first);
	assert_int_equal(first.status, 200);
	for (i = 0; i < 200; i++) {
		if (send(slow, "G", 1, MSG_NOSIGNAL) == -1)
			break;
		poll(NULL, 0, 50);
	}
	assert_true(i < 200);
	expect_closed(idle);
	send_message(json_pack("{s:s, s:I, s:s}", "type", "answer", "id",
	    expect_ask("manifest", "a", "b"), "error", "not-found"));
	client_receive(waiting, false, &r);
	assert_int_equal(r.status, 404);
}

/* A reader slower than every time limit gets all of its blob. */
static void
test_slow_reader(void **state)
{
	/* A server that stands still for so long takes it for a client's. */
	static const struct fixture_options hasty = {100, 1000, 2000};
	auto_free char *big = mem_zalloc(1, BIG), *get = NULL;
	auto_fd int fd = -1;
	char digest[DIGEST_TEXT];
	auto_free char *chunk = mem_alloc(8u << 20);
	size_t total = 0;

	(void)state;
	fixture_start(&hasty);
	put_blob(big, BIG, digest);
	get = mem_printf("GET /v2/a/blobs/%s HTTP/1.1\r\n\r\n", digest);
	fixture_stop();
	fd = client_open();
	client_send(fd, get);
	fixture_continue();
	send_answer(expect_ask("blob", "a", digest), digest, BIG, 0);
	while (total < BIG) {
		ssize_t n = recv(fd, chunk, 8u << 20, MSG_WAITALL);

		assert_true(n > 0);
		total += (size_t)n;
		poll(NULL, 0, 250);
	}
}

static int
status_of_new_client(void)
{
	auto_fd int fd = -1;
	auto_reply struct reply r;

	/* Who hesitates to ask may have to make room. */
	fixture_stop();
	fd = client_open();
	client_send(fd, "GET /v2/ HTTP/1.1\r\n\r\n");
	fixture_continue();
	client_receive(fd, false, &r);
	if (r.status == 503) {
		assert_string_equal(reply_header(&r, "Retry-After"), "10");
		expect_closed(fd);
	}
	return r.status;
}

static void
expect_status_of_new_client(int wanted)
{
	int i;

	for (i = 0; i < 2000 && status_of_new_client() != wanted; i++)
		poll(NULL, 0, 5);
	assert_true(i < 2000);
}

static void
test_connection_limit(void **state)
{
	static const struct fixture_options few = {2, 10000, 20000};
	int a, many[80], i;
	auto_reply struct reply r;
	auto_fd int b = -1;
	json_int_t id;

	(void)state;
	fixture_start(&few);
	a = client_open();
	b = client_open();
	client_send(a, GET_TAG);
	id = expect_ask("manifest", "a", "b");
	client_send(b, GET_TAG);
	/* Until the server has seen that b is not idle any more. */
	expect_status_of_new_client(503);
	for (i = 0; i < 3; i++)
		assert_int_equal(status_of_new_client(), 503);
	close(a);
	/* Room again, as soon as the server has noticed. */
	expect_status_of_new_client(200);
	/* More than are even refused wait outside, and are served later. */
	for (i = 0; i < 80; i++)
		many[i] = client_open();
	send_message(json_pack("{s:s, s:I, s:s}", "type", "answer", "id", id,
	    "error", "not-found"));
	client_receive(b, false, &r);
	assert_int_equal(r.status, 404);
	for (i = 0; i < 80; i++)
		close(many[i]);
	expect_status_of_new_client(200);
}

/* At the limit, silent clients make room for one that asks; a busy stays. */
static void
test_room(void **state)
{
	static const struct fixture_options few = {3, 60000, 60000};
	auto_fd int busy = -1, idle = -1, silent = -1;
	auto_reply struct reply r;
	json_int_t id;

	(void)state;
	fixture_start(&few);
	busy = client_open();
	client_send(busy, GET_TAG);
	id = expect_ask("manifest", "a", "b");
	idle = client_open();
	expect_open(idle);
	silent = client_open();
	expect_status_of_new_client(200);
	expect_closed(idle);
	send_message(json_pack("{s:s, s:I, s:s}", "type", "answer", "id", id,
	    "error", "not-found"));
	client_receive(busy, false, &r);
	assert_int_equal(r.status, 404);
}

static rlim_t
set_fd_limit(rlim_t limit)
{
	struct rlimit now, wanted;

	assert_int_equal(prlimit(fixture.pid, RLIMIT_NOFILE, NULL, &now), 0);
	wanted = now;
	wanted.rlim_cur = limit;
	assert_int_equal(prlimit(fixture.pid, RLIMIT_NOFILE, &wanted, NULL), 0);
	return now.rlim_cur;
}

/* Without descriptors the server pauses accepting, and then goes on. */
static void
test_no_descriptors(void **state)
{
	auto_fd int served = client_open(), waiting = -1;
	auto_reply struct reply r;
	rlim_t before;

	(void)state;
	expect_open(served);
	/* Those that it has stay usable. */
	before = set_fd_limit(4);
	waiting = client_open();
	client_send(waiting, "GET /v2/ HTTP/1.1\r\n\r\n");
	expect_open(served);
	assert_int_equal(recv(waiting, &(char){0}, 1, MSG_DONTWAIT), -1);
	set_fd_limit(before);
	client_receive(waiting, false, &r);
	assert_int_equal(r.status, 200);
}

/* A drain lets a transfer finish, ends idle connections, then exits 0. */
static void
test_drain(void **state)
{
	auto_fd int busy = client_open(), idle = client_open();
	auto_free char *big = mem_zalloc(1, BIG), *get = NULL;
	auto_reply struct reply r;
	char digest[DIGEST_TEXT], byte;
	size_t i;

	(void)state;
	for (i = 0; i < BIG; i += 4096)
		memcpy(big + i, &i, sizeof(i));
	put_blob(big, BIG, digest);
	expect_open(idle);
	get = mem_printf("GET /v2/a/blobs/%s HTTP/1.1\r\n\r\n", digest);
	client_send(busy, get);
	send_answer(expect_ask("blob", "a", digest), digest, BIG, 60000);
	assert_int_equal(recv(busy, &byte, 1, MSG_PEEK), 1);
	send_message(json_pack("{s:s}", "type", "drain"));
	expect_closed(idle);
	assert_int_equal(waitpid(fixture.pid, NULL, WNOHANG), 0);
	client_receive(busy, false, &r);
	assert_int_equal(r.body.len, BIG);
	assert_memory_equal(r.body.data, big, BIG);
	expect_closed(busy);
	assert_int_equal(fixture_wait(), 0);
}

/* Clients that stop in the middle of a transfer leave nothing behind. */
static void
test_abandoned_transfer(void **state)
{
	auto_free char *big = mem_zalloc(1, BIG), *get = NULL;
	auto_fd int fd = client_open();
	char digest[DIGEST_TEXT], byte;
	int i;

	(void)state;
	put_blob(big, BIG, digest);
	get = mem_printf("GET /v2/a/blobs/%s HTTP/1.1\r\n\r\n", digest);
	for (i = 0; i < 5; i++) {
		auto_fd int c = client_open();

		client_send(c, get);
		if (i == 0)
			send_answer(expect_ask("blob", "a", digest), digest,
			    BIG, 60000);
		assert_int_equal(recv(c, &byte, 1, 0), 1);
	}
	expect_open(fd);
}

/* The channel ends while clients wait: the server ends, in order. */
static void
test_core_dies(void **state)
{
	auto_fd int fd = client_open();

	(void)state;
	client_send(fd, GET_TAG);
	expect_ask("manifest", "a", "b");
	shutdown(fixture.core, SHUT_RDWR);
	assert_int_equal(fixture_wait(), 0);
	expect_closed(fd);
}

static void
test_kill(void **state)
{
	auto_fd int fd = client_open();

	(void)state;
	client_send(fd, GET_TAG);
	expect_ask("manifest", "a", "b");
	kill(fixture.pid, SIGKILL);
	assert_true(WIFSIGNALED(fixture_wait()));
	expect_closed(fd);
}

#define SERVER_TEST(f) \
	cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SERVER_TEST(test_shared_question),
	    SERVER_TEST(test_pipelining),
	    SERVER_TEST(test_reset_while_waiting),
	    SERVER_TEST(test_flood),
	    SERVER_TEST(test_header_limit),
	    SERVER_TEST(test_bad_framing),
	    SERVER_TEST(test_large_bodies),
	    SERVER_TEST(test_no_smuggling),
	    cmocka_unit_test_teardown(test_timeouts, fixture_teardown),
	    cmocka_unit_test_teardown(test_slow_reader, fixture_teardown),
	    cmocka_unit_test_teardown(test_connection_limit, fixture_teardown),
	    cmocka_unit_test_teardown(test_room, fixture_teardown),
	    SERVER_TEST(test_no_descriptors),
	    SERVER_TEST(test_drain),
	    SERVER_TEST(test_abandoned_transfer),
	    SERVER_TEST(test_core_dies),
	    SERVER_TEST(test_kill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
