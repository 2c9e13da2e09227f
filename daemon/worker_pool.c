#include "worker_pool.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "child.h"
#include "winnow/auto.h"
#include "winnow/json.h"
#include "winnow/log.h"
#include "winnow/mem.h"
#include "winnow/sandbox.h"

/* Between attempts to start a worker when the system refuses. */
static const struct timeval retry_delay = {.tv_sec = 1};

enum worker_state { WORKER_IDLE, WORKER_BUSY };

struct worker {
	struct worker *next;
	struct worker_pool *pool;
	struct child *child;
	enum worker_state state;
	struct worker_job *job; /* NULL when idle or abandoned */
	struct channel_message result; /* body NULL until it came */
};

struct worker_job {
	struct worker_job *next; /* in the queue */
	uint64_t turn;
	uint64_t size; /* within the turn, largest first */
	struct worker_pool *pool;
	struct worker *worker; /* NULL while queued */
	json_t *body;
	int fds[CHANNEL_FDS_MAX];
	size_t fd_count;
	struct event *timer;
	struct timespec began; /* by its worker */
	bool held; /* no time limit for now */
	bool timed_out;
	struct err error; /* why it cannot run, or ERR_NONE */
	worker_job_cb cb;
	void *arg;
};

struct worker_pool {
	struct event_base *base;
	struct event *retry;
	struct worker *workers;
	size_t count; /* of workers, idle and busy */
	size_t max_busy;
	size_t busy;
	struct worker_job *first; /* queue, in the order of running */
	uint64_t memory;
	struct timeval time_limit;
	struct worker_pool_stats stats; /* what it has done */
};

static void pool_run(struct worker_pool *p);

static void
job_close_fds(struct worker_job *j)
{
	size_t i;

	for (i = 0; i < j->fd_count; i++)
		close(j->fds[i]);
	j->fd_count = 0;
}

static void
job_free(struct worker_job *j)
{
	job_close_fds(j);
	json_decref(j->body);
	event_free(j->timer);
	free(j);
}

/* The name of a job, for messages. */
static const char *
job_kind(const struct worker_job *j)
{
	const char *kind = NULL;
	struct err ignored;

	json_get_string(j->body, "job", JSON_OPTIONAL, &kind, &ignored);
	return kind == NULL ? "?" : kind;
}

/*
 * Reads an answer: 0 for a result, -1 with the worker's error or what is wrong
 * with its message.  An error without a reason would pass for success.
 */
static int
read_answer(const struct worker_job *j, const json_t *body, struct err *e)
{
	const char *type = "", *code = "", *text = "";

	if (json_get_string(body, "type", JSON_REQUIRED, &type, e) == 0 &&
	    strcmp(type, "result") == 0)
		return 0;
	if (strcmp(type, "error") == 0 &&
	    json_get_string(body, "code", JSON_REQUIRED, &code, e) == 0 &&
	    json_get_string(body, "message", JSON_REQUIRED, &text, e) == 0 &&
	    err_code_parse(code) != ERR_NONE)
		return err_set(e, err_code_parse(code), "%s", text);
	return err_set(e, ERR_WORKER, "worker (%s): its answer makes no sense",
	    job_kind(j));
}

static void
log_job(const struct worker_job *j, const char *how)
{
	const char *digest = NULL;
	struct timespec now;
	char ms[32];
	struct err ignored;

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(ms, sizeof(ms), "%lld",
	    (long long)(now.tv_sec - j->began.tv_sec) * 1000 +
		(now.tv_nsec - j->began.tv_nsec) / 1000000);
	json_get_string(j->body, "digest", JSON_OPTIONAL, &digest, &ignored);
	log_event(LOG_LEVEL_DEBUG, "job.done", "job", job_kind(j), "digest",
	    digest, "ms", ms, "worker", how, NULL);
}

