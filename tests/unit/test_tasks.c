/*
 * tasks: what is run, how it fails, and reports that make no sense.  No task
 * can send those, so what takes them is called by itself: hence the source.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../cli/tasks.c"

#define TASKS 20

/* What happened; `ran` is shared with the processes. */
static struct {
	unsigned started, meanwhile, finished[TASKS];
} seen;
static unsigned *ran;

/* Every fifth has nothing to do. */
static int
start(void *arg, size_t i, struct err *e)
{
	(void)arg;
	(void)e;
	seen.started++;
	return i % 5 == 4;
}

static int
run(void *arg, size_t i, struct err *e)
{
	(void)arg;
	(void)e;
	ran[i]++;
	return 0;
}

static int
fail_at_7(void *arg, size_t i, struct err *e)
{
	if (i == 7)
		return err_set(e, ERR_LIMIT, "number %zu", i);
	return run(arg, i, e);
}

/* Ends the process with the status that `arg` points to, and says nothing. */
static int
end_process(void *arg, size_t i, struct err *e)
{
	(void)i;
	(void)e;
	_exit(*(const int *)arg);
}

static int
note_meanwhile(void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	seen.meanwhile++;
	return 0;
}

static int
refuse_meanwhile(void *arg, struct err *e)
{
	(void)arg;
	return err_set(e, ERR_POLICY, "not like this");
}

static int
finish(void *arg, size_t i, struct err *e)
{
	(void)arg;
	(void)e;
	seen.finished[i]++;
	return 0;
}

static int
refuse_to_finish(void *arg, size_t i, struct err *e)
{
	(void)arg;
	return err_set(e, ERR_SYSTEM, "no room for number %zu", i);
}

static const uint64_t sizes[TASKS] = {5, 9, 1, 9, 3};
static const struct tasks usual = {.count = TASKS,
    .sizes = sizes,
    .start = start,
    .run = run,
    .meanwhile = note_meanwhile,
    .finish = finish};

static int
setup(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	memset(ran, 0, TASKS * sizeof(*ran));
	return 0;
}

static void
test_each_runs_once(void **state)
{
	struct err e;
	size_t i;

	(void)state;
	assert_int_equal(tasks_run(&usual, &e), 0);
	assert_int_equal(seen.started, TASKS);
	assert_int_equal(seen.meanwhile, 1);
	for (i = 0; i < TASKS; i++) {
		assert_int_equal(ran[i], i % 5 != 4);
		assert_int_equal(seen.finished[i], i % 5 != 4);
	}
}

static void
test_nothing_to_do(void **state)
{
	struct tasks t = usual;
	struct err e;

	(void)state;
	t.count = 0;
	assert_int_equal(tasks_run(&t, &e), 0);
	assert_int_equal(seen.meanwhile, 1);
}

static void
expect_error(const struct tasks *t, enum err_code code, const char *message)
{
	struct err e = {0};

	assert_int_equal(tasks_run(t, &e), -1);
	assert_int_equal(e.code, code);
	assert_string_equal(e.message, message);
}

static void
test_failures(void **state)
{
	struct tasks t = usual;

	(void)state;
	t.run = fail_at_7;
	expect_error(&t, ERR_LIMIT, "number 7");
	assert_int_equal(seen.finished[7], 0);
	t = usual;
	t.meanwhile = refuse_meanwhile;
	expect_error(&t, ERR_POLICY, "not like this");
	t = usual;
	t.count = 1;
	t.finish = refuse_to_finish;
	expect_error(&t, ERR_SYSTEM, "no room for number 0");
}

/* However a process ends before its task: none is taken for done. */
static void
test_process_ends(void **state)
{
	static const struct {
		int status;
		const char *message;
	} rows[] = {
	    {0, "a process ended before its task did"},
	    {3, "a process died: status 3"},
	    {MEM_EXIT_STATUS, "a process is out of memory"},
	};
	struct tasks t = usual;
	size_t i;
	int status;

	(void)state;
	t.count = 1;
	t.run = end_process;
	t.arg = &status;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		status = rows[i].status;
		expect_error(&t, ERR_WORKER, rows[i].message);
	}
	assert_int_equal(seen.finished[0], 0);
}

/* What is made of `len` bytes of reports, when the first two are awaited. */
static int
take(const struct report *reports, size_t len, struct err *e)
{
	bool awaited[TASKS] = {true, true};
	struct run r = {.tasks = &usual, .awaited = awaited};
	int ends[2], result;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	r.report_fd = ends[0];
	assert_int_equal(write(ends[1], reports, len), len);
	close(ends[1]);
	result = take_results(&r, e);
	close(ends[0]);
	return result;
}

static void
test_reports(void **state)
{
	static const struct report both[] = {{.task = 1}, {.task = 0}};
	struct err e;

	(void)state;
	assert_int_equal(take(both, sizeof(both), &e), 0);
	assert_int_equal(seen.finished[0], 1);
	assert_int_equal(seen.finished[1], 1);
}

static void
test_reports_of_nonsense(void **state)
{
	static const struct {
		const char *name;
		struct report reports[2];
		size_t len;
	} rows[] = {
	    {"twice", {{.task = 0}, {.task = 0}}, 2 * sizeof(struct report)},
	    {"not awaited", {{.task = 2}}, sizeof(struct report)},
	    {"no task", {{.task = TASKS}}, sizeof(struct report)},
	    {"no number", {{.task = SIZE_MAX}}, sizeof(struct report)},
	    {"no task that failed", {{.task = TASKS, .failed = true}},
		sizeof(struct report)},
	    {"half", {{.task = 0}}, sizeof(struct report) / 2},
	};
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		setup(NULL);
		if (take(rows[i].reports, rows[i].len, &e) == 0)
			fail_msg("%s: taken", rows[i].name);
		assert_int_equal(e.code, ERR_WORKER);
		assert_string_equal(e.message, "a process sends nonsense");
		assert_int_equal(seen.finished[0], i == 0);
		assert_int_equal(seen.finished[2], 0);
	}
}

/* The sandbox may keep a process from all tasks; its text ends somewhere. */
static void
test_report_of_failure(void **state)
{
	struct report report = {.task = 2, .failed = true};
	struct err e;

	(void)state;
	memset(report.error.message, 'x', sizeof(report.error.message));
	assert_int_equal(take(&report, sizeof(report), &e), -1);
	assert_int_equal(strlen(e.message), sizeof(e.message) - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_each_runs_once, setup),
	    cmocka_unit_test_setup(test_nothing_to_do, setup),
	    cmocka_unit_test_setup(test_failures, setup),
	    cmocka_unit_test_setup(test_process_ends, setup),
	    cmocka_unit_test_setup(test_reports, setup),
	    cmocka_unit_test_setup(test_reports_of_nonsense, setup),
	    cmocka_unit_test_setup(test_report_of_failure, setup),
	};

	ran = mmap(NULL, TASKS * sizeof(*ran), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ran == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests_name("tasks", tests, NULL, NULL);
}
