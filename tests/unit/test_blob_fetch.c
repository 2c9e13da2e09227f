/* blob_fetch: one download for many users, whenever they come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "../../daemon/blob_fetch.h"
#include "daemon_fixture.h"
#include "winnow/fsutil.h"

static char dir[64];
static struct event_base *base;
static struct store *store;
static struct stub_upstream stub;
static struct blob_fetches *fetches;
static struct digest digest;
static size_t open_before;

struct user {
	struct blob_fetch_user user;
	struct blob_fetch *fetch;
	size_t ready;
	size_t done;
	enum err_code code;
	bool leaves; /* in on_done */
	struct user *takes; /* in on_done: makes this one leave */
};

static int
setup(void **state)
{
	struct err e;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	scratch_make(dir);
	base = event_base_new();
	assert_int_equal(store_open(dir, &store, &e), 0);
	stub_init(&stub, base);
	fetches = blob_fetches_new(store);
	digest_of("hello", 5, &digest);
	open_before = count_fds();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	blob_fetches_free(fetches);
	assert_int_equal(count_fds(), open_before);
	store_close(store);
	event_base_free(base);
	scratch_remove(dir);
	return 0;
}

static void
leave(struct user *u)
{
	blob_fetch_leave(u->fetch, &u->user);
	u->fetch = NULL;
}

static void
on_ready(void *arg)
{
	((struct user *)arg)->ready++;
}

static void
on_done(void *arg, const struct err *e)
{
	struct user *u = arg;

	u->done++;
	u->code = e == NULL ? ERR_NONE : e->code;
	if (u->takes != NULL)
		leave(u->takes);
	if (u->leaves)
		leave(u);
}

static void
join(struct user *u, uint64_t size)
{
	*u = (struct user){
	    .user = {.on_ready = on_ready, .on_done = on_done, .arg = u}};
	u->fetch = blob_fetch_join(
	    fetches, &stub.upstream, "library/app", &digest, size, &u->user);
}

static void
assert_content(const struct user *u, const char *want)
{
	auto_free char *data = NULL;
	struct err e;
	size_t len;

	assert_int_equal(fsutil_read_fd(blob_fetch_fd(u->fetch), "blob", 100,
			     &data, &len, &e),
	    0);
	assert_string_equal(data, want);
}

static void
test_two_users_one_fetch(void **state)
{
	struct user a, b, late;

	(void)state;
	join(&a, 5);
	join(&b, 5);
	assert_ptr_equal(a.fetch, b.fetch);
	assert_int_equal(stub.asked, 1);
	stub_write(stub_first(&stub), "he", 2);
	stub_write(stub_first(&stub), "llo", 3);
	assert_int_equal(a.ready, 1);
	assert_int_equal(b.ready, 1);
	assert_int_equal(a.done, 0);
	assert_false(blob_fetch_complete(a.fetch));
	stub_end_blob(stub_first(&stub), -1, NULL);
	assert_int_equal(a.done, 1);
	assert_int_equal(b.done, 1);
	assert_int_equal(a.code, ERR_NONE);
	assert_true(blob_fetch_complete(a.fetch));
	assert_true(blob_fetch_owns_file(a.fetch));
	assert_content(&b, "hello");
	leave(&a);
	/* One who comes while the file is still in use. */
	join(&late, 5);
	assert_int_equal(late.done, 0);
	loop_turn(base);
	assert_int_equal(late.done, 1);
	assert_int_equal(b.done, 1);
	assert_int_equal(stub.asked, 1);
	leave(&b);
	assert_content(&late, "hello");
	leave(&late);
	join(&a, 5);
	assert_int_equal(stub.asked, 2);
	leave(&a);
	assert_int_equal(stub.cancelled, 1);
}

/* Readers must not be able to change what others verify. */
static void
test_file_is_read_only(void **state)
{
	struct user a;

	(void)state;
	join(&a, 5);
	stub_write(stub_first(&stub), "hello", 5);
	assert_int_equal(pwrite(blob_fetch_fd(a.fetch), "J", 1, 0), -1);
	assert_int_equal(
	    fcntl(blob_fetch_fd(a.fetch), F_GETFL) & O_ACCMODE, O_RDONLY);
	leave(&a);
}

/* A manifest that lies about a size fails nobody else. */
static void
test_sizes_apart(void **state)
{
	struct user a, b;
	struct err e;

	(void)state;
	join(&a, 5);
	join(&b, 6);
	assert_int_equal(stub.asked, 2);
	stub_write(stub_first(&stub), "hello", 5);
	stub_end_blob(stub_first(&stub), -1, NULL);
	err_set(&e, ERR_DIGEST, "5 bytes, not 6");
	stub_end_blob(stub_first(&stub), -1, &e);
	assert_int_equal(a.code, ERR_NONE);
	assert_int_equal(b.code, ERR_DIGEST);
	leave(&a);
	leave(&b);
}

