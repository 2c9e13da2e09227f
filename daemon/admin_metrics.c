/*
 * The metrics, in Prometheus' text format 0.0.4.  Names and meanings are in
 * doc/internals/admin.md and part of what users rely on.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "admin_private.h"
#include "winnow/clock.h"
#include "winnow/mem.h"

/* The two lines in front of a metric's values. */
static void
head(struct strbuf *out, const char *name, const char *type, const char *help)
{
	strbuf_add_format(out, "# HELP winnow_%s %s\n# TYPE winnow_%s %s\n",
	    name, help, name, type);
}

/* A label's value, with what ends it escaped. */
static void
add_label(struct strbuf *out, const char *name, const char *value)
{
	strbuf_add_format(out, "%s=\"", name);
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			strbuf_add_char(out, '\\');
		if (*value == '\n')
			strbuf_add_string(out, "\\n");
		else
			strbuf_add_char(out, *value);
	}
	strbuf_add_char(out, '"');
}

/* A line: a metric with labels (name and value in turn, ended by NULL). */
static void
line(struct strbuf *out, const char *name, uint64_t value, ...)
{
	const char *label;
	bool first = true;
	va_list ap;

	strbuf_add_format(out, "winnow_%s", name);
	va_start(ap, value);
	while ((label = va_arg(ap, const char *)) != NULL) {
		strbuf_add_char(out, first ? '{' : ',');
		add_label(out, label, va_arg(ap, const char *));
		first = false;
	}
	va_end(ap);
	strbuf_add_format(out, "%s %" PRIu64 "\n", first ? "" : "}", value);
}

/* A metric that has one value. */
static void
counter(struct strbuf *out, const char *name, const char *help, uint64_t value)
{
	head(out, name, "counter", help);
	line(out, name, value, NULL);
}

static void
gauge(struct strbuf *out, const char *name, const char *help, uint64_t value)
{
	head(out, name, "gauge", help);
	line(out, name, value, NULL);
}

static void
add_requests(struct strbuf *out, const struct counters *c)
{
	unsigned k, i;

	head(out, "requests_total", "counter",
	    "Requests answered, by what was asked for and status.");
	for (k = 0; k < COUNTERS_KINDS; k++)
		for (i = 0; i < COUNTERS_STATUSES; i++) {
			unsigned status = counters_statuses[i];
			char code[16] = "other";

			if (c->requests[k][i] == 0)
				continue;
			if (status != 0)
				snprintf(code, sizeof(code), "%u", status);
			line(out, "requests_total", c->requests[k][i], "kind",
			    counters_kinds[k], "code", code, NULL);
		}
	counter(out, "clients_gone_total",
	    "Clients that left before their reply was sent.", c->gone);
	counter(out, "hits_total", "Requests answered without asking core.",
	    c->hits);
	counter(out, "misses_total", "Requests that core had to answer.",
	    c->misses);
	counter(out, "stale_answers_total",
	    "Answers with a Warning, since the upstream failed.", c->stale);
	counter(out, "sent_bytes_total", "Bytes of bodies sent.", c->bytes);
	gauge(out, "connections", "Client connections.", c->connections);
	counter(out, "connections_accepted_total", "Client connections so far.",
	    c->accepted);
	counter(out, "connections_refused_total",
	    "Client connections above the limit.", c->refused);
	counter(out, "tls_handshakes_failed_total",
	    "Connections that ended before TLS was agreed on.",
	    c->handshakes_failed);
}

static void
add_servers(struct strbuf *out, const struct servers *servers)
{
	size_t count = servers_states(servers, NULL), i, up = 0, questions = 0;
	auto_free struct servers_state *states =
	    mem_zalloc(count, sizeof(*states));
	uint64_t restarts = 0;

	servers_states(servers, states);
	for (i = 0; i < count; i++) {
		up += states[i].pid != 0;
		questions += states[i].questions;
		restarts += states[i].restarts;
	}
	gauge(out, "servers", "Server processes that run.", up);
	counter(out, "server_restarts_total",
	    "Server processes that died and were replaced.", restarts);
	gauge(out, "questions", "Questions of servers that wait for core.",
	    questions);
}

static void
add_workers(struct strbuf *out, const struct worker_pool *pool)
{
	static const char name[] = "worker_jobs_total";
	struct worker_pool_stats s;

	worker_pool_get_stats(pool, &s);
	gauge(out, "workers", "Workers that may be busy at once.", s.max);
	gauge(out, "workers_busy", "Workers that do a job.", s.busy);
	gauge(out, "worker_queue", "Jobs that wait for a worker.", s.queued);
	head(out, name, "counter", "Jobs of workers, by how they ended.");
	line(out, name, s.done, "result", "done", NULL);
	line(out, name, s.refused, "result", "refused", NULL);
	line(out, name, s.died, "result", "died", NULL);
	line(out, name, s.timed_out, "result", "timed_out", NULL);
}