/* Ends a job with its worker's message, or why there is none. */
static void
job_finish(struct worker_job *j, struct worker *w, int status, const char *how)
{
	struct worker_pool_stats *stats = &j->pool->stats;
	struct channel_message *m = &w->result;
	int result = -1;
	struct err e;

	log_job(j, how);
	if (j->timed_out)
		err_set(&e, ERR_TIMEOUT,
		    "worker (%s): no result within its time limit of %lld s",
		    job_kind(j), (long long)j->pool->time_limit.tv_sec);
	else if (m->body == NULL || !WIFEXITED(status) ||
	    WEXITSTATUS(status) != 0)
		err_set(&e, ERR_WORKER, "worker (%s): %s", job_kind(j), how);
	else
		result = read_answer(j, m->body, &e);
	if (result == 0)
		stats->done++;
	else if (j->timed_out)
		stats->timed_out++;
	else if (e.code == ERR_WORKER)
		stats->died++;
	else
		stats->refused++;
	j->cb(j->arg, result == 0 ? m : NULL, result == 0 ? NULL : &e);
	job_free(j);
}

static void
on_worker_message(void *arg, struct channel_message *m)
{
	struct worker *w = arg;

	if (w->state != WORKER_BUSY || w->result.body != NULL) {
		child_kill(w->child);
		return;
	}
	w->result = *m;
	m->body = NULL;
	m->fd_count = 0;
}

static void
on_worker_gone(void *arg, int status, const char *how)
{
	struct worker *w = arg, **link;
	struct worker_pool *p = w->pool;
	struct worker_job *j = w->job;
	bool died_idle = w->state == WORKER_IDLE;

	for (link = &p->workers; *link != w; link = &(*link)->next)
		;
	*link = w->next;
	p->count--;
	if (w->state == WORKER_BUSY)
		p->busy--;
	if (died_idle)
		log_event(LOG_LEVEL_WARN, "worker.died", "how", how, NULL);
	if (j != NULL)
		job_finish(j, w, status, how);
	if (w->result.body != NULL)
		channel_message_clear(&w->result);
	free(w);
	if (died_idle)
		event_add(p->retry, &retry_delay);
	else
		pool_run(p);
}

static int
start_worker(struct worker_pool *p, struct err *e)
{
	struct worker *w = mem_zalloc(1, sizeof(*w));
	struct child_callbacks cb = {on_worker_message, on_worker_gone, w};

	w->pool = p;
	if (child_start(p->base, "worker", &cb, &w->child, e) == -1) {
		free(w);
		return -1;
	}
	w->next = p->workers;
	p->workers = w;
	p->count++;
	return 0;
}

/* Keeps one worker ready for each job that may run at once. */
static void
fill_pool(struct worker_pool *p)
{
	struct err e;

	while (p->count - p->busy < p->max_busy) {
		if (start_worker(p, &e) == 0)
			continue;
		log_event(
		    LOG_LEVEL_ERROR, "worker.start", "error", e.message, NULL);
		event_add(p->retry, &retry_delay);
		return;
	}
}

static struct worker *
idle_worker(struct worker_pool *p)
{
	struct worker *w;

	for (w = p->workers; w != NULL; w = w->next)
		if (w->state == WORKER_IDLE)
			return w;
	return NULL;
}

static void
assign(struct worker_pool *p, struct worker *w, struct worker_job *j)
{
	w->state = WORKER_BUSY;
	w->job = j;
	j->worker = w;
	p->busy++;
	clock_gettime(CLOCK_MONOTONIC, &j->began);
	child_send(w->child, j->body, j->fds, j->fd_count);
	job_close_fds(j);
	if (!j->held)
		event_add(j->timer, &p->time_limit);
}

static struct worker_job *
pop_job(struct worker_pool *p)
{
	struct worker_job *j = p->first;

	p->first = j->next;
	return j;
}

/* Gives queued jobs to idle workers, as many as may run. */
static void
pool_run(struct worker_pool *p)
{
	fill_pool(p);
	while (p->first != NULL) {
		struct worker *w = idle_worker(p);

		if (p->first->error.code != ERR_NONE) {
			struct worker_job *j = pop_job(p);

			j->cb(j->arg, NULL, &j->error);
			job_free(j);
		} else if (w != NULL && p->busy < p->max_busy) {
			assign(p, w, pop_job(p));
		} else {
			break;
		}
	}
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	pool_run(arg);
}

