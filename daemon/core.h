/*
 * core: the process that owns the store and talks to upstreams.  It starts
 * the servers and workers and answers the servers' questions.
 */
#ifndef WINNOW_DAEMON_CORE_H
#define WINNOW_DAEMON_CORE_H

#include "http_client.h"
#include "job_env.h"
#include "winnow/policy.h"

struct servers;

struct core {
	struct event_base *base;
	const char *config_path;
	struct config *config;
	struct policy_set *policies;
	struct http_client *http;
	struct upstream **upstreams; /* as in config->upstreams */
	struct servers *servers;
	struct job_env env;
};

/* The upstream of a host; NULL when it is not configured. */
struct upstream *core_find_upstream(const struct core *core, const char *host);

/*
 * Runs core with the configuration file at `path` until a signal ends it.
 * Returns the exit status.
 */
int core_main(const char *path);

/* Checks configuration and policies; with `print`, prints the former. */
int core_check(const char *path, bool print);

#endif