static void
add_builds(struct strbuf *out, const struct builds *b)
{
	uint64_t sum = 0;
	char bound[16];
	size_t i;

	head(out, "builds_total", "counter",
	    "Variants built, or not, by the reason.");
	line(out, "builds_total", b->built, "result", "built", NULL);
	for (i = 0; i < ERR_CODES; i++)
		if (b->failed[i] > 0)
			line(out, "builds_total", b->failed[i], "result",
			    err_code_name((enum err_code)i), NULL);
	head(out, "build_seconds", "histogram",
	    "How long variants took that were built.");
	for (i = 0; i < BUILDS_BUCKETS; i++) {
		sum += b->buckets[i];
		snprintf(bound, sizeof(bound), "%u", builds_bounds[i]);
		line(out, "build_seconds_bucket", sum, "le", bound, NULL);
	}
	sum += b->buckets[BUILDS_BUCKETS];
	line(out, "build_seconds_bucket", sum, "le", "+Inf", NULL);
	strbuf_add_format(out, "winnow_build_seconds_sum %" PRIu64 ".%03u\n",
	    b->total_ms / 1000, (unsigned)(b->total_ms % 1000));
	line(out, "build_seconds_count", sum, NULL);
}

/* A line per upstream whose rate limit is known. */
static void
add_rate(struct strbuf *out, const struct context *context, const char *name,
    const char *help, bool remaining)
{
	size_t i;

	head(out, name, "gauge", help);
	for (i = 0; i < context->config->upstream_count; i++) {
		const struct upstream *u = context->upstreams[i];
		int64_t value =
		    remaining ? u->state.rate_remaining : u->state.rate_limit;

		if (value >= 0)
			line(out, name, (uint64_t)value, "upstream", u->host,
			    NULL);
	}
}

static void
add_upstreams(struct strbuf *out, const struct context *context)
{
	size_t count = context->config->upstream_count, i, k;

	head(out, "upstream_requests_total", "counter",
	    "Requests to upstreams that have ended.");
	for (i = 0; i < count; i++)
		line(out, "upstream_requests_total",
		    context->upstreams[i]->state.requests, "upstream",
		    context->upstreams[i]->host, NULL);
	head(out, "upstream_errors_total", "counter",
	    "Requests to upstreams that failed, by the reason.");
	for (i = 0; i < count; i++)
		for (k = 0; k < ERR_CODES; k++)
			if (context->upstreams[i]->state.errors[k] > 0)
				line(out, "upstream_errors_total",
				    context->upstreams[i]->state.errors[k],
				    "upstream", context->upstreams[i]->host,
				    "reason", err_code_name((enum err_code)k),
				    NULL);
	add_rate(out, context, "upstream_rate_limit",
	    "Pulls that an upstream allows, as its headers say.", false);
	add_rate(out, context, "upstream_rate_remaining",
	    "Pulls that are left, as the upstream's headers say.", true);
}

static void
add_cache(struct strbuf *out, const struct store *store, uint64_t limit)
{
	struct store_usage usage;

	store_get_usage(store, &usage);
	gauge(out, "cache_bytes", "Bytes of blobs in the store.", usage.bytes);
	gauge(out, "cache_writable",
	    "0 when the disk did not take the last write.",
	    store_refusal(store) == NULL);
	gauge(out, "cache_blobs", "Blobs in the store.", usage.blobs);
	gauge(out, "cache_limit_bytes", "What max_size says; 0: no limit.",
	    limit);
	counter(out, "evicted_blobs_total", "Blobs evicted or purged.",
	    usage.evicted_blobs);
	counter(
	    out, "evicted_bytes_total", "Their bytes.", usage.evicted_bytes);
}

static void
add_reload(struct strbuf *out, const struct context *context)
{
	const struct reload_state *r = &context->reload;

	gauge(out, "policies", "Policies in force.", context->policies->count);
	gauge(out, "reload_success", "0 when the last reload was refused.",
	    r->refused == 0);
	gauge(out, "reload_time_seconds",
	    "When the policies in force were read.", (uint64_t)r->loaded);
}

void
admin_metrics(const struct admin *a, struct strbuf *out)
{
	const struct context *context = a->core.context;
	struct counters sum = {.hits = 0};
	uint64_t up_s = (clock_now_ms() - a->began_ms) / 1000;

	servers_sum_counters(a->core.servers, &sum);
	head(out, "build_info", "gauge", "The version that runs.");
	line(out, "build_info", 1, "version", WINNOW_VERSION, NULL);
	gauge(out, "start_time_seconds", "When winnowd was started.",
	    (uint64_t)time(NULL) - up_s);
	add_requests(out, &sum);
	add_servers(out, a->core.servers);
	add_workers(out, context->env.pool);
	gauge(out, "jobs", "Downloads, builds and questions to upstreams.",
	    flights_count(context->env.flights));
	add_builds(out, &context->env.builds);
	add_upstreams(out, context);
	add_cache(out, context->env.store, context->config->max_size);
	add_reload(out, context);
}
