/* server: blobs that are sent while they come. */
#include "server_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "winnow/auto.h"
#include "winnow/channel.h"
#include "winnow/fsutil.h"
#include "winnow/json.h"
#include "winnow/mem.h"

#define SIZE ((size_t)1 << 20)
#define HALF (SIZE / 2)
/* What the server holds back at most, until all is verified. */
#define TAIL (64u << 10)

/* A blob on its way: its bytes, and core's ends of file and pipe. */
struct coming {
	char *bytes;
	char digest[DIGEST_TEXT];
	int file, pipe;
	size_t written;
	json_int_t id;
};

static void
fill(struct coming *c, size_t to)
{
	struct err e;

	assert_int_equal(fsutil_write_all(c->file, c->bytes + c->written,
			     to - c->written, &e),
	    0);
	c->written = to;
}

static void
grow(struct coming *c, size_t to)
{
	fill(c, to);
	/* Who no longer reads has closed the other end. */
	assert_true(write(c->pipe, "", 1) == 1 || errno == EPIPE);
}

static void
open_coming(struct coming *c)
{
	struct digest d;
	size_t i;

	c->bytes = mem_alloc(SIZE);
	for (i = 0; i < SIZE; i++)
		c->bytes[i] = (char)(i * 7 + i / 251);
	digest_of(c->bytes, SIZE, &d);
	digest_format(&d, c->digest);
	c->file =
	    openat(fixture.blobs, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	assert_true(c->file >= 0);
	c->written = 0;
	c->pipe = -1;
}

static void
close_coming(struct coming *c)
{
	free(c->bytes);
	close(c->file);
	if (c->pipe != -1)
		close(c->pipe);
}

/* Core says that the blob is coming. */
static void
tell_coming(struct coming *c)
{
	auto_json json_t *body = json_pack("{s:s, s:I, s:s, s:I, s:b}", "type",
	    "answer", "id", c->id, "digest", c->digest, "size",
	    (json_int_t)SIZE, "coming", 1);
	int ends[2], fds[2];
	struct err e;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(fsutil_reopen_read_only(c->file, &fds[0], &e), 0);
	fds[1] = ends[0];
	assert_int_equal(channel_send(fixture.core, body, fds, 2, &e), 1);
	close(fds[0]);
	close(ends[0]);
	c->pipe = ends[1];
}

static void
send_get(int fd, const struct coming *c, const char *method, const char *header)
{
	auto_free char *text = mem_printf(
	    "%s /v2/a/blobs/%s HTTP/1.1\r\n%s\r\n", method, c->digest, header);

	client_send(fd, text);
}

/* Reads the head and exactly `len` bytes of the body. */
static void
read_part(int fd, struct reply *r, size_t len)
{
	strbuf_init(&r->body, SIZE + 1);
	client_receive_head(fd, r);
	client_receive_bytes(fd, r, len);
}

static void
assert_bytes(const struct reply *r, const struct coming *c, size_t first)
{
	assert_memory_equal(r->body.data, c->bytes + first, r->body.len);
}

static void
expect_nothing(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&p, 1, 50), 0);
}

/* The first bytes come before the last are there; the tail when verified. */
static void
test_stream(void **state)
{
	auto_fd int fd = client_open(), late = client_open();
	auto_reply struct reply r, other;
	struct coming c;
	size_t i;

	(void)state;
	open_coming(&c);
	send_get(fd, &c, "GET", "");
	c.id = expect_ask("blob", "a", c.digest);
	/* Some of the body leaves with the head, more whenever it comes. */
	fill(&c, HALF / 8);
	tell_coming(&c);
	read_part(fd, &r, HALF / 8);
	assert_int_equal(r.status, 200);
	for (i = 2; i <= 8; i++) {
		grow(&c, HALF / 8 * i);
		client_receive_bytes(fd, &r, HALF / 8);
	}
	/* One who comes late asks nobody. */
	send_get(late, &c, "GET", "");
	read_part(late, &other, HALF);
	expect_silence();
	grow(&c, SIZE);
	close(c.pipe);
	c.pipe = -1;
	client_receive_bytes(fd, &r, HALF - TAIL);
	expect_nothing(fd);
	put_blob(c.bytes, SIZE, c.digest);
	send_answer(c.id, c.digest, SIZE, 60000);
	client_receive_bytes(fd, &r, TAIL);
	client_receive_bytes(late, &other, HALF);
	assert_bytes(&r, &c, 0);
	assert_bytes(&other, &c, 0);
	expect_open(fd);
	expect_open(late);
	/* The answer was remembered. */
	reply_clear(&r);
	send_get(fd, &c, "GET", "Range: bytes=5-9\r\n");
	read_part(fd, &r, 5);
	assert_int_equal(r.status, 206);
	assert_bytes(&r, &c, 5);
	expect_silence();
	close_coming(&c);
}

