#include "server_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"
#include "winnow/auto.h"
#include "winnow/channel.h"
#include "winnow/fsutil.h"
#include "winnow/json.h"
#include "winnow/mem.h"

struct fixture fixture;

static void
blob_path(const char *digest, char path[DIGEST_TEXT + 4])
{
	snprintf(path, DIGEST_TEXT + 4, "%.2s/%.64s", digest + 7, digest + 7);
}

void
put_blob(const void *data, size_t len, char digest[DIGEST_TEXT])
{
	char path[DIGEST_TEXT + 4];
	struct digest d;
	struct err e;
	auto_fd int fd = -1;

	digest_of(data, len, &d);
	digest_format(&d, digest);
	blob_path(digest, path);
	path[2] = '\0';
	mkdirat(fixture.blobs, path, 0755);
	path[2] = '/';
	fd = openat(fixture.blobs, path, O_WRONLY | O_CREAT, 0644);
	assert_int_equal(fsutil_write_all(fd, data, len, &e), 0);
}

void
remove_blob(const char *digest)
{
	char path[DIGEST_TEXT + 4];

	blob_path(digest, path);
	assert_int_equal(unlinkat(fixture.blobs, path, 0), 0);
}

static int
open_listener(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	socklen_t len = sizeof(fixture.address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(listen(fd, 128), 0);
	getsockname(fd, (struct sockaddr *)&fixture.address, &len);
	return fd;
}

static void
run_server(int channel)
{
	static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
	size_t i;

	/* cmocka would go on with the next test, in this process too. */
	for (i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
		signal(crashes[i], SIG_DFL);
	/* The channel at its place, and nothing else, as core does it. */
	dup2(channel, PROCESS_CHANNEL_FD);
	close_range(PROCESS_CHANNEL_FD + 1, ~0u, 0);
	exit(server_main());
}

void
fixture_start(const struct fixture_options *o)
{
	auto_fd int listener = open_listener();
	auto_json json_t *start = NULL;
	int pair[2], fds[2];
	struct err e;

	snprintf(fixture.dir, sizeof(fixture.dir), "/tmp/test_server.XXXXXX");
	assert_non_null(mkdtemp(fixture.dir));
	fixture.blobs = open(fixture.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(channel_pair(pair, &e), 0);
	fixture.pid = fork();
	if (fixture.pid == 0)
		run_server(pair[1]);
	close(pair[1]);
	fixture.core = pair[0];
	start = json_pack("{s:s, s:[s], s:s, s:i, s:i, s:i, s:s}", "type",
	    "start", "listeners", "plain", "original_prefix", "original",
	    "connections", o->connections, "header_timeout_ms",
	    o->header_timeout_ms, "idle_timeout_ms", o->idle_timeout_ms,
	    "log_level", "info");
	fds[0] = fixture.blobs;
	fds[1] = listener;
	assert_int_equal(channel_send(fixture.core, start, fds, 2, &e), 1);
}

int
fixture_setup(void **state)
{
	static const struct fixture_options ample = {100, 10000, 20000};

	(void)state;
	fixture_start(&ample);
	return 0;
}

void
fixture_stop(void)
{
	int status;

	kill(fixture.pid, SIGSTOP);
	assert_int_equal(waitpid(fixture.pid, &status, WUNTRACED), fixture.pid);
	assert_true(WIFSTOPPED(status));
}

void
fixture_continue(void)
{
	kill(fixture.pid, SIGCONT);
}

int
fixture_wait(void)
{
	int status, i;

	for (i = 0; i < PATIENCE_MS / 10; i++) {
		if (waitpid(fixture.pid, &status, WNOHANG) == fixture.pid) {
			fixture.pid = 0;
			return status;
		}
		poll(NULL, 0, 10);
	}
	fail_msg("the server does not end");
	return -1;
}

static void
remove_matching(const char *in_store)
{
	glob_t found;
	size_t i;
	char pattern[80];

	snprintf(pattern, sizeof(pattern), "%s/%s", fixture.dir, in_store);
	if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
		return;
	for (i = 0; i < found.gl_pathc; i++)
		remove(found.gl_pathv[i]);
	globfree(&found);
}

/* The store holds files two levels deep, no deeper. */
static void
remove_store(void)
{
	remove_matching("*/*");
	remove_matching("*");
	rmdir(fixture.dir);
}

int
fixture_teardown(void **state)
{
	(void)state;
	close(fixture.core);
	if (fixture.pid != 0)
		assert_int_equal(fixture_wait(), 0);
	remove_store();
	close(fixture.blobs);
	return 0;
}

json_t *
receive_message(void)
{
	struct pollfd p = {.fd = fixture.core, .events = POLLIN};
	struct channel_message m;
	struct err e;
	json_t *body;

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	assert_int_equal(channel_receive(fixture.core, &m, &e), 1);
	body = json_incref(m.body);
	channel_message_clear(&m);
	return body;
}

void
expect_silence(void)
{
	struct pollfd p = {.fd = fixture.core, .events = POLLIN};

	assert_int_equal(poll(&p, 1, 0), 0);
}

static const char *
member(const json_t *m, const char *name)
{
	return json_string_value(json_object_get(m, name));
}

json_int_t
expect_ask(const char *kind, const char *repository, const char *reference)
{
	auto_json json_t *m = receive_message();

	assert_string_equal(member(m, "type"), "ask");
	assert_string_equal(member(m, "kind"), kind);
	assert_string_equal(member(m, "repository"), repository);
	assert_string_equal(member(m, "reference"), reference);
	return json_integer_value(json_object_get(m, "id"));
}

void
expect_leave(json_int_t id)
{
	auto_json json_t *m = receive_message();

	assert_string_equal(member(m, "type"), "leave");
	assert_int_equal(json_integer_value(json_object_get(m, "id")), id);
}

void
send_message(json_t *body)
{
	struct err e;

	assert_non_null(body);
	assert_int_equal(channel_send(fixture.core, body, NULL, 0, &e), 1);
	json_decref(body);
}

void
send_answer(json_int_t id, const char *digest, size_t size, int ttl_ms)
{
	send_message(json_pack("{s:s, s:I, s:s, s:s, s:I, s:i}", "type",
	    "answer", "id", id, "digest", digest, "media_type", MEDIA_TYPE,
	    "size", (json_int_t)size, "ttl_ms", ttl_ms));
}

int
client_open(void)
{
	struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (struct sockaddr *)&fixture.address,
			     sizeof(fixture.address)),
	    0);
	return fd;
}

void
client_send(int fd, const char *text)
{
	assert_int_equal(
	    send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

void
reply_clear(struct reply *r)
{
	strbuf_clear(&r->head);
	strbuf_clear(&r->body);
}

const char *
reply_header(const struct reply *r, const char *name)
{
	static char value[1024];
	auto_free char *line = mem_printf("\r\n%s: ", name);
	const char *p = strcasestr(strbuf_string(&r->head), line);

	value[0] = '\0';
	if (p != NULL) {
		p += strlen(line);
		snprintf(
		    value, sizeof(value), "%.*s", (int)strcspn(p, "\r"), p);
	}
	return value;
}

void
client_receive_head(int fd, struct reply *r)
{
	char c;

	strbuf_init(&r->head, 65536);
	do {
		ssize_t n = recv(fd, &c, 1, 0);

		if (n != 1)
			fail_msg("no reply, but %s",
			    n == 0 ? "the end" : strerror(errno));
		strbuf_add_char(&r->head, c);
	} while (r->head.len < 4 ||
	    memcmp(r->head.data + r->head.len - 4, "\r\n\r\n", 4) != 0);
	assert_int_equal(
	    sscanf(strbuf_string(&r->head), "HTTP/1.1 %d ", &r->status), 1);
}

void
client_receive_bytes(int fd, struct reply *r, size_t left)
{
	char buffer[65536];

	while (left > 0) {
		ssize_t n = recv(fd, buffer,
		    left < sizeof(buffer) ? left : sizeof(buffer), 0);

		assert_true(n > 0);
		strbuf_add(&r->body, buffer, (size_t)n);
		left -= (size_t)n;
	}
}

void
client_receive(int fd, bool head, struct reply *r)
{
	strbuf_init(&r->body, 256u << 20);
	client_receive_head(fd, r);
	if (r->status == 100) {
		strbuf_clear(&r->head);
		client_receive_head(fd, r);
	}
	if (!head && r->status != 304)
		client_receive_bytes(fd, r,
		    strtoull(reply_header(r, "Content-Length"), NULL, 10));
}

void
expect_closed(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, 0);

	if (n > 0 || (n == -1 && errno != ECONNRESET))
		fail_msg(
		    "not closed, but %s", n > 0 ? "a byte" : strerror(errno));
}

void
expect_open(int fd)
{
	auto_reply struct reply r;

	client_send(fd, "GET /v2/ HTTP/1.1\r\n\r\n");
	client_receive(fd, false, &r);
	assert_int_equal(r.status, 200);
}
