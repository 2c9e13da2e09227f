#include "flight.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "winnow/clock.h"
#include "winnow/mem.h"

struct flights {
	TAILQ_HEAD(, flight) items;
	size_t count;
};

struct flights *
flights_new(void)
{
	struct flights *all = mem_zalloc(1, sizeof(*all));

	TAILQ_INIT(&all->items);
	return all;
}

void
flights_free(struct flights *all)
{
	struct flight_waiter *w;
	struct flight *f;

	while ((f = TAILQ_FIRST(&all->items)) != NULL) {
		TAILQ_REMOVE(&all->items, f, entry);
		/* Flights wait for others, which may be cancelled first. */
		while ((w = TAILQ_FIRST(&f->waiters)) != NULL)
			flight_leave(w);
		free(f->key);
		f->cancel(f);
	}
	free(all);
}

size_t
flights_count(const struct flights *all)
{
	return all->count;
}

void
flights_each(const struct flights *all,
    void (*visit)(void *arg, const struct flight *f), void *arg)
{
	const struct flight *f;

	TAILQ_FOREACH(f, &all->items, entry)
	visit(arg, f);
}

void
flight_describe(
    const struct flight *f, struct strbuf *what, struct strbuf *stage)
{
	if (f->describe != NULL) {
		f->describe(f, what, stage);
		return;
	}
	strbuf_add_string(what, f->key);
	strbuf_add_string(stage, "waits for the upstream");
}

size_t
flight_count_waiters(const struct flight *f)
{
	const struct flight_waiter *w;
	size_t count = 0;

	TAILQ_FOREACH(w, &f->waiters, entry)
	count++;
	return count;
}

struct flight *
flight_find(struct flights *all, const char *key)
{
	struct flight *f;

	TAILQ_FOREACH(f, &all->items, entry)
	if (strcmp(f->key, key) == 0)
		return f;
	return NULL;
}

void
flight_enter(struct flights *all, struct flight *f, const char *key,
    void (*cancel)(struct flight *f))
{
	f->all = all;
	f->key = mem_strdup(key);
	f->cancel = cancel;
	f->describe = NULL;
	f->asker[0] = '\0';
	f->began_ms = clock_now_ms();
	TAILQ_INIT(&f->waiters);
	TAILQ_INSERT_TAIL(&all->items, f, entry);
	all->count++;
}

void
flight_join(struct flight *f, struct flight_waiter *w)
{
	if (f->asker[0] == '\0' && w->asker != NULL)
		snprintf(f->asker, sizeof(f->asker), "%s", w->asker);
	w->flight = f;
	TAILQ_INSERT_TAIL(&f->waiters, w, entry);
}

const char *
flight_asker(const struct flight *f)
{
	return f->asker[0] == '\0' ? NULL : f->asker;
}

void
flight_leave(struct flight_waiter *w)
{
	if (w->flight != NULL)
		TAILQ_REMOVE(&w->flight->waiters, w, entry);
	w->flight = NULL;
}

void
flight_tell_ready(struct flight *f)
{
	struct flight_waiter *w, *next;

	for (w = TAILQ_FIRST(&f->waiters); w != NULL; w = next) {
		next = TAILQ_NEXT(w, entry);
		if (w->ready != NULL)
			w->ready(w->arg);
	}
}

void
flight_end(struct flight *f, const struct err *e)
{
	struct flight_waiter *w;

	TAILQ_REMOVE(&f->all->items, f, entry);
	f->all->count--;
	while ((w = TAILQ_FIRST(&f->waiters)) != NULL) {
		flight_leave(w);
		w->done(w->arg, e);
	}
	free(f->key);
}
