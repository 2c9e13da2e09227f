#include "answers.h"

#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#include "winnow/mem.h"

struct remembered {
	char *key;
	struct answer *answer;
	uint64_t until;
	size_t bytes;
	TAILQ_ENTRY(remembered) use;
};

struct answers {
	/* A balanced tree (tsearch(3)): clients choose the keys, and cannot
	 * make it slow. */
	void *by_key;
	TAILQ_HEAD(, remembered) by_use; /* least recently used first */
	size_t count, max_count;
	size_t bytes, max_bytes;
};

struct answer *
answer_new(void)
{
	struct answer *a = mem_zalloc(1, sizeof(*a));

	a->refs = 1;
	return a;
}

struct answer *
answer_ref(struct answer *a)
{
	a->refs++;
	return a;
}

void
answer_unref(struct answer *a)
{
	if (--a->refs > 0)
		return;
	free(a->media_type);
	free(a->warning);
	free(a->data);
	free(a);
}

int
answer_set_digest(struct answer *a, const char *text, struct err *e)
{
	if (digest_parse(text, &a->digest, e) == -1)
		return -1;
	snprintf(a->etag, sizeof(a->etag), "\"%s\"", text);
	return 0;
}

static int
compare_entries(const void *a, const void *b)
{
	const struct remembered *x = a, *y = b;

	return strcmp(x->key, y->key);
}

struct answers *
answers_new(size_t max_count, size_t max_bytes)
{
	struct answers *t = mem_zalloc(1, sizeof(*t));

	TAILQ_INIT(&t->by_use);
	t->max_count = max_count;
	t->max_bytes = max_bytes;
	return t;
}

void
answers_free(struct answers *t)
{
	answers_clear(t);
	free(t);
}

static struct remembered *
find_entry(const struct answers *t, const char *key)
{
	auto_free char *copy = mem_strdup(key);
	struct remembered wanted = {.key = copy};
	void *node = tfind(&wanted, &t->by_key, compare_entries);

	return node == NULL ? NULL : *(struct remembered **)node;
}

static void
drop_entry(struct answers *t, struct remembered *entry)
{
	tdelete(entry, &t->by_key, compare_entries);
	TAILQ_REMOVE(&t->by_use, entry, use);
	t->count--;
	t->bytes -= entry->bytes;
	answer_unref(entry->answer);
	free(entry->key);
	free(entry);
}

struct answer *
answers_find(struct answers *t, const char *key, uint64_t now)
{
	struct remembered *entry = find_entry(t, key);

	if (entry == NULL)
		return NULL;
	if (entry->until <= now) {
		drop_entry(t, entry);
		return NULL;
	}
	TAILQ_REMOVE(&t->by_use, entry, use);
	TAILQ_INSERT_TAIL(&t->by_use, entry, use);
	return entry->answer;
}

void
answers_put(
    struct answers *t, const char *key, struct answer *a, uint64_t until)
{
	struct remembered *entry;

	answers_drop(t, key);
	entry = mem_zalloc(1, sizeof(*entry));
	entry->key = mem_strdup(key);
	entry->answer = answer_ref(a);
	entry->until = until;
	entry->bytes = sizeof(*entry) + sizeof(*a) + strlen(key) +
	    (a->data == NULL ? 0 : (size_t)a->size);
	if (tsearch(entry, &t->by_key, compare_entries) == NULL)
		_exit(MEM_EXIT_STATUS);
	TAILQ_INSERT_TAIL(&t->by_use, entry, use);
	t->count++;
	t->bytes += entry->bytes;
	while (t->count > t->max_count || t->bytes > t->max_bytes)
		drop_entry(t, TAILQ_FIRST(&t->by_use));
}

void
answers_drop(struct answers *t, const char *key)
{
	struct remembered *entry = find_entry(t, key);

	if (entry != NULL)
		drop_entry(t, entry);
}

void
answers_clear(struct answers *t)
{
	while (!TAILQ_EMPTY(&t->by_use))
		drop_entry(t, TAILQ_FIRST(&t->by_use));
}
