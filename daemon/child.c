#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"
#include "spawn.h"
#include "winnow/auto.h"
#include "winnow/log.h"
#include "winnow/mem.h"
#include "winnow/sandbox.h"

/* Messages that may wait for a child which does not read. */
#define QUEUE_MAX 16384

struct queued {
	struct queued *next;
	json_t *body;
	int fds[CHANNEL_FDS_MAX];
	size_t fd_count;
};

struct child {
	pid_t pid;
	int channel_fd; /* -1 once the channel has ended */
	int pid_fd; /* -1 once the process was waited for */
	int status;
	struct event *readable;
	struct event *writable;
	struct event *exited;
	struct queued *first, **last;
	size_t queued;
	struct child_callbacks cb;
};

/*
 * Starts the program with the channel as PROCESS_CHANNEL_FD.  Everything else
 * that core has open is close-on-exec.
 */
static int
start_role(const char *role, int channel_fd, pid_t *pid, struct err *e)
{
	char name[] = "winnowd", option[] = "--role";
	auto_free char *role_copy = mem_strdup(role);
	char *argv[] = {name, option, role_copy, NULL};
	char *envp[] = {NULL};
	const struct spawn_fd fd = {channel_fd, PROCESS_CHANNEL_FD};
	const struct spawn_program program = {.file = "/proc/self/exe",
	    .argv = argv,
	    .envp = envp,
	    .fds = &fd,
	    .fd_count = 1};

	if (spawn_start(&program, pid) == -1)
		return err_set_errno(e, "cannot start a %s", role);
	return 0;
}

static void
free_queued(struct queued *q)
{
	size_t i;

	for (i = 0; i < q->fd_count; i++)
		close(q->fds[i]);
	json_decref(q->body);
	free(q);
}

static void
free_queue(struct child *c)
{
	struct queued *q;

	while ((q = c->first) != NULL) {
		c->first = q->next;
		free_queued(q);
	}
	c->last = &c->first;
	c->queued = 0;
}

static void
child_free(struct child *c)
{
	free_queue(c);
	event_free(c->readable);
	event_free(c->writable);
	event_free(c->exited);
	if (c->channel_fd != -1)
		close(c->channel_fd);
	if (c->pid_fd != -1)
		close(c->pid_fd);
	free(c);
}

