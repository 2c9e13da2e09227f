/* What `winnow status` shows, as one JSON object. */
#include <time.h>
#include <unistd.h>

#include "admin_private.h"
#include "winnow/clock.h"
#include "winnow/json.h"
#include "winnow/mem.h"

/* Of what a job is doing. */
#define STAGE_MAX 4000

/* Seconds of the wall clock; null for never. */
static json_t *
moment(int64_t seconds)
{
	return seconds == 0 ? json_null() : json_integer(seconds);
}

static json_t *
format_servers(const struct servers *servers)
{
	size_t count = servers_states(servers, NULL), i;
	auto_free struct servers_state *states =
	    mem_zalloc(count, sizeof(*states));
	json_t *list = json_array();

	servers_states(servers, states);
	for (i = 0; i < count; i++)
		json_push(list,
		    json_pack("{s:I, s:I, s:I, s:I}", "pid",
			(json_int_t)states[i].pid, "restarts",
			(json_int_t)states[i].restarts, "connections",
			(json_int_t)states[i].counters->connections,
			"questions", (json_int_t)states[i].questions));
	return list;
}

static json_t *
format_workers(const struct worker_pool *pool)
{
	struct worker_pool_stats s;

	worker_pool_get_stats(pool, &s);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "max",
	    (json_int_t)s.max, "busy", (json_int_t)s.busy, "idle",
	    (json_int_t)s.idle, "queued", (json_int_t)s.queued, "done",
	    (json_int_t)s.done, "refused", (json_int_t)s.refused, "died",
	    (json_int_t)s.died, "timed_out", (json_int_t)s.timed_out);
}

static void
add_job(void *arg, const struct flight *f)
{
	json_t *list = arg;
	auto_strbuf struct strbuf what, stage;

	strbuf_init(&what, STAGE_MAX);
	strbuf_init(&stage, STAGE_MAX);
	flight_describe(f, &what, &stage);
	json_push(list,
	    json_pack("{s:o, s:o, s:I, s:I}", "what",
		json_escaped(strbuf_string(&what)), "stage",
		json_escaped(strbuf_string(&stage)), "seconds",
		(json_int_t)((clock_now_ms() - f->began_ms) / 1000), "waiting",
		(json_int_t)flight_count_waiters(f)));
}

static json_t *
format_requests(const struct servers *servers)
{
	struct counters sum = {.hits = 0};
	uint64_t total = 0, failed = 0;
	unsigned k, i;

	servers_sum_counters(servers, &sum);
	for (k = 0; k < COUNTERS_KINDS; k++)
		for (i = 0; i < COUNTERS_STATUSES; i++) {
			total += sum.requests[k][i];
			if (counters_statuses[i] >= 500)
				failed += sum.requests[k][i];
		}
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "total",
	    (json_int_t)total, "hits", (json_int_t)sum.hits, "misses",
	    (json_int_t)sum.misses, "stale", (json_int_t)sum.stale, "failed",
	    (json_int_t)failed, "gone", (json_int_t)sum.gone, "bytes",
	    (json_int_t)sum.bytes);
}

static json_t *
format_upstreams(const struct context *context)
{
	const struct config *c = context->config;
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < c->upstream_count; i++) {
		const struct upstream_state *s = &context->upstreams[i]->state;
		json_t *item = json_pack("{s:s, s:o, s:I, s:o, s:o}", "host",
		    c->upstreams[i].host, "url",
		    json_escaped(c->upstreams[i].url), "requests",
		    (json_int_t)s->requests, "succeeded", moment(s->succeeded),
		    "failed", moment(s->failed));

		if (s->failed != 0)
			json_put(item, "error", json_escaped(s->error.message));
		if (s->rate_remaining >= 0)
			json_put(item, "rate_remaining",
			    json_integer(s->rate_remaining));
		if (s->rate_limit >= 0)
			json_put(
			    item, "rate_limit", json_integer(s->rate_limit));
		json_push(list, item);
	}
	return list;
}

static json_t *
format_builds(const struct builds *b)
{
	json_t *failures = json_array();
	const struct build_failure *f;
	uint64_t failed = 0;
	size_t i;

	for (i = 0; i < ERR_CODES; i++)
		failed += b->failed[i];
	for (i = 0; (f = builds_failure(b, i)) != NULL; i++)
		json_push(failures,
		    json_pack("{s:I, s:o, s:s, s:o}", "when",
			(json_int_t)f->when, "what", json_escaped(f->what),
			"code", err_code_name(f->error.code), "error",
			json_escaped(f->error.message)));
	return json_pack("{s:I, s:I, s:o}", "built", (json_int_t)b->built,
	    "failed", (json_int_t)failed, "failures", failures);
}

static json_t *
format_policies(const struct context *context)
{
	const struct reload_state *r = &context->reload;
	json_t *body = json_pack("{s:I, s:o, s:o}", "count",
	    (json_int_t)context->policies->count, "loaded", moment(r->loaded),
	    "refused", moment(r->refused));

	if (r->refused != 0)
		json_put(body, "error", json_escaped(r->error.message));
	return body;
}

static json_t *
format_cache(const struct context *context)
{
	const struct err *refusal = store_refusal(context->env.store);
	struct store_usage usage;
	json_t *body;

	store_get_usage(context->env.store, &usage);
	body = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "store",
	    context->config->store, "blobs", (json_int_t)usage.blobs, "bytes",
	    (json_int_t)usage.bytes, "limit",
	    (json_int_t)context->config->max_size, "evicted_blobs",
	    (json_int_t)usage.evicted_blobs, "evicted_bytes",
	    (json_int_t)usage.evicted_bytes);
	if (refusal != NULL)
		json_put(body, "error", json_escaped(refusal->message));
	return body;
}

static json_t *
format_listeners(const struct config *c)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < c->listen_count; i++)
		json_push(list, json_string(c->listen[i]));
	return list;
}

json_t *
admin_status(const struct admin *a)
{
	const struct context *context = a->core.context;
	json_t *body = json_pack("{s:s, s:I, s:I, s:o}", "version",
	    WINNOW_VERSION, "pid", (json_int_t)getpid(), "uptime_s",
	    (json_int_t)((clock_now_ms() - a->began_ms) / 1000), "listen",
	    format_listeners(context->config));
	json_t *jobs = json_array();

	flights_each(context->env.flights, add_job, jobs);
	json_put(body, "servers", format_servers(a->core.servers));
	json_put(body, "workers", format_workers(context->env.pool));
	json_put(body, "jobs", jobs);
	json_put(body, "cache", format_cache(context));
	json_put(body, "requests", format_requests(a->core.servers));
	json_put(body, "upstreams", format_upstreams(context));
	json_put(body, "builds", format_builds(&context->env.builds));
	json_put(body, "policies", format_policies(context));
	return body;
}
