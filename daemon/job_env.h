/* job_env: what every job of core works with; all borrowed. */
#ifndef WINNOW_DAEMON_JOB_ENV_H
#define WINNOW_DAEMON_JOB_ENV_H

#include "blob_fetch.h"
#include "builds.h"
#include "config.h"
#include "flight.h"
#include "store.h"
#include "worker_pool.h"

struct lists;
struct misses;

struct job_env {
	struct event_base *base;
	const struct config *config;
	struct store *store;
	struct worker_pool *pool;
	struct blob_fetches *fetches;
	struct flights *flights;
	struct lists *lists;
	struct misses *misses;
	/* Tells servers to forget their answers; a tag has moved. */
	void (*tag_moved)(void *arg);
	void *arg;
	/* Workers that read a layer which is still being downloaded; one worker
	 * is always left for what is complete. */
	size_t streaming;
	uint64_t turns; /* images begun: the earlier go first */
	struct builds builds;
};

#endif
