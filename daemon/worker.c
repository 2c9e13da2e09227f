#include "worker.h"

#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "process.h"
#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/log.h"

/* Descriptors: three standard ones, the channel, the job's, maps in use. */
#define WORKER_FILES 64

static void
set_limit(int resource, rlim_t value)
{
	struct rlimit limit = {.rlim_cur = value, .rlim_max = value};

	setrlimit(resource, &limit);
}

/*
 * Gives up everything that reading an image does not need.  The place for
 * seccomp and Landlock.
 */
static void
enter_sandbox(void)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	set_limit(RLIMIT_CORE, 0);
	set_limit(RLIMIT_FSIZE, 2 * LIMIT_LAYER_SIZE);
	set_limit(RLIMIT_NPROC, 0);
	set_limit(RLIMIT_NOFILE, WORKER_FILES);
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
	enter_sandbox();
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
