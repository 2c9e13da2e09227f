#include "forget.h"

#include <stdlib.h>

#include "variant_recipe.h"
#include "winnow/mem.h"

/* Looked at so often; what is forgotten was unused for months. */
#define INTERVAL_MS (60 * 1000)
/* Rows of each kind in one turn of the loop, and the pause to the next. */
#define BATCH 16
static const struct timeval next_batch = {.tv_usec = 50 * 1000};

struct forget {
	struct context *context;
	struct event *timer;
};

/*
 * A digest stays known as long as its bytes can be had again: by this version
 * of winnow, from an upstream that is configured, under a name that has a
 * policy.
 */
static bool
keeps(void *arg, const char *scope, const struct store_holder *variant)
{
	const struct context *context = arg;
	auto_variant_memory struct variant_memory m = {.json = NULL};
	struct err ignored;

	if (variant == NULL)
		return names_must_know(context->policies, scope);
	return policy_find(context->policies, scope, NULL) != NULL &&
	    variant_memory_read(&m, variant, &ignored) == 0 &&
	    digest_equal(&m.recipe.key, &variant->key) &&
	    context_find_upstream(context, m.host) != NULL;
}

/* A shorter forget_after wants a shorter interval. */
static struct timeval
interval(const struct config *c)
{
	uint64_t ms = c->forget_after_ms;

	if (ms == 0 || ms > INTERVAL_MS)
		ms = INTERVAL_MS;
	return (struct timeval){.tv_sec = (time_t)(ms / 1000),
	    .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct forget *f = arg;
	const struct config *c = f->context->config;
	struct timeval next = interval(c);
	struct store_forget forget = {
	    .before_us = store_now() - (int64_t)c->forget_after_ms * 1000,
	    .max = BATCH,
	    .keeps = keeps,
	    .arg = f->context};

	(void)fd;
	(void)what;
	if (c->forget_after_ms > 0 &&
	    store_forget(f->context->env.store, &forget))
		next = next_batch;
	event_add(f->timer, &next);
}

struct forget *
forget_new(struct context *context)
{
	struct forget *f = mem_zalloc(1, sizeof(*f));
	struct timeval first = interval(context->config);

	f->context = context;
	f->timer = evtimer_new(context->base, on_timer, f);
	event_add(f->timer, &first);
	return f;
}

void
forget_free(struct forget *f)
{
	if (f == NULL)
		return;
	event_free(f->timer);
	free(f);
}