/* A blob that is wrong never arrives whole. */
static void
test_wrong_blob(void **state)
{
	auto_fd int fd = client_open(), again = client_open();
	auto_reply struct reply r;
	struct coming c;

	(void)state;
	open_coming(&c);
	send_get(fd, &c, "GET", "");
	c.id = expect_ask("blob", "a", c.digest);
	tell_coming(&c);
	grow(&c, SIZE);
	read_part(fd, &r, SIZE - TAIL);
	send_message(json_pack("{s:s, s:I, s:s}", "type", "answer", "id", c.id,
	    "error", "digest"));
	expect_closed(fd);
	/* Nothing of it is remembered. */
	send_get(again, &c, "GET", "");
	send_message(json_pack("{s:s, s:I, s:s}", "type", "answer", "id",
	    expect_ask("blob", "a", c.digest), "error", "not-found"));
	reply_clear(&r);
	client_receive(again, false, &r);
	assert_int_equal(r.status, 404);
	close_coming(&c);
}

/*
 * Core takes its word back before a byte has left: an answer like any other.
 * The server finds both messages when it goes on, and handles them in one turn.
 */
static void
fail_at_once(size_t have)
{
	auto_fd int fd = client_open(), ranged = client_open();
	auto_fd int later = client_open();
	auto_reply struct reply r, s;
	struct coming c;

	open_coming(&c);
	send_get(fd, &c, "GET", "");
	c.id = expect_ask("blob", "a", c.digest);
	send_get(ranged, &c, "GET", "Range: bytes=5-9\r\n");
	/* It has seen that one too when it answers a later one. */
	expect_open(later);
	fill(&c, have);
	fixture_stop();
	tell_coming(&c);
	send_message(json_pack("{s:s, s:I, s:s, s:s}", "type", "answer", "id",
	    c.id, "error", "upstream", "message", "it broke"));
	fixture_continue();
	client_receive(fd, false, &r);
	client_receive(ranged, false, &s);
	assert_int_equal(r.status, 502);
	assert_int_equal(s.status, 502);
	assert_string_equal(reply_header(&r, "Etag"), "");
	assert_string_equal(reply_header(&r, "Connection"), "");
	assert_non_null(strstr(strbuf_string(&r.body), "it broke"));
	assert_non_null(strstr(strbuf_string(&s.body), "UNAVAILABLE"));
	expect_open(fd);
	expect_open(ranged);
	expect_silence();
	close_coming(&c);
}

static void
test_fails_at_once(void **state)
{
	(void)state;
	fail_at_once(0);
	fail_at_once(HALF);
	fail_at_once(SIZE);
}

/* A range is sent as soon as it is there, and the client then leaves core. */
static void
test_ranges(void **state)
{
	auto_fd int fd = client_open();
	auto_reply struct reply r, beyond;
	struct coming c;

	(void)state;
	open_coming(&c);
	send_get(fd, &c, "GET", "Range: bytes=1000-1999\r\n");
	c.id = expect_ask("blob", "a", c.digest);
	tell_coming(&c);
	grow(&c, 1500);
	read_part(fd, &r, 500);
	assert_int_equal(r.status, 206);
	grow(&c, 3000);
	client_receive_bytes(fd, &r, 500);
	assert_bytes(&r, &c, 1000);
	expect_leave(c.id);
	close(c.pipe);
	send_get(fd, &c, "GET", "Range: bytes=9999999-\r\n");
	c.id = expect_ask("blob", "a", c.digest);
	tell_coming(&c);
	client_receive(fd, false, &beyond);
	assert_int_equal(beyond.status, 416);
	expect_leave(c.id);
	expect_open(fd);
	close_coming(&c);
}

static void
test_head(void **state)
{
	auto_fd int fd = client_open();
	auto_reply struct reply r;
	struct coming c;

	(void)state;
	open_coming(&c);
	send_get(fd, &c, "HEAD", "");
	c.id = expect_ask("blob", "a", c.digest);
	tell_coming(&c);
	client_receive(fd, true, &r);
	assert_int_equal(r.status, 200);
	assert_string_equal(reply_header(&r, "Content-Length"), "1048576");
	expect_leave(c.id);
	expect_open(fd);
	close_coming(&c);
}

/* Clients that leave in the middle leave core, the last one the question. */
static void
test_clients_leave(void **state)
{
	auto_fd int fd = client_open(), other = client_open();
	auto_reply struct reply r, s;
	struct coming c;

	(void)state;
	open_coming(&c);
	send_get(fd, &c, "GET", "");
	c.id = expect_ask("blob", "a", c.digest);
	tell_coming(&c);
	grow(&c, HALF);
	read_part(fd, &r, HALF);
	send_get(other, &c, "GET", "");
	read_part(other, &s, HALF);
	close(steal_fd(&fd));
	grow(&c, HALF + 1000);
	client_receive_bytes(other, &s, 1000);
	expect_silence();
	shutdown(other, SHUT_RDWR);
	close(steal_fd(&other));
	/* Departures are seen when there is something to send. */
	while (c.written + 1000 < SIZE - TAIL) {
		struct pollfd p = {.fd = fixture.core, .events = POLLIN};

		grow(&c, c.written + 1000);
		if (poll(&p, 1, 5) == 1)
			break;
	}
	expect_leave(c.id);
	close_coming(&c);
}

#define SERVER_TEST(f) \
	cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SERVER_TEST(test_stream),
	    SERVER_TEST(test_wrong_blob),
	    SERVER_TEST(test_fails_at_once),
	    SERVER_TEST(test_ranges),
	    SERVER_TEST(test_head),
	    SERVER_TEST(test_clients_leave),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
