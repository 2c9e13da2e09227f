#include "credential_helper.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn.h"
#include "winnow/auto.h"
#include "winnow/json.h"
#include "winnow/mem.h"
#include "winnow/strbuf.h"

/* A user name and a token; the largest real tokens have some KiB. */
#define OUTPUT_MAX (64u << 10)
/* Helpers ask the cloud they run in; longer, and clients have gone. */
#define HELPER_TIME_S 30
/* What of a helper's own words a message repeats. */
#define WORDS_MAX 200
#define NOT_FOUND "credentials not found"

struct credential_helper {
	char *name; /* of the program, for messages */
	pid_t pid;
	int pid_fd;
	int output; /* -1 once it has ended */
	bool ended; /* the process was waited for */
	int status;
	bool late; /* was killed for its time */
	struct event readable;
	struct event exited;
	struct event timer;
	struct strbuf text;
	credential_helper_cb cb;
	void *arg;
};

static void
helper_free(struct credential_helper *h)
{
	event_del(&h->readable);
	event_del(&h->exited);
	event_del(&h->timer);
	if (h->output != -1)
		close(h->output);
	close(h->pid_fd);
	if (h->text.data != NULL)
		OPENSSL_cleanse(h->text.data, h->text.len);
	strbuf_clear(&h->text);
	free(h->name);
	free(h);
}

void
credential_helper_cancel(struct credential_helper *h)
{
	if (!h->ended) {
		kill(h->pid, SIGKILL);
		while (waitpid(h->pid, &h->status, 0) == -1 && errno == EINTR)
			continue;
	}
	helper_free(h);
}

/* Why it failed, in its own words as far as they are no secret. */
static void
describe_failure(const struct credential_helper *h, struct err *e)
{
	const char *text = h->text.data == NULL ? "" : h->text.data;

	if (h->late)
		err_set(e, ERR_UNAUTHORIZED,
		    "credential helper %s: no answer in %d seconds", h->name,
		    HELPER_TIME_S);
	else if (WIFSIGNALED(h->status))
		err_set(e, ERR_UNAUTHORIZED,
		    "credential helper %s: killed by signal %d", h->name,
		    WTERMSIG(h->status));
	else
		err_set(e, ERR_UNAUTHORIZED,
		    "credential helper %s: exited with status %d: %.*s",
		    h->name, WEXITSTATUS(h->status),
		    strchr(text, '{') != NULL ? 0
					      : (int)strnlen(text, WORDS_MAX),
		    text);
}

/* Takes "user:password" out of its output; the caller cleanses. */
static int
read_output(struct credential_helper *h, char **out, struct err *e)
{
	auto_json json_t *json = NULL;
	const char *user, *secret;

	if (json_parse_object(strbuf_string(&h->text), h->text.len, "output",
		&json, e) == -1 ||
	    json_get_string(json, "Username", JSON_REQUIRED, &user, e) == -1 ||
	    json_get_string(json, "Secret", JSON_REQUIRED, &secret, e) == -1) {
		e->code = ERR_UNAUTHORIZED;
		return err_wrap(e, "credential helper %s", h->name);
	}
	if (strcmp(user, "<token>") == 0)
		return err_set(e, ERR_UNAUTHORIZED,
		    "credential helper %s has an identity token, which winnow "
		    "cannot use: give it a user name and a password",
		    h->name);
	*out = mem_printf("%s:%s", user, secret);
	return 0;
}

/* Both the output and the process have ended. */
static void
check_end(struct credential_helper *h)
{
	bool well = WIFEXITED(h->status) && WEXITSTATUS(h->status) == 0;
	char *text = NULL;
	struct err e = {.code = ERR_NONE};

	if (h->output != -1 || !h->ended)
		return;
	if (h->text.overflow)
		err_set(&e, ERR_UNAUTHORIZED,
		    "credential helper %s wrote more than %u bytes", h->name,
		    OUTPUT_MAX);
	else if (well)
		(void)read_output(h, &text, &e);
	else if (h->late || strstr(strbuf_string(&h->text), NOT_FOUND) == NULL)
		describe_failure(h, &e);
	h->cb(h->arg, text, e.code == ERR_NONE ? NULL : &e);
	if (text != NULL)
		OPENSSL_cleanse(text, strlen(text));
	free(text);
	helper_free(h);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct credential_helper *h = arg;
	char buffer[4096];
	ssize_t n = read((int)fd, buffer, sizeof(buffer));

	(void)what;
	if (n > 0) {
		strbuf_add(&h->text, buffer, (size_t)n);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		event_del(&h->readable);
		close(h->output);
		h->output = -1;
		check_end(h);
	}
	OPENSSL_cleanse(buffer, sizeof(buffer));
}

