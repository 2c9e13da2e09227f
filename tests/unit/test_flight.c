/* flight: one at a time, any number of waiters, in any order of leaving. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../daemon/flight.h"
#include "winnow/mem.h"

/* A kind of work that waits for another one itself. */
struct work {
	struct flight flight; /* first */
	struct flight_waiter waiter;
	size_t *cancelled;
};

struct waiter {
	struct flight_waiter waiter;
	struct flights *all;
	struct flight_waiter *leaves; /* in done */
	struct flight *starts; /* in done: joins it anew */
	int told;
	enum err_code code;
};

static void
cancel_work(struct flight *f)
{
	struct work *w = (struct work *)f;

	flight_leave(&w->waiter);
	++*w->cancelled;
	free(w);
}

static struct work *
new_work(struct flights *all, const char *key, size_t *cancelled)
{
	struct work *w = mem_zalloc(1, sizeof(*w));

	w->cancelled = cancelled;
	flight_enter(all, &w->flight, key, cancel_work);
	return w;
}

static void
on_done(void *arg, const struct err *e)
{
	struct waiter *w = arg;

	w->told++;
	w->code = e == NULL ? ERR_NONE : e->code;
	assert_null(w->waiter.flight);
	if (w->leaves != NULL)
		flight_leave(w->leaves);
	if (w->starts != NULL) {
		assert_null(flight_find(w->all, "a"));
		flight_enter(w->all, w->starts, "a", cancel_work);
		flight_join(w->starts, &w->waiter);
		w->starts = NULL;
	}
}

static struct waiter
new_waiter(struct flights *all)
{
	return (struct waiter){.waiter = {.done = on_done}, .all = all};
}

static void
test_everyone_is_told_once(void **state)
{
	struct flights *all = flights_new();
	size_t cancelled = 0;
	struct work *work = new_work(all, "a", &cancelled);
	struct waiter w[3];
	struct err e;
	int i;

	(void)state;
	assert_ptr_equal(flight_find(all, "a"), &work->flight);
	assert_null(flight_find(all, "b"));
	assert_int_equal(flights_count(all), 1);
	for (i = 0; i < 3; i++) {
		w[i] = new_waiter(all);
		w[i].waiter.arg = &w[i];
		flight_join(&work->flight, &w[i].waiter);
	}
	flight_leave(&w[1].waiter);
	flight_leave(&w[1].waiter); /* again does nothing */
	err_set(&e, ERR_UPSTREAM, "gone");
	flight_end(&work->flight, &e);
	free(work);
	assert_int_equal(w[0].told, 1);
	assert_int_equal(w[0].code, ERR_UPSTREAM);
	assert_int_equal(w[1].told, 0);
	assert_int_equal(w[2].told, 1);
	assert_int_equal(flights_count(all), 0);
	assert_null(flight_find(all, "a"));
	flights_free(all);
	assert_int_equal(cancelled, 0);
}

/* Who is told may make others leave, and begin the same work anew. */
static void
test_told_waiters_act(void **state)
{
	struct flights *all = flights_new();
	size_t cancelled = 0;
	struct work *first = new_work(all, "a", &cancelled);
	struct work *second = mem_zalloc(1, sizeof(*second));
	struct waiter a = new_waiter(all), b = new_waiter(all);

	(void)state;
	second->cancelled = &cancelled;
	a.waiter.arg = &a;
	b.waiter.arg = &b;
	a.leaves = &b.waiter;
	a.starts = &second->flight;
	flight_join(&first->flight, &a.waiter);
	flight_join(&first->flight, &b.waiter);
	flight_end(&first->flight, NULL);
	free(first);
	assert_int_equal(a.told, 1);
	assert_int_equal(b.told, 0);
	assert_int_equal(flights_count(all), 1);
	flight_end(&second->flight, NULL);
	free(second);
	assert_int_equal(a.told, 2);
	flights_free(all);
}

/* A flight may wait for an older one, which is cancelled first. */
static void
test_shutdown_cancels_all(void **state)
{
	struct flights *all = flights_new();
	size_t cancelled = 0;
	struct work *manifest = new_work(all, "manifest", &cancelled);
	struct work *variant = new_work(all, "variant", &cancelled);
	struct work *other = new_work(all, "other", &cancelled);

	(void)state;
	flight_join(&manifest->flight, &variant->waiter);
	flight_join(&other->flight, &manifest->waiter);
	flights_free(all);
	assert_int_equal(cancelled, 3);
}

/* The log names the request that began it, not those that joined. */
static void
test_asker_is_the_first(void **state)
{
	struct flights *all = flights_new();
	size_t cancelled = 0;
	struct work *work = new_work(all, "a", &cancelled);
	struct flight_waiter nobody = {.asker = NULL}, first = {.asker = "1-1"},
			     second = {.asker = "1-2"};

	(void)state;
	flight_join(&work->flight, &nobody);
	assert_null(flight_asker(&work->flight));
	flight_join(&work->flight, &first);
	flight_join(&work->flight, &second);
	flight_leave(&first);
	assert_string_equal(flight_asker(&work->flight), "1-1");
	flights_free(all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_everyone_is_told_once),
	    cmocka_unit_test(test_told_waiters_act),
	    cmocka_unit_test(test_shutdown_cancels_all),
	    cmocka_unit_test(test_asker_is_the_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
