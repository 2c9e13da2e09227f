#include "layer_work.h"

#include <stdlib.h>

#include "winnow/fsutil.h"
#include "winnow/json.h"
#include "winnow/layer_emit.h"
#include "winnow/limits.h"

static void start_emit(struct layer_work *l);

/* Ends the present step, well or not. */
static void
step_done(
    struct layer_work *l, enum layer_work_state state, const struct err *e)
{
	struct err wrapped;
	char text[DIGEST_TEXT];

	if (e == NULL) {
		l->state = state;
		l->on_step(l->arg, l, NULL);
		return;
	}
	wrapped = *e;
	err_wrap(&wrapped, "layer %s of %s",
	    digest_format(&l->layer->digest, text), l->repository);
	l->on_step(l->arg, l, &wrapped);
}

static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct layer_work *l = arg;

	(void)fd;
	(void)what;
	step_done(
	    l, l->state == LAYER_INDEXING ? LAYER_INDEXED : LAYER_DONE, NULL);
}

static void
stop_streaming(struct layer_work *l)
{
	if (l->streaming)
		l->env->streaming--;
	l->streaming = false;
}

void
layer_work_init(struct layer_work *l)
{
	l->state = LAYER_NEW;
	l->index_fd = l->spool_fd = l->out_fd = -1;
	l->soon = evtimer_new(l->env->base, on_soon, l);
}

void
layer_work_clear(struct layer_work *l)
{
	stop_streaming(l);
	if (l->worker != NULL)
		worker_job_cancel(l->worker);
	if (l->fetch != NULL)
		blob_fetch_leave(l->fetch, &l->user);
	if (l->soon != NULL)
		event_free(l->soon);
	close_fd(&l->index_fd);
	close_fd(&l->spool_fd);
	close_fd(&l->out_fd);
}

/* Keeps an index, which core copies later: not if it is a huge file. */
static int
add_index(struct layer_work *l, struct err *e)
{
	uint64_t size;

	if (fsutil_size(l->index_fd, &size, e) == -1)
		return -1;
	if (size > LIMIT_LAYER_INDEX_SIZE)
		return err_set(e, ERR_LIMIT, "a layer index is too large");
	return store_add_index(
	    l->env->store, l->index_fd, &l->layer->digest, e);
}

static void
on_indexed(void *arg, struct channel_message *result, const struct err *e)
{
	struct layer_work *l = arg;
	struct err store_error;

	(void)result;
	l->worker = NULL;
	stop_streaming(l);
	if (e == NULL && add_index(l, &store_error) == -1)
		e = &store_error;
	step_done(l, LAYER_INDEXED, e);
}

static json_t *
job_body(const struct layer_work *l, const char *job)
{
	char text[DIGEST_TEXT];

	return json_pack("{s:s, s:s, s:s, s:I}", "type", "job", "job", job,
	    "digest", digest_format(&l->layer->digest, text), "size",
	    (json_int_t)l->layer->size);
}

/* Has a worker index the layer, complete or still growing. */
static void
start_index(struct layer_work *l)
{
	enum { SOURCE, INDEX, SPOOL, POLICY, PROGRESS, COUNT };
	int fds[COUNT];
	size_t count = PROGRESS;
	struct err e;
	json_t *body;

	fds[PROGRESS] = blob_fetch_open_progress(l->fetch);
	if (fds[PROGRESS] == -1 && !blob_fetch_complete(l->fetch))
		return; /* no pipe: index it when it is complete */
	if (store_open_unlinked(l->env->store, &l->index_fd, &e) == -1 ||
	    store_open_unlinked(l->env->store, &l->spool_fd, &e) == -1) {
		close_fd(&fds[PROGRESS]);
		step_done(l, LAYER_INDEXED, &e);
		return;
	}
	fds[SOURCE] = blob_fetch_fd(l->fetch);
	fds[INDEX] = l->index_fd;
	fds[SPOOL] = l->spool_fd;
	fds[POLICY] = l->policy_fd;
	if (fds[PROGRESS] != -1) {
		count = COUNT;
		l->streaming = true;
		l->env->streaming++;
	}
	body = job_body(l, "index");
	json_object_set_new(body, "progress", json_boolean(count == COUNT));
	l->worker =
	    worker_job_start(l->env->pool, body, fds, count, on_indexed, l);
	worker_job_set_turn(l->worker, l->turn, l->layer->size);
	if (count == COUNT) {
		/* The download has a time limit of its own. */
		worker_job_hold(l->worker);
		close(fds[PROGRESS]);
	}
}

/* The first bytes are there: index while the rest comes, if a worker is free.
 */
static void
on_ready(void *arg)
{
	struct layer_work *l = arg;

	if (l->state == LAYER_INDEXING && l->worker == NULL &&
	    l->env->streaming + 1 < l->env->config->workers)
		start_index(l);
}

static void
on_fetched(void *arg, const struct err *e)
{
	struct layer_work *l = arg;

	if (e != NULL) {
		step_done(l, l->state, e);
		return;
	}
	if (l->worker != NULL) {
		/* Its time limit counts from the end of the download. */
		worker_job_extend(l->worker);
		stop_streaming(l);
	} else if (l->state == LAYER_INDEXING && l->index_fd == -1) {
		start_index(l);
	} else if (l->emit_waits) {
		l->emit_waits = false;
		start_emit(l);
	}
}

