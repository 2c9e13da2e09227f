#include "gc.h"

#include <stdlib.h>

#include "winnow/clock.h"
#include "winnow/log.h"
#include "winnow/mem.h"
#include "winnow/num.h"

/* The size is looked at so often, and uses are written every tenth time. */
static const struct timeval tick = {.tv_sec = 1};
#define TICKS_TO_FLUSH 10
/* Servers report uses after a second; until a client that has a manifest asks
 * for its blobs some time passes, too. */
#define GRACE_US (10 * 1000 * 1000)
/* Blobs removed in one turn of the loop. */
#define BATCH 256
/* A store at its limit is emptied a little below, so that not every new blob
 * costs an eviction: by a sixteenth. */
#define SPARE 16

struct gc {
	struct job_env *env;
	struct event *timer;
	unsigned ticks;
	bool full; /* nothing could be evicted; logged once */
};

static void
find_oldest(void *arg, const struct flight *f)
{
	uint64_t *oldest = arg;

	if (f->began_ms < *oldest)
		*oldest = f->began_ms;
}

int64_t
gc_in_use_since(const struct job_env *env)
{
	uint64_t now_ms = clock_now_ms(), oldest = now_ms;

	if (flights_count(env->flights) == 0)
		return INT64_MAX;
	flights_each(env->flights, find_oldest, &oldest);
	return store_now() - (int64_t)(now_ms - oldest + 1) * 1000;
}

/*
 * How many of the blobs have to go to be rid of `excess` bytes.  Those that
 * were used at the same moment belong together and go together.
 */
static size_t
count_victims(const struct store_blob *blobs, size_t count, uint64_t excess)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		if (sum >= excess && blobs[i].used != blobs[i - 1].used)
			break;
		sum += blobs[i].size;
	}
	return i;
}

static void
log_eviction(const struct gc *g, size_t count, uint64_t before)
{
	struct store_usage usage;
	char blobs[24], freed[32], left[32];

	store_get_usage(g->env->store, &usage);
	log_event(LOG_LEVEL_INFO, "store.evicted", "blobs",
	    num_format(count, blobs), "freed",
	    num_format_size(before - usage.bytes, freed), "left",
	    num_format_size(usage.bytes, left), NULL);
}

/* Removes a batch of what was unused the longest. */
static void
evict(struct gc *g, const struct store_usage *usage)
{
	const uint64_t max = g->env->config->max_size;
	auto_free struct store_blob *blobs = NULL;
	int64_t before = store_now() - GRACE_US;
	int64_t in_use = gc_in_use_since(g->env);
	struct err ignored;
	size_t count;

	store_flush_uses(g->env->store);
	store_list_unused(g->env->store, in_use < before ? in_use : before,
	    BATCH, &blobs, &count);
	if (count == 0) {
		if (!g->full)
			log_event(LOG_LEVEL_WARN, "store.full", "why",
			    "more than max_size is in use at once", NULL);
		g->full = true;
		return;
	}
	g->full = false;
	count = count_victims(blobs, count, usage->bytes - (max - max / SPARE));
	/* The store has logged it; the next tick tries again. */
	if (store_evict(g->env->store, blobs, count, &ignored) == -1)
		return;
	log_eviction(g, count, usage->bytes);
	/* The rest of a large excess in the loop's next turn. */
	if (count == BATCH)
		event_active(g->timer, EV_TIMEOUT, 0);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct gc *g = arg;
	const uint64_t max = g->env->config->max_size;
	struct store_usage usage;

	(void)fd;
	(void)what;
	event_add(g->timer, &tick);
	store_get_usage(g->env->store, &usage);
	if (max > 0 && usage.bytes > max)
		evict(g, &usage);
	if (++g->ticks % TICKS_TO_FLUSH == 0)
		store_flush_uses(g->env->store);
}

struct gc *
gc_new(struct job_env *env)
{
	struct gc *g = mem_zalloc(1, sizeof(*g));

	g->env = env;
	g->timer = evtimer_new(env->base, on_tick, g);
	event_add(g->timer, &tick);
	return g;
}

void
gc_free(struct gc *g)
{
	if (g == NULL)
		return;
	event_free(g->timer);
	free(g);
}
