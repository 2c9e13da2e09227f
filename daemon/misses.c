#include "misses.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "winnow/clock.h"
#include "winnow/mem.h"

/* Clients can name any number; the one that was remembered first goes. */
#define MISSES_MAX 1024

struct miss {
	TAILQ_ENTRY(miss) entry;
	char *key;
	uint64_t until_ms;
	struct err error;
};

struct misses {
	TAILQ_HEAD(, miss) items; /* oldest first */
	size_t count;
};

struct misses *
misses_new(void)
{
	struct misses *m = mem_zalloc(1, sizeof(*m));

	TAILQ_INIT(&m->items);
	return m;
}

static void
remove_miss(struct misses *m, struct miss *miss)
{
	TAILQ_REMOVE(&m->items, miss, entry);
	m->count--;
	free(miss->key);
	free(miss);
}

void
misses_forget_all(struct misses *m)
{
	while (!TAILQ_EMPTY(&m->items))
		remove_miss(m, TAILQ_FIRST(&m->items));
}

void
misses_free(struct misses *m)
{
	misses_forget_all(m);
	free(m);
}

static struct miss *
find(struct misses *m, const char *key)
{
	struct miss *miss;

	TAILQ_FOREACH(miss, &m->items, entry)
	if (strcmp(miss->key, key) == 0)
		return miss;
	return NULL;
}

void
misses_add(
    struct misses *m, const char *key, uint64_t ttl_ms, const struct err *e)
{
	struct miss *miss = find(m, key);

	if (miss != NULL)
		remove_miss(m, miss);
	if (ttl_ms == 0)
		return;
	if (m->count == MISSES_MAX)
		remove_miss(m, TAILQ_FIRST(&m->items));
	miss = mem_zalloc(1, sizeof(*miss));
	miss->key = mem_strdup(key);
	miss->until_ms = clock_now_ms() + ttl_ms;
	miss->error = *e;
	TAILQ_INSERT_TAIL(&m->items, miss, entry);
	m->count++;
}

bool
misses_find(struct misses *m, const char *key, struct err *e)
{
	struct miss *miss = find(m, key);

	if (miss == NULL)
		return false;
	if (clock_now_ms() >= miss->until_ms) {
		remove_miss(m, miss);
		return false;
	}
	*e = miss->error;
	return true;
}
