/* What the configuration wants warm: begun at the start, and on a schedule. */
#include <stdlib.h>
#include <string.h>

#include "warm.h"
#include "winnow/log.h"
#include "winnow/mem.h"

struct warm_schedule {
	struct context *context;
	struct event *timer;
};

static void
on_done(void *arg, struct warm *w, const struct err *e)
{
	(void)arg;
	if (e != NULL)
		log_event(LOG_LEVEL_WARN, "warm.failed", "reference",
		    warm_reference(w), "error", e->message, NULL);
	else
		log_event(LOG_LEVEL_DEBUG, "warm.done", "reference",
		    warm_reference(w), NULL);
}

/* True while the last round is still busy with it. */
static bool
is_under_way(const struct context *context, const char *reference)
{
	const struct warm *w;

	for (w = TAILQ_FIRST(&context->warms); w != NULL; w = warm_next(w))
		if (strcmp(warm_reference(w), reference) == 0)
			return true;
	return false;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct warm_schedule *s = arg;
	const struct config *c = s->context->config;
	struct timeval interval = {
	    .tv_sec = (time_t)(c->warm_interval_ms / 1000)};
	struct warm *w;
	struct err e;
	size_t i;

	(void)fd;
	(void)what;
	event_add(s->timer, &interval);
	for (i = 0; i < c->warm_count; i++)
		if (!is_under_way(s->context, c->warm[i]) &&
		    warm_start(s->context, c->warm[i], on_done, s, &w, &e) ==
			-1)
			log_event(LOG_LEVEL_WARN, "warm.failed", "reference",
			    c->warm[i], "error", e.message, NULL);
}

struct warm_schedule *
warm_schedule_new(struct context *context)
{
	struct warm_schedule *s = mem_zalloc(1, sizeof(*s));

	s->context = context;
	s->timer = evtimer_new(context->base, on_timer, s);
	event_active(s->timer, EV_TIMEOUT, 0);
	return s;
}

void
warm_schedule_now(struct warm_schedule *s)
{
	event_active(s->timer, EV_TIMEOUT, 0);
}

void
warm_schedule_free(struct warm_schedule *s)
{
	if (s == NULL)
		return;
	event_free(s->timer);
	free(s);
}
