#include "worker.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "process.h"
#include "winnow/digest.h"
#include "winnow/json.h"
#include "winnow/layer_index.h"
#include "winnow/limits.h"
#include "winnow/log.h"
#include "winnow/mem.h"
#include "winnow/sandbox.h"

/* Descriptors: three standard ones, the channel, the job's, maps in use. */
#define WORKER_FILES 64

static void
set_limit(int resource, rlim_t value)
{
	struct rlimit limit = {.rlim_cur = value, .rlim_max = value};

	setrlimit(resource, &limit);
}

/* Everything but the standard descriptors and the channel. */
static void
close_others(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null != -1) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	close_range(PROCESS_CHANNEL_FD + 1, ~0u, 0);
}

/* Has libraries read now what they read once: files, in the sandbox. */
static void
prepare_libraries(void)
{
	hash_free(hash_new());
	layer_read_prepare();
	json_object_seed(0);
}

/* Appends a number to what `at` points to; returns its end. */
static char *
put_number(char *at, unsigned number)
{
	char digits[16];
	size_t n = 0;

	do
		digits[n++] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	while (n > 0)
		*at++ = digits[--n];
	return at;
}

/* Answers the job in a signal handler, where little may be called. */
static void
answer_denied(int system_call)
{
	static const char start[] =
	    "{\"type\":\"error\",\"code\":\"worker\",\"message\":"
	    "\"worker: killed by the sandbox: system call ";
	static char text[sizeof(start) + 20];
	char *end = stpcpy(text, start);

	end = put_number(end, (unsigned)system_call);
	end = stpcpy(end, "\"}");
	if (write(PROCESS_CHANNEL_FD, text, (size_t)(end - text)) != -1)
		_exit(0);
}

/*
 * Gives up everything that reading an image does not need.
 */
static int
give_up(struct err *e)
{
	close_others();
	prepare_libraries();
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	mem_keep_freed();
	set_limit(RLIMIT_FSIZE, 2 * LIMIT_LAYER_SIZE);
	set_limit(RLIMIT_NPROC, 0);
	set_limit(RLIMIT_NOFILE, WORKER_FILES);
	return sandbox_enter(answer_denied, e);
}

/* The limits that come with a job. */
static int
limit_job(const json_t *body, struct err *e)
{
	uint64_t memory, time_s;

	if (json_get_uint(body, "memory", JSON_REQUIRED, UINT64_MAX >> 1,
		&memory, e) == -1 ||
	    json_get_uint(
		body, "time_s", JSON_REQUIRED, UINT32_MAX, &time_s, e) == -1)
		return -1;
#ifndef __SANITIZE_ADDRESS__ /* which reserves terabytes */
	set_limit(RLIMIT_AS, memory);
#endif
	set_limit(RLIMIT_CPU, time_s);
	return 0;
}

/* Answers one message; false when the answer could not be sent. */
static bool
answer(struct channel_message *m)
{
	json_t *result = NULL;
	struct err e;
	bool sent;

	if (limit_job(m->body, &e) == 0 && worker_do_job(m, &result, &e) == 0)
		json_object_set_new(result, "type", json_string("result"));
	else
		result = json_pack("{s:s, s:s, s:o}", "type", "error", "code",
		    err_code_name(e.code), "message", json_escaped(e.message));
	sent = channel_send(PROCESS_CHANNEL_FD, result, NULL, 0, &e) == 1;
	json_decref(result);
	return sent;
}

int
worker_main(void)
{
	struct channel_message m;
	struct err e;
	int result;

	setlocale(LC_CTYPE, "C.UTF-8");
	log_init("worker", LOG_LEVEL_INFO);
	if (give_up(&e) == -1) {
		log_event(LOG_LEVEL_ERROR, "worker.sandbox", "error", e.message,
		    NULL);
		return 1;
	}
	result = channel_receive(PROCESS_CHANNEL_FD, &m, &e);
	if (result == 0)
		return 0;
	if (result != 1) {
		log_event(LOG_LEVEL_ERROR, "worker.message", "error", e.message,
		    NULL);
		return 1;
	}
	result = answer(&m) ? 0 : 1;
	channel_message_clear(&m);
	return result;
}