static void
join_fetch(struct layer_work *l)
{
	l->user = (struct blob_fetch_user){
	    .on_ready = on_ready, .on_done = on_fetched, .arg = l};
	l->fetch = blob_fetch_join(l->env->fetches, l->upstream, l->repository,
	    &l->layer->digest, l->layer->size, &l->user);
}

void
layer_work_index(struct layer_work *l)
{
	struct err e;

	l->state = LAYER_INDEXING;
	if (store_open_index(
		l->env->store, &l->layer->digest, &l->index_fd, &e) == 0)
		event_active(l->soon, EV_TIMEOUT, 0);
	else
		join_fetch(l);
}

static void
on_verified(void *arg, struct channel_message *result, const struct err *e)
{
	struct layer_work *l = arg;
	struct err store_error;

	(void)result;
	l->worker = NULL;
	if (e == NULL &&
	    store_add_blob(l->env->store, l->out_fd, &l->derived.digest,
		l->derived.size, &store_error) == -1)
		e = &store_error;
	if (e == NULL &&
	    store_put_derived(
		l->env->store, &l->key, &l->derived, &store_error) == -1)
		e = &store_error;
	close_fd(&l->out_fd);
	step_done(l, LAYER_DONE, e);
}

/* Reads the answer of an emit job. */
static int
read_emitted(const json_t *r, struct store_derived *out, struct err *e)
{
	const char *digest, *diff_id;

	if (json_get_string(r, "digest", JSON_REQUIRED, &digest, e) == -1 ||
	    json_get_string(r, "diff_id", JSON_REQUIRED, &diff_id, e) == -1 ||
	    json_get_uint(r, "size", JSON_REQUIRED, INT64_MAX, &out->size, e) ==
		-1 ||
	    json_get_uint(r, "tar_size", JSON_REQUIRED, INT64_MAX,
		&out->tar_size, e) == -1)
		return -1;
	if (digest_parse(digest, &out->digest, e) == -1)
		return -1;
	return digest_parse(diff_id, &out->diff_id, e);
}

/* Another worker hashes what one has emitted: neither is trusted alone. */
static void
on_emitted(void *arg, struct channel_message *result, const struct err *e)
{
	struct layer_work *l = arg;
	char text[DIGEST_TEXT];
	struct err bad;
	json_t *body;

	l->worker = NULL;
	if (e == NULL && read_emitted(result->body, &l->derived, &bad) == -1)
		e = &bad;
	if (e != NULL) {
		step_done(l, LAYER_DONE, e);
		return;
	}
	body = json_pack("{s:s, s:s, s:s, s:I, s:b}", "type", "job", "job",
	    "verify", "digest", digest_format(&l->derived.digest, text), "size",
	    (json_int_t)l->derived.size, "copy", 0);
	l->worker =
	    worker_job_start(l->env->pool, body, &l->out_fd, 1, on_verified, l);
}

static void
start_emit(struct layer_work *l)
{
	enum { PLAN, SPOOL, OUT, SECOND, SOURCE, COUNT };
	auto_fd int second_fd = -1;
	int fds[COUNT];
	struct err e;
	json_t *body;

	if (store_open_unlinked(l->env->store, &l->out_fd, &e) == -1 ||
	    store_open_unlinked(l->env->store, &second_fd, &e) == -1) {
		step_done(l, LAYER_DONE, &e);
		return;
	}
	fds[PLAN] = l->plan_fd;
	fds[SPOOL] = l->spool_fd == -1 ? second_fd : l->spool_fd;
	fds[OUT] = l->out_fd;
	fds[SECOND] = second_fd;
	fds[SOURCE] = blob_fetch_fd(l->fetch);
	body = job_body(l, "emit");
	json_object_set_new(body, "plan", section_format(&l->plan));
	json_object_set_new(body, "spool", json_boolean(l->spool_fd != -1));
	l->worker =
	    worker_job_start(l->env->pool, body, fds, COUNT, on_emitted, l);
	worker_job_set_turn(l->worker, l->turn, l->layer->size);
}

/* The key of the derived layer; needs the plan's bytes. */
static int
compute_key(struct layer_work *l, struct err *e)
{
	auto_free char *plan = NULL;

	if (section_read(l->plan_fd, &l->plan, &plan, e) == -1)
		return -1;
	layer_plan_key(&l->layer->digest, plan, (size_t)l->plan.size, &l->key);
	return 0;
}

void
layer_work_emit(struct layer_work *l, int plan_fd, const struct section *plan)
{
	struct err e;

	l->state = LAYER_EMITTING;
	l->plan_fd = plan_fd;
	l->plan = *plan;
	if (compute_key(l, &e) == -1)
		step_done(l, LAYER_DONE, &e);
	else if (store_get_derived(l->env->store, &l->key, &l->derived) &&
	    store_has_blob(l->env->store, &l->derived.digest, NULL))
		event_active(l->soon, EV_TIMEOUT, 0);
	else if (l->fetch != NULL)
		start_emit(l);
	else {
		l->emit_waits = true;
		join_fetch(l);
	}
}
