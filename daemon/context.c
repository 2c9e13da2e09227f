#include "context.h"

#include <stdlib.h>
#include <string.h>

#include "lists.h"
#include "misses.h"
#include "winnow/mem.h"

static int
open_upstreams(struct context *context, struct err *e)
{
	const struct config *c = context->config;
	size_t i;

	context->http = http_client_new(context->base);
	context->upstreams =
	    mem_zalloc(c->upstream_count, sizeof(*context->upstreams));
	for (i = 0; i < c->upstream_count; i++)
		if (upstream_new(context->base, context->http, c,
			&c->upstreams[i], &context->upstreams[i], e) == -1)
			return -1;
	return 0;
}

int
context_open(struct context *context, struct err *e)
{
	struct job_env *env = &context->env;

	TAILQ_INIT(&context->warms);
	env->base = context->base;
	env->config = context->config;
	if (store_open(context->config->store, &env->store, e) == -1 ||
	    open_upstreams(context, e) == -1)
		return -1;
	env->fetches = blob_fetches_new(env->store);
	env->flights = flights_new();
	env->lists = lists_new();
	env->misses = misses_new();
	env->pool = worker_pool_new(context->base, context->config);
	context->gc = gc_new(env);
	return 0;
}

static void
close_upstreams(struct context *context)
{
	size_t i;

	if (context->upstreams == NULL)
		return;
	for (i = 0; i < context->config->upstream_count; i++)
		if (context->upstreams[i] != NULL)
			upstream_free(context->upstreams[i]);
	free(context->upstreams);
	http_client_free(context->http);
}

void
context_close(struct context *context)
{
	struct job_env *env = &context->env;

	gc_free(context->gc);
	if (env->flights != NULL)
		flights_free(env->flights);
	if (env->lists != NULL)
		lists_free(env->lists);
	if (env->misses != NULL)
		misses_free(env->misses);
	if (env->fetches != NULL)
		blob_fetches_free(env->fetches);
	if (env->pool != NULL)
		worker_pool_free(env->pool);
	close_upstreams(context);
	store_close(env->store);
	auto_fd_cleanup(&context->access_log);
	policy_set_free(context->policies);
	config_free(context->config);
	event_base_free(context->base);
}

struct upstream *
context_find_upstream(const struct context *context, const char *host)
{
	size_t i;

	for (i = 0; i < context->config->upstream_count; i++)
		if (strcmp(context->config->upstreams[i].host, host) == 0)
			return context->upstreams[i];
	return NULL;
}