static void
describe_end(int status, char *buf, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(buf, size, "killed by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == MEM_EXIT_STATUS)
		snprintf(buf, size, "out of memory");
	else if (WEXITSTATUS(status) == SANDBOX_EXIT_STATUS)
		snprintf(buf, size, "killed by the sandbox");
	else
		snprintf(
		    buf, size, "exited with status %d", WEXITSTATUS(status));
}

/* Frees the child once both its ends are gone, then tells. */
static void
check_gone(struct child *c)
{
	struct child_callbacks cb = c->cb;
	int status = c->status;
	char how[100];

	if (c->channel_fd != -1 || c->pid_fd != -1)
		return;
	child_free(c);
	describe_end(status, how, sizeof(how));
	if (cb.on_gone != NULL)
		cb.on_gone(cb.arg, status, how);
}

static void
close_channel(struct child *c)
{
	event_del(c->readable);
	event_del(c->writable);
	close(c->channel_fd);
	c->channel_fd = -1;
	free_queue(c);
}

static void
on_exited(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;

	(void)fd;
	(void)what;
	if (waitpid(c->pid, &c->status, WNOHANG) == 0)
		return;
	event_del(c->exited);
	close(c->pid_fd);
	c->pid_fd = -1;
	check_gone(c);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;
	struct channel_message m;
	struct err e;
	int result = channel_receive((int)fd, &m, &e);

	(void)what;
	if (result == 2)
		return;
	if (result == 1) {
		if (c->cb.on_message != NULL)
			c->cb.on_message(c->cb.arg, &m);
		channel_message_clear(&m);
		return;
	}
	if (result == -1) {
		log_event(
		    LOG_LEVEL_ERROR, "child.message", "error", e.message, NULL);
		child_kill(c);
	}
	close_channel(c);
	check_gone(c);
}

/*
 * A message that cannot be sent is lost, and with it what both ends agree on:
 * the child ends too.
 */
static void
fail_send(struct child *c, const struct err *e)
{
	log_event(LOG_LEVEL_ERROR, "child.send", "error", e->message, NULL);
	free_queue(c);
	child_kill(c);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;

	(void)what;
	while (c->first != NULL) {
		struct queued *q = c->first;
		struct err e;
		int result =
		    channel_send((int)fd, q->body, q->fds, q->fd_count, &e);

		if (result == 0) {
			event_add(c->writable, NULL);
			return;
		}
		if (result == -1) {
			fail_send(c, &e);
			return;
		}
		c->first = q->next;
		if (c->first == NULL)
			c->last = &c->first;
		c->queued--;
		free_queued(q);
	}
}

/* Kills a process and waits for its end, which SIGKILL makes near. */
static void
end_process(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
}

int
child_start(struct event_base *base, const char *role,
    const struct child_callbacks *cb, struct child **out, struct err *e)
{
	struct child *c;
	int ends[2], pid_fd;
	pid_t pid;

	if (channel_pair(ends, e) == -1)
		return -1;
	if (start_role(role, ends[1], &pid, e) == -1) {
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	close(ends[1]);
	/* Nobody else waits for this child, so its number is still its own. */
	pid_fd = pidfd_open(pid, 0);
	if (pid_fd == -1) {
		err_set_errno(e, "cannot watch a %s", role);
		close(ends[0]);
		end_process(pid);
		return -1;
	}
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	c = mem_zalloc(1, sizeof(*c));
	c->pid = pid;
	c->channel_fd = ends[0];
	c->pid_fd = pid_fd;
	c->cb = *cb;
	c->last = &c->first;
	c->readable =
	    event_new(base, ends[0], EV_READ | EV_PERSIST, on_readable, c);
	c->writable = event_new(base, ends[0], EV_WRITE, on_writable, c);
	c->exited =
	    event_new(base, c->pid_fd, EV_READ | EV_PERSIST, on_exited, c);
	event_add(c->readable, NULL);
	event_add(c->exited, NULL);
	*out = c;
	return 0;
}

static int
enqueue(struct child *c, json_t *body, const int *fds, size_t fd_count,
    struct err *e)
{
	struct queued *q = mem_zalloc(1, sizeof(*q));
	size_t i;

	q->body = json_incref(body);
	for (i = 0; i < fd_count; i++) {
		int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);

		if (fd == -1) {
			free_queued(q);
			return err_set_errno(e, "cannot queue a descriptor");
		}
		q->fds[q->fd_count++] = fd;
	}
	*c->last = q;
	c->last = &q->next;
	c->queued++;
	event_add(c->writable, NULL);
	return 0;
}

void
child_send(struct child *c, json_t *body, const int *fds, size_t fd_count)
{
	struct err e;
	int result = 0;

	if (c->channel_fd == -1)
		return;
	if (c->first == NULL)
		result = channel_send(c->channel_fd, body, fds, fd_count, &e);
	if (result == 0 && c->queued >= QUEUE_MAX)
		result = err_set(
		    &e, ERR_BUSY, "%zu messages wait already", c->queued);
	else if (result == 0)
		result = enqueue(c, body, fds, fd_count, &e);
	if (result == -1)
		fail_send(c, &e);
}

pid_t
child_pid(const struct child *c)
{
	return c->pid;
}

void
child_kill(struct child *c)
{
	if (c->pid_fd != -1)
		kill(c->pid, SIGKILL);
}

void
child_abandon(struct child *c)
{
	if (c->pid_fd != -1)
		end_process(c->pid);
	child_free(c);
}