static void
on_time_limit(evutil_socket_t fd, short what, void *arg)
{
	struct worker_job *j = arg;

	(void)fd;
	(void)what;
	j->timed_out = true;
	child_kill(j->worker->child);
}

struct worker_pool *
worker_pool_new(struct event_base *base, const struct config *config)
{
	struct worker_pool *p = mem_zalloc(1, sizeof(*p));

	p->base = base;
	p->retry = evtimer_new(base, on_retry, p);
	p->max_busy = (size_t)config->workers;
	p->memory = config->worker_memory;
	p->time_limit.tv_sec = (time_t)(config->worker_time_ms / 1000);
	log_event(
	    LOG_LEVEL_INFO, "worker.sandbox", "by", sandbox_describe(), NULL);
	fill_pool(p);
	return p;
}

void
worker_pool_free(struct worker_pool *p)
{
	struct worker *w;
	struct worker_job *j;

	while ((j = p->first) != NULL) {
		p->first = j->next;
		job_free(j);
	}
	while ((w = p->workers) != NULL) {
		p->workers = w->next;
		child_abandon(w->child);
		if (w->job != NULL)
			job_free(w->job);
		if (w->result.body != NULL)
			channel_message_clear(&w->result);
		free(w);
	}
	event_free(p->retry);
	free(p);
}

bool
worker_job_is_queued(const struct worker_job *j)
{
	return j->worker == NULL;
}

void
worker_pool_get_stats(
    const struct worker_pool *p, struct worker_pool_stats *out)
{
	const struct worker_job *j;

	*out = p->stats;
	out->max = p->max_busy;
	out->busy = p->busy;
	out->idle = p->count - p->busy;
	for (j = p->first; j != NULL; j = j->next)
		out->queued++;
}

static bool
runs_before(const struct worker_job *a, const struct worker_job *b)
{
	return a->turn != b->turn ? a->turn < b->turn : a->size > b->size;
}

/* Puts a job behind all that run before it, or came earlier. */
static void
enqueue(struct worker_pool *p, struct worker_job *j)
{
	struct worker_job **link = &p->first;

	while (*link != NULL && !runs_before(j, *link))
		link = &(*link)->next;
	j->next = *link;
	*link = j;
}

static void
dequeue(struct worker_pool *p, struct worker_job *j)
{
	struct worker_job **link = &p->first;

	while (*link != j)
		link = &(*link)->next;
	*link = j->next;
}

struct worker_job *
worker_job_start(struct worker_pool *p, json_t *body, const int *fds,
    size_t fd_count, worker_job_cb cb, void *arg)
{
	struct worker_job *j = mem_zalloc(1, sizeof(*j));
	size_t i;

	json_object_set_new(
	    body, "memory", json_integer((json_int_t)p->memory));
	json_object_set_new(
	    body, "time_s", json_integer((json_int_t)p->time_limit.tv_sec));
	j->pool = p;
	j->body = body;
	for (i = 0; i < fd_count && j->error.code == ERR_NONE; i++) {
		int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);

		if (fd == -1)
			err_set_errno(&j->error, "cannot start a worker's job");
		else
			j->fds[j->fd_count++] = fd;
	}
	j->timer = evtimer_new(p->base, on_time_limit, j);
	j->cb = cb;
	j->arg = arg;
	j->size = UINT64_MAX;
	enqueue(p, j);
	/* From the loop, so that the caller has the job before it ends. */
	event_active(p->retry, EV_TIMEOUT, 0);
	return j;
}

void
worker_job_set_turn(struct worker_job *j, uint64_t turn, uint64_t size)
{
	dequeue(j->pool, j);
	j->turn = turn;
	j->size = size;
	enqueue(j->pool, j);
}

void
worker_job_hold(struct worker_job *j)
{
	j->held = true;
	event_del(j->timer);
}

void
worker_job_extend(struct worker_job *j)
{
	j->held = false;
	if (j->worker != NULL)
		event_add(j->timer, &j->pool->time_limit);
}

void
worker_job_cancel(struct worker_job *j)
{
	struct worker_pool *p = j->pool;

	if (j->worker != NULL) {
		j->worker->job = NULL;
		child_kill(j->worker->child);
	} else {
		dequeue(p, j);
	}
	job_free(j);
}
