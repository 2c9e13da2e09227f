/*
 * worker_pool: real workers, and some that misbehave.  The program is its own
 * worker: see main().
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../daemon/process.h"
#include "../../daemon/worker_pool.h"
#include "daemon_fixture.h"
#include "winnow/fsutil.h"

struct outcome {
	size_t done;
	struct err error; /* ERR_NONE: a result */
};

static struct event_base *base;
static struct config config;
static struct worker_pool *pool;
static size_t open_before;

static int
setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	open_before = count_fds();
	base = event_base_new();
	config = (struct config){
	    .workers = 2, .worker_memory = 1ull << 31, .worker_time_ms = 20000};
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	if (pool != NULL)
		worker_pool_free(pool);
	pool = NULL;
	event_base_free(base);
	assert_int_equal(count_fds(), open_before);
	return 0;
}

static void
start_pool(void)
{
	pool = worker_pool_new(base, &config);
}

static void
on_job(void *arg, struct channel_message *result, const struct err *e)
{
	struct outcome *o = arg;

	assert_true((result == NULL) != (e == NULL));
	o->done++;
	o->error.code = ERR_NONE;
	if (e != NULL)
		o->error = *e;
}

/* A job with a name that main() knows. */
static struct worker_job *
start_act(const char *name, struct outcome *o)
{
	*o = (struct outcome){.done = 0};
	return worker_job_start(pool,
	    json_pack("{s:s, s:s}", "type", "job", "job", name), NULL, 0,
	    on_job, o);
}

/* A verify job: `claimed` is what the file is said to hold. */
static struct worker_job *
start_verify(const char *bytes, const char *claimed, struct outcome *o)
{
	auto_fd int fd = -1;
	char text[DIGEST_TEXT];
	struct digest digest;
	struct err e;

	assert_int_equal(fsutil_open_unlinked("/tmp", &fd, &e), 0);
	assert_int_equal(fsutil_write_all(fd, bytes, strlen(bytes), &e), 0);
	digest_of(claimed, strlen(claimed), &digest);
	*o = (struct outcome){.done = 0};
	return worker_job_start(pool,
	    json_pack("{s:s, s:s, s:s, s:I, s:b}", "type", "job", "job",
		"verify", "digest", digest_format(&digest, text), "size",
		(json_int_t)strlen(claimed), "copy", 0),
	    &fd, 1, on_job, o);
}

static void
assert_outcome(const struct outcome *o, enum err_code code, const char *text)
{
	if (o->done != 1 || o->error.code != code ||
	    strstr(o->error.message, text) == NULL)
		fail_msg("told %zu times: %s: %s", o->done,
		    err_code_name(o->error.code), o->error.message);
}

/* Runs one act to its end. */
static void
expect_act(const char *name, enum err_code code, const char *text)
{
	struct outcome o;

	start_act(name, &o);
	loop_until(base, &o.done);
	assert_outcome(&o, code, text);
}

/* The pool works, whatever happened before. */
static void
assert_pool_works(void)
{
	struct outcome o;

	start_verify("good", "good", &o);
	loop_until(base, &o.done);
	assert_outcome(&o, ERR_NONE, "");
}

static void
test_jobs(void **state)
{
	struct outcome o[6];
	size_t i;

	(void)state;
	start_pool();
	for (i = 0; i < 6; i++)
		start_verify("hello", i % 2 == 0 ? "hello" : "Hello", &o[i]);
	assert_int_equal(o[0].done, 0);
	for (i = 0; i < 6; i++) {
		loop_until(base, &o[i].done);
		if (i % 2 == 0)
			assert_outcome(&o[i], ERR_NONE, "");
		else
			assert_outcome(&o[i], ERR_DIGEST, "sha256:2cf24dba");
	}
	expect_act("no-such-job", ERR_INVALID, "unknown job");
}

static void
test_dying_workers(void **state)
{
	(void)state;
	start_pool();
	expect_act("act-kill", ERR_WORKER, "(act-kill): killed by signal 9");
	expect_act("act-crash", ERR_WORKER, "killed by signal 6");
	expect_act("act-exit", ERR_WORKER, "exited with status 3");
	expect_act("act-silent", ERR_WORKER, "exited with status 0");
	/* A result counts only from a worker that then ends well. */
	expect_act("act-result-crash", ERR_WORKER, "killed by signal 6");
	assert_pool_works();
}

static void
test_garbage(void **state)
{
	(void)state;
	start_pool();
	expect_act("act-garbage", ERR_WORKER, "killed by signal 9");
	expect_act("act-empty", ERR_WORKER, "makes no sense");
	expect_act("act-no-type", ERR_WORKER, "makes no sense");
	expect_act("act-odd-type", ERR_WORKER, "makes no sense");
	expect_act("act-no-code", ERR_WORKER, "makes no sense");
	expect_act("act-none", ERR_WORKER, "makes no sense");
	expect_act("act-odd-code", ERR_INTERNAL, "what");
	expect_act("act-twice", ERR_WORKER, "killed by signal 9");
	assert_pool_works();
}

static void
test_memory_limit(void **state)
{
	struct outcome o;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	skip();
#endif
	config.worker_memory = 1 << 20;
	start_pool();
	start_verify("hello", "hello", &o);
	loop_until(base, &o.done);
	assert_outcome(&o, ERR_WORKER, "out of memory");
}

