#include "lists.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "winnow/log.h"
#include "winnow/mem.h"

/* In the form that upstreams send; twice to three times as much in memory. */
#define LISTS_MAX 256
#define LISTS_BYTES_MAX (16u << 20)

struct list {
	TAILQ_ENTRY(list) use;
	char *key;
	json_t *items;
	size_t bytes;
	int64_t checked_ms;
};

struct lists {
	TAILQ_HEAD(, list) by_use; /* least recently used first */
	size_t count;
	size_t bytes;
};

/* A question to an upstream. */
struct list_job {
	struct flight flight; /* first */
	struct job_env *env;
	struct upstream_request *request;
};

struct lists *
lists_new(void)
{
	struct lists *all = mem_zalloc(1, sizeof(*all));

	TAILQ_INIT(&all->by_use);
	return all;
}

static void
drop_list(struct lists *all, struct list *l)
{
	TAILQ_REMOVE(&all->by_use, l, use);
	all->count--;
	all->bytes -= l->bytes;
	json_decref(l->items);
	free(l->key);
	free(l);
}

void
lists_free(struct lists *all)
{
	struct list *l;

	while ((l = TAILQ_FIRST(&all->by_use)) != NULL)
		drop_list(all, l);
	free(all);
}

static char *
list_key(const struct source *s, const struct digest *subject)
{
	char text[DIGEST_TEXT];

	if (subject == NULL)
		return mem_printf("tags of %s/%s", s->host, s->repository);
	return mem_printf("referrers of %s/%s@%s", s->host, s->repository,
	    digest_format(subject, text));
}

static struct list *
find_list(struct lists *all, const char *key)
{
	struct list *l;

	TAILQ_FOREACH(l, &all->by_use, use)
	if (strcmp(l->key, key) == 0)
		return l;
	return NULL;
}

const json_t *
lists_get(struct lists *all, const struct source *s,
    const struct digest *subject, int64_t *checked_ms)
{
	auto_free char *key = list_key(s, subject);
	struct list *l = find_list(all, key);

	if (l == NULL)
		return NULL;
	TAILQ_REMOVE(&all->by_use, l, use);
	TAILQ_INSERT_TAIL(&all->by_use, l, use);
	*checked_ms = l->checked_ms;
	return l->items;
}

static void
put_list(struct lists *all, const char *key, json_t *items)
{
	struct list *l = find_list(all, key);

	if (l != NULL)
		drop_list(all, l);
	l = mem_zalloc(1, sizeof(*l));
	l->key = mem_strdup(key);
	l->items = json_incref(items);
	l->bytes = json_dumpb(items, NULL, 0, JSON_COMPACT);
	l->checked_ms = source_now_ms();
	TAILQ_INSERT_TAIL(&all->by_use, l, use);
	all->count++;
	all->bytes += l->bytes;
	/* The newest stays, however large: somebody waits for it. */
	while (TAILQ_FIRST(&all->by_use) != l &&
	    (all->count > LISTS_MAX || all->bytes > LISTS_BYTES_MAX))
		drop_list(all, TAILQ_FIRST(&all->by_use));
}

static void
cancel_list(struct flight *f)
{
	struct list_job *j = (struct list_job *)f;

	upstream_request_cancel(j->request);
	free(j);
}

static void
on_list(void *arg, json_t *items, const struct err *e)
{
	struct list_job *j = arg;

	if (e == NULL)
		put_list(j->env->lists, j->flight.key, items);
	else
		log_event(LOG_LEVEL_WARN, "upstream.list", "id",
		    flight_asker(&j->flight), "what", j->flight.key, "code",
		    err_code_name(e->code), "error", e->message, NULL);
	flight_end(&j->flight, e);
	free(j);
}

void
lists_fetch(struct job_env *env, const struct source *s,
    const struct digest *subject, struct flight_waiter *w)
{
	auto_free char *key = list_key(s, subject);
	struct flight *f = flight_find(env->flights, key);
	struct list_job *j;

	if (f != NULL) {
		flight_join(f, w);
		return;
	}
	j = mem_zalloc(1, sizeof(*j));
	j->env = env;
	flight_enter(env->flights, &j->flight, key, cancel_list);
	flight_join(&j->flight, w);
	j->request =
	    upstream_list(s->upstream, s->repository, subject, on_list, j);
}
