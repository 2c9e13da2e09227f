#include "tasks.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "winnow/digest.h"
#include "winnow/layer_index.h"
#include "winnow/mem.h"
#include "winnow/sandbox.h"

/* What a process says of a task; it fits a pipe at once. */
struct report {
	size_t task;
	bool failed;
	struct err error;
};
_Static_assert(sizeof(struct report) <= PIPE_BUF, "reports must not mix");

/* Shared between all processes. */
struct shared {
	_Atomic size_t next; /* in `order` */
};

struct run {
	const struct tasks *tasks;
	size_t *order; /* of the tasks that have something to do */
	size_t count;
	bool *awaited; /* by task: its report is still to come */
	struct shared *shared;
	pid_t *pids; /* 0: it was waited for */
	size_t process_count;
	int report_fd; /* of this process; ends when no other is left */
};

size_t
tasks_processors(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == -1)
		return 1;
	return (size_t)CPU_COUNT(&set);
}

static int
compare_sizes(const void *a, const void *b, void *arg)
{
	const uint64_t *sizes = arg;
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	if (sizes[x] != sizes[y])
		return sizes[x] > sizes[y] ? -1 : 1;
	return x < y ? -1 : x > y;
}

static void
run_init(struct run *r, const struct tasks *t)
{
	*r = (struct run){.tasks = t, .report_fd = -1};
	r->order = mem_zalloc(t->count, sizeof(*r->order));
	r->awaited = mem_zalloc(t->count, sizeof(*r->awaited));
	r->pids = mem_zalloc(t->count, sizeof(*r->pids));
	r->shared = mmap(NULL, sizeof(*r->shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (r->shared == MAP_FAILED)
		_exit(MEM_EXIT_STATUS);
}

/* Ends what still runs. */
static void
run_clear(struct run *r)
{
	size_t i;

	for (i = 0; i < r->process_count; i++) {
		if (r->pids[i] == 0)
			continue;
		kill(r->pids[i], SIGKILL);
		while (waitpid(r->pids[i], NULL, 0) == -1 && errno == EINTR)
			;
	}
	if (r->report_fd != -1)
		close(r->report_fd);
	munmap(r->shared, sizeof(*r->shared));
	free(r->order);
	free(r->awaited);
	free(r->pids);
}

/* Says in a signal handler what the sandbox forbade. */
static void
tell_denied(int system_call)
{
	char text[80];
	int len = snprintf(text, sizeof(text),
	    "winnow: killed by the sandbox: system call %d\n", system_call);

	if (write(STDERR_FILENO, text, (size_t)len) == -1)
		_exit(SANDBOX_EXIT_STATUS);
}

static void
send_report(int fd, const struct report *report)
{
	if (write(fd, report, sizeof(*report)) != (ssize_t)sizeof(*report))
		_exit(1);
}

/* The life of a process: one task after the other, until none is left. */
static _Noreturn void
run_tasks(const struct run *r, int fd)
{
	const struct tasks *t = r->tasks;
	struct report report = {0};
	size_t i;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	layer_read_prepare();
	hash_free(hash_new());
	report.failed = sandbox_enter(tell_denied, &report.error) == -1;
	while (!report.failed && (i = r->shared->next++) < r->count) {
		report.task = r->order[i];
		report.failed =
		    t->run(t->arg, report.task, &report.error) == -1;
		if (!report.failed)
			send_report(fd, &report);
	}
	if (report.failed)
		send_report(fd, &report);
	_exit(0);
}

/* Opens what the tasks need, and puts them in order. */
static int
start_tasks(struct run *r, struct err *e)
{
	const struct tasks *t = r->tasks;
	size_t i;

	for (i = 0; i < t->count; i++) {
		int result = t->start(t->arg, i, e);

		if (result == -1)
			return -1;
		if (result == 0) {
			r->order[r->count++] = i;
			r->awaited[i] = true;
		}
	}
	qsort_r(r->order, r->count, sizeof(*r->order), compare_sizes,
	    (void *)(uintptr_t)t->sizes);
	return 0;
}

static int
start_processes(struct run *r, struct err *e)
{
	size_t wanted = tasks_processors();
	int ends[2], result = 0;

	if (pipe2(ends, O_CLOEXEC) == -1)
		return err_set_errno(e, "cannot make a pipe");
	r->report_fd = ends[0];
	if (wanted > r->count)
		wanted = r->count;
	fflush(NULL);
	while (r->process_count < wanted && result == 0) {
		pid_t pid = fork();

		if (pid == 0)
			run_tasks(r, ends[1]);
		if (pid == -1)
			result = err_set_errno(e, "cannot start a process");
		else
			r->pids[r->process_count++] = pid;
	}
	close(ends[1]);
	return result;
}

/* Takes the results as they come, until no process can send one. */
static int
take_results(struct run *r, struct err *e)
{
	const struct tasks *t = r->tasks;
	struct report report;
	ssize_t n;

	for (;;) {
		n = read(r->report_fd, &report, sizeof(report));
		if (n == -1 && errno == EINTR)
			continue;
		if (n == 0)
			return 0;
		if (n != (ssize_t)sizeof(report) || report.task >= t->count ||
		    (!report.failed && !r->awaited[report.task]))
			return err_set(
			    e, ERR_WORKER, "a process sends nonsense");
		if (report.failed) {
			*e = report.error;
			e->message[sizeof(e->message) - 1] = '\0';
			return -1;
		}
		r->awaited[report.task] = false;
		if (t->finish(t->arg, report.task, e) == -1)
			return -1;
	}
}

/* Fills *e with how a process ended, unless well. */
static int
check_end(int status, struct err *e)
{
	if (status == 0)
		return 0;
	if (WIFSIGNALED(status))
		return err_set(e, ERR_WORKER, "a process died: signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status) == MEM_EXIT_STATUS)
		return err_set(e, ERR_WORKER, "a process is out of memory");
	return err_set(
	    e, ERR_WORKER, "a process died: status %d", WEXITSTATUS(status));
}

/* Waits for all processes, whose channel has ended. */
static int
wait_processes(struct run *r, struct err *e)
{
	int status, result = 0;
	size_t i;

	for (i = 0; i < r->process_count; i++) {
		while (waitpid(r->pids[i], &status, 0) == -1)
			if (errno != EINTR)
				return err_set_errno(
				    e, "cannot wait for a process");
		r->pids[i] = 0;
		if (result == 0)
			result = check_end(status, e);
	}
	return result;
}

/* A process that ends well may have left tasks to nobody all the same. */
static int
check_complete(const struct run *r, struct err *e)
{
	size_t i;

	for (i = 0; i < r->tasks->count; i++)
		if (r->awaited[i])
			return err_set(e, ERR_WORKER,
			    "a process ended before its task did");
	return 0;
}

int
tasks_run(const struct tasks *t, struct err *e)
{
	struct run r;
	int result = -1;

	run_init(&r, t);
	if (start_tasks(&r, e) == 0 && start_processes(&r, e) == 0 &&
	    (t->meanwhile == NULL || t->meanwhile(t->arg, e) == 0) &&
	    take_results(&r, e) == 0 && wait_processes(&r, e) == 0)
		result = check_complete(&r, e);
	run_clear(&r);
	return result;
}