static void
test_time_limit(void **state)
{
	struct outcome held;

	(void)state;
	config.worker_time_ms = 1000;
	start_pool();
	/* Held while queued: its time begins when it is extended. */
	worker_job_hold(start_act("act-wait", &held));
	expect_act("act-hang", ERR_TIMEOUT, "time limit of 1 s");
	/* It has waited for longer than the limit by now. */
	loop_until(base, &held.done);
	assert_outcome(&held, ERR_NONE, "");
	{
		struct worker_job *j = start_act("act-hang", &held);

		worker_job_hold(j);
		expect_act("act-hang", ERR_TIMEOUT, "time limit");
		assert_int_equal(held.done, 0);
		worker_job_extend(j);
		loop_until(base, &held.done);
		assert_outcome(&held, ERR_TIMEOUT, "time limit");
	}
}

static void
test_cancel(void **state)
{
	struct outcome running[2], first, middle, last;
	struct worker_job *r, *q;

	(void)state;
	start_pool();
	r = start_act("act-hang", &running[0]);
	start_act("act-hang", &running[1]);
	loop_turn(base);
	start_verify("hello", "hello", &first);
	q = start_act("act-hang", &middle);
	start_verify("hello", "hello", &last);
	worker_job_cancel(q);
	worker_job_cancel(r);
	loop_until(base, &last.done);
	assert_outcome(&first, ERR_NONE, "");
	assert_outcome(&last, ERR_NONE, "");
	assert_int_equal(running[0].done, 0);
	assert_int_equal(running[1].done, 0);
	assert_int_equal(middle.done, 0);
	/* The last of the queue goes; what comes next is still queued. */
	start_act("act-hang", &running[0]);
	loop_turn(base);
	q = start_act("act-hang", &middle);
	worker_job_cancel(q);
	start_verify("hello", "hello", &last);
	/* The end comes with two running and one queued. */
	assert_int_equal(last.done, 0);
}

/* A descriptor that cannot be kept fails the job with the reason. */
static void
test_bad_descriptor(void **state)
{
	struct outcome o = {.done = 0};
	int fds[2] = {0, 987654};

	(void)state;
	start_pool();
	worker_job_start(pool,
	    json_pack("{s:s, s:s}", "type", "job", "job", "verify"), fds, 2,
	    on_job, &o);
	assert_int_equal(o.done, 0);
	loop_until(base, &o.done);
	assert_outcome(&o, ERR_SYSTEM, "Bad file descriptor");
	assert_pool_works();
}

static void
say(const char *text)
{
	if (send(PROCESS_CHANNEL_FD, text, strlen(text), 0) == -1)
		_exit(9);
}

/* What a worker does that is none; returns its exit status. */
static int
act(const char *name)
{
	static const struct {
		const char *name, *answer;
	} answers[] = {
	    {"act-garbage\"", "\377\376 no JSON"},
	    {"act-empty\"", "{}"},
	    {"act-no-type\"", "{\"code\":\"none\",\"message\":\"x\"}"},
	    {"act-odd-type\"",
		"{\"type\":\"Result\",\"code\":\"busy\",\"message\":\"x\"}"},
	    {"act-no-code\"", "{\"type\":\"error\",\"message\":\"x\"}"},
	    {"act-none\"",
		"{\"type\":\"error\",\"code\":\"none\",\"message\":\"x\"}"},
	    {"act-odd-code\"",
		"{\"type\":\"error\",\"code\":\"odd\",\"message\":\"what\"}"},
	    {"act-twice\"", "{\"type\":\"result\"}"},
	    {"act-result-crash\"", "{\"type\":\"result\"}"},
	};
	size_t i;

	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (strstr(name, answers[i].name) == name)
			say(answers[i].answer);
	if (strstr(name, "crash") != NULL)
		kill(getpid(), SIGABRT);
	if (strstr(name, "act-kill") == name)
		kill(getpid(), SIGKILL);
	if (strstr(name, "act-exit") == name)
		return 3;
	if (strstr(name, "act-wait") == name) {
		usleep(1500000);
		say("{\"type\":\"result\"}");
	}
	if (strstr(name, "act-twice") == name) {
		say("{\"type\":\"result\"}");
		pause();
	}
	if (strstr(name, "act-garbage") == name ||
	    strstr(name, "act-hang") == name)
		pause();
	return 0;
}

/* The worker: a real one, unless the job tells it to misbehave. */
static int
worker(void)
{
	char job[4096] = "";
	ssize_t n = recv(PROCESS_CHANNEL_FD, job, sizeof(job) - 1, MSG_PEEK);
	const char *name;

	if (n <= 0)
		return 0;
	name = strstr(job, "act-");
	if (name == NULL)
		return worker_main();
	/* Left unread it would reset the channel at the end. */
	recv(PROCESS_CHANNEL_FD, job, sizeof(job) - 1, 0);
	return act(name);
}

int
main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_jobs),
	    TEST(test_dying_workers),
	    TEST(test_garbage),
	    TEST(test_memory_limit),
	    TEST(test_time_limit),
	    TEST(test_cancel),
	    TEST(test_bad_descriptor),
	};

	if (argc == 3 && strcmp(argv[1], "--role") == 0)
		return worker();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