static void
test_leavers(void **state)
{
	struct user a, b;

	(void)state;
	join(&a, 5);
	join(&b, 5);
	leave(&a);
	assert_int_equal(stub.cancelled, 0);
	stub_write(stub_first(&stub), "h", 1);
	assert_int_equal(a.ready, 0);
	assert_int_equal(b.ready, 1);
	leave(&b);
	assert_int_equal(stub.cancelled, 1);
	assert_true(TAILQ_EMPTY(&stub.waiting));
	/* The one who is told first ends everything. */
	join(&a, 5);
	join(&b, 5);
	a.takes = &b;
	a.leaves = true;
	stub_end_blob(stub_first(&stub), -1, NULL);
	assert_int_equal(a.done, 1);
	assert_int_equal(b.done, 0);
}

static void
test_failure_is_told_to_all(void **state)
{
	struct user a, b, again;
	struct err e;

	(void)state;
	join(&a, 5);
	join(&b, 5);
	err_set(&e, ERR_UPSTREAM, "gone");
	stub_end_blob(stub_first(&stub), -1, &e);
	assert_int_equal(a.code, ERR_UPSTREAM);
	assert_int_equal(b.code, ERR_UPSTREAM);
	/* While they hold on, who comes now gets a new try. */
	join(&again, 5);
	assert_int_equal(stub.asked, 2);
	leave(&a);
	leave(&b);
	stub_end_blob(stub_first(&stub), -1, NULL);
	assert_int_equal(again.code, ERR_NONE);
	assert_int_equal(again.done, 1);
	leave(&again);
}

static void
test_progress_pipe(void **state)
{
	struct user a;
	char buf[200000];
	int pipe_fd, more[80], i;

	(void)state;
	join(&a, 5);
	pipe_fd = blob_fetch_open_progress(a.fetch);
	assert_true(pipe_fd >= 0);
	assert_int_equal(fcntl(pipe_fd, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(read(pipe_fd, buf, sizeof(buf)), -1);
	stub_write(stub_first(&stub), "he", 2);
	stub_write(stub_first(&stub), "l", 1);
	assert_int_equal(read(pipe_fd, buf, sizeof(buf)), 2);
	/* A reader that does not read stops nobody. */
	for (i = 0; i < 100000; i++)
		stub_first(&stub)->blob_cb.on_progress(
		    stub_first(&stub)->blob_cb.arg, 3);
	assert_true(read(pipe_fd, buf, sizeof(buf)) >= 4096);
	/* A bounded number, and readers that have gone. */
	for (i = 0; i < 63; i++) {
		more[i] = blob_fetch_open_progress(a.fetch);
		assert_true(more[i] >= 0);
		close(more[i]);
	}
	assert_int_equal(blob_fetch_open_progress(a.fetch), -1);
	stub_write(stub_first(&stub), "lo", 2);
	stub_end_blob(stub_first(&stub), -1, NULL);
	assert_int_equal(read(pipe_fd, buf, sizeof(buf)), 1);
	assert_int_equal(read(pipe_fd, buf, sizeof(buf)), 0);
	assert_int_equal(blob_fetch_open_progress(a.fetch), -1);
	close(pipe_fd);
	leave(&a);
}

/* The layout's own file is used where it lies. */
static void
test_other_file(void **state)
{
	auto_fd int own = -1;
	struct user a;
	struct err e;

	(void)state;
	assert_int_equal(fsutil_open_memory("own", &own, &e), 0);
	assert_int_equal(write(own, "hello", 5), 5);
	join(&a, 5);
	stub_end_blob(stub_first(&stub), own, NULL);
	assert_int_equal(a.done, 1);
	assert_int_equal(a.ready, 0);
	assert_false(blob_fetch_owns_file(a.fetch));
	assert_int_not_equal(blob_fetch_fd(a.fetch), own);
	assert_content(&a, "hello");
	leave(&a);
	/* A descriptor that cannot be kept is a failure that is told. */
	join(&a, 5);
	stub_end_blob(stub_first(&stub), 987654, NULL);
	assert_int_equal(a.done, 1);
	assert_int_equal(a.code, ERR_SYSTEM);
	leave(&a);
}

static void
test_blob_in_store(void **state)
{
	struct user a, b;
	struct err e;

	(void)state;
	assert_int_equal(store_add_bytes(store, "hello", 5, &digest, &e), 0);
	join(&a, 5);
	join(&b, 5);
	assert_int_equal(a.done, 0);
	loop_turn(base);
	assert_int_equal(stub.asked, 0);
	assert_int_equal(a.done, 1);
	assert_int_equal(b.done, 1);
	assert_false(blob_fetch_owns_file(a.fetch));
	assert_content(&a, "hello");
	leave(&a);
	leave(&b);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_two_users_one_fetch),
	    TEST(test_file_is_read_only),
	    TEST(test_sizes_apart),
	    TEST(test_leavers),
	    TEST(test_failure_is_told_to_all),
	    TEST(test_progress_pipe),
	    TEST(test_other_file),
	    TEST(test_blob_in_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