static void
on_exited(evutil_socket_t fd, short what, void *arg)
{
	struct credential_helper *h = arg;

	(void)fd;
	(void)what;
	if (waitpid(h->pid, &h->status, WNOHANG) == 0)
		return;
	h->ended = true;
	event_del(&h->exited);
	check_end(h);
}

static void
on_late(evutil_socket_t fd, short what, void *arg)
{
	struct credential_helper *h = arg;

	(void)fd;
	(void)what;
	h->late = true;
	kill(h->pid, SIGKILL);
	/* A child of its own may hold the output open. */
	if (h->output != -1) {
		event_del(&h->readable);
		close(h->output);
		h->output = -1;
	}
	check_end(h);
}

/* Starts the program with `input` and `output` as its standard ones. */
static int
start_program(
    const char *program, int input, int output, pid_t *pid, struct err *e)
{
	char get[] = "get";
	auto_free char *name = mem_strdup(program);
	char *argv[] = {name, get, NULL};
	const struct spawn_fd fds[] = {
	    {input, STDIN_FILENO}, {output, STDOUT_FILENO}};
	const struct spawn_program p = {.file = program,
	    .argv = argv,
	    .envp = environ,
	    .fds = fds,
	    .fd_count = 2};

	if (spawn_start(&p, pid) == 0)
		return 0;
	err_set_errno(e, "credential helper %s cannot be started", program);
	e->code = ERR_UNAUTHORIZED;
	return -1;
}

/* The question fits a pipe, so that writing it never waits. */
static int
ask(const char *program, const char *server, int *output, pid_t *pid,
    struct err *e)
{
	auto_free char *line = mem_printf("%s\n", server);
	auto_fd int to_read = -1, to_write = -1, from_read = -1,
		    from_write = -1;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) == -1)
		return err_set_errno(e, "cannot make a pipe");
	to_read = ends[0];
	to_write = ends[1];
	if (pipe2(ends, O_CLOEXEC) == -1)
		return err_set_errno(e, "cannot make a pipe");
	from_read = ends[0];
	from_write = ends[1];
	if (write(to_write, line, strlen(line)) != (ssize_t)strlen(line))
		return err_set_errno(e, "cannot write to a pipe");
	if (start_program(program, to_read, from_write, pid, e) == -1)
		return -1;
	*output = steal_fd(&from_read);
	return 0;
}

int
credential_helper_start(struct event_base *base, const char *name,
    const char *server, credential_helper_cb cb, void *arg,
    struct credential_helper **out, struct err *e)
{
	auto_free char *program = strchr(name, '/') != NULL
	    ? mem_strdup(name)
	    : mem_printf("docker-credential-%s", name);
	const struct timeval most = {.tv_sec = HELPER_TIME_S};
	struct credential_helper *h;
	int output = -1;
	pid_t pid;

	if (ask(program, server, &output, &pid, e) == -1)
		return -1;
	evutil_make_socket_nonblocking(output);
	h = mem_zalloc(1, sizeof(*h));
	h->name = steal(&program);
	h->pid = pid;
	h->pid_fd = pidfd_open(pid, 0);
	h->output = output;
	h->cb = cb;
	h->arg = arg;
	strbuf_init(&h->text, OUTPUT_MAX);
	event_assign(
	    &h->readable, base, output, EV_READ | EV_PERSIST, on_readable, h);
	event_assign(
	    &h->exited, base, h->pid_fd, EV_READ | EV_PERSIST, on_exited, h);
	evtimer_assign(&h->timer, base, on_late, h);
	if (h->pid_fd == -1) {
		err_set_errno(e, "cannot watch %s", h->name);
		credential_helper_cancel(h);
		return -1;
	}
	event_add(&h->readable, NULL);
	event_add(&h->exited, NULL);
	event_add(&h->timer, &most);
	*out = h;
	return 0;
}
