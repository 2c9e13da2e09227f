/*
 * worker_pool: jobs for workers.
 *
 * Core only.  A worker does one job and exits; the pool keeps as many idle
 * ones ready as may run at once.  So a job meets a process that no other
 * image's content has touched, and what a job leaks dies with it.
 */
#ifndef WINNOW_DAEMON_WORKER_POOL_H
#define WINNOW_DAEMON_WORKER_POOL_H

#include <event2/event.h>
#include <stdbool.h>

#include "config.h"
#include "winnow/channel.h"
#include "winnow/err.h"

struct worker_pool;
struct worker_job;

struct worker_pool *
worker_pool_new(struct event_base *base, const struct config *config);
void worker_pool_free(struct worker_pool *p);

/*
 * `result` is the worker's message, checked to be one ("type":"result"); its
 * other members are not checked yet.  NULL with `e` on failure: the worker's
 * own error, or ERR_WORKER when it died, ERR_TIMEOUT when it hung.  The job is
 * freed when the callback returns.
 */
typedef void (*worker_job_cb)(
    void *arg, struct channel_message *result, const struct err *e);

/*
 * Queues a job.  Takes the reference `body` (see worker.h for the messages);
 * duplicates the descriptors.
 */
struct worker_job *worker_job_start(struct worker_pool *p, json_t *body,
    const int *fds, size_t fd_count, worker_job_cb cb, void *arg);

/*
 * When a queued job runs: those of an earlier turn first, within a turn the
 * largest first, so that no worker is left alone with it at the end.  To be
 * called right after worker_job_start(); without it a job goes before all.
 */
void worker_job_set_turn(struct worker_job *j, uint64_t turn, uint64_t size);

/*
 * The job waits for something slow, which has a time limit of its own: its
 * own does not count until worker_job_extend(), and then anew.
 */
void worker_job_hold(struct worker_job *j);
void worker_job_extend(struct worker_job *j);

bool worker_job_is_queued(const struct worker_job *j);

/* What the pool does and has done. */
struct worker_pool_stats {
	size_t max; /* workers that may be busy at once */
	size_t busy;
	size_t idle;
	size_t queued;
	uint64_t done; /* jobs with a result */
	uint64_t
	    refused; /* jobs that a worker ended with an error of its own */
	uint64_t died; /* jobs whose worker crashed or was killed */
	uint64_t timed_out;
};
void worker_pool_get_stats(
    const struct worker_pool *p, struct worker_pool_stats *out);

/* Forgets the job; its worker is killed.  No callback follows. */
void worker_job_cancel(struct worker_job *j);

#endif
