#include "digest_set.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "winnow/mem.h"

struct member {
	struct digest digest; /* first: what the tree compares */
	TAILQ_ENTRY(member) entry;
};

struct digest_set {
	void *tree; /* tsearch(3): clients choose what comes in */
	TAILQ_HEAD(, member) members;
	size_t count;
};

static int
compare(const void *a, const void *b)
{
	const struct digest *x = a, *y = b;

	return memcmp(x->bytes, y->bytes, DIGEST_BYTES);
}

struct digest_set *
digest_set_new(void)
{
	struct digest_set *s = mem_zalloc(1, sizeof(*s));

	TAILQ_INIT(&s->members);
	return s;
}

bool
digest_set_add(struct digest_set *s, const struct digest *d)
{
	void *node = tfind(d, &s->tree, compare);
	struct member *m;

	if (node != NULL) {
		m = *(struct member **)node;
		TAILQ_REMOVE(&s->members, m, entry);
		TAILQ_INSERT_TAIL(&s->members, m, entry);
		return false;
	}
	m = mem_zalloc(1, sizeof(*m));
	m->digest = *d;
	if (tsearch(&m->digest, &s->tree, compare) == NULL)
		_exit(MEM_EXIT_STATUS);
	TAILQ_INSERT_TAIL(&s->members, m, entry);
	s->count++;
	return true;
}

size_t
digest_set_count(const struct digest_set *s)
{
	return s->count;
}

void
digest_set_drain(struct digest_set *s,
    void (*visit)(void *arg, const struct digest *d), void *arg)
{
	struct member *m;

	while ((m = TAILQ_FIRST(&s->members)) != NULL) {
		TAILQ_REMOVE(&s->members, m, entry);
		tdelete(&m->digest, &s->tree, compare);
		if (visit != NULL)
			visit(arg, &m->digest);
		free(m);
	}
	s->count = 0;
}

void
digest_set_free(struct digest_set *s)
{
	if (s == NULL)
		return;
	digest_set_drain(s, NULL, NULL);
	free(s);
}
