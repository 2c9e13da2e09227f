/*
 * context: what core answers questions with; all of it lives as long as core
 * runs, but for the policies, which a reload replaces.
 */
#ifndef WINNOW_DAEMON_CONTEXT_H
#define WINNOW_DAEMON_CONTEXT_H

#include <sys/queue.h>

#include "gc.h"
#include "http_client.h"
#include "job_env.h"
#include "logins.h"
#include "tls_keeper.h"
#include "winnow/policy.h"

struct warm;

/* When the policies were read. */
struct reload_state {
	int64_t loaded; /* seconds of the wall clock */
	int64_t refused; /* 0: not since they were loaded */
	struct err error; /* why */
};

struct context {
	struct event_base *base;
	struct config *config;
	struct policy_set *policies;
	struct http_client *http;
	struct tls_keeper *tls;
	struct logins *logins;
	struct upstream **upstreams; /* as in config->upstreams */
	struct job_env env;
	struct gc *gc;
	TAILQ_HEAD(, warm) warms; /* under way (warm.h) */
	struct reload_state reload;
	int access_log; /* its file, or -1: standard error (access_log.h) */
};

/*
 * Opens the store and the upstreams and starts the workers.  base, config and
 * policies are set, and env's callback; context_close() also after a failure.
 */
int context_open(struct context *context, struct err *e);
void context_close(struct context *context);

/* The upstream of a host; NULL when it is not configured. */
struct upstream *
context_find_upstream(const struct context *context, const char *host);

#endif
