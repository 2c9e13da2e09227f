#include "builds.h"

#include <stdio.h>
#include <time.h>

const unsigned builds_bounds[BUILDS_BUCKETS] = {
    1, 2, 5, 10, 20, 30, 60, 120, 300, 600};

void
builds_note_failure(struct builds *b, const char *what, const struct err *e)
{
	struct build_failure *f =
	    &b->failures[b->failure_count++ % BUILDS_FAILURES];

	f->when = (int64_t)time(NULL);
	snprintf(f->what, sizeof(f->what), "%s", what);
	f->error = *e;
}

void
builds_note(
    struct builds *b, const char *what, uint64_t ms, const struct err *e)
{
	size_t i = 0;

	if (e != NULL) {
		b->failed[e->code]++;
		builds_note_failure(b, what, e);
		return;
	}
	while (i < BUILDS_BUCKETS && ms > builds_bounds[i] * 1000ull)
		i++;
	b->buckets[i]++;
	b->total_ms += ms;
	b->built++;
}

const struct build_failure *
builds_failure(const struct builds *b, size_t i)
{
	if (i >= b->failure_count || i >= BUILDS_FAILURES)
		return NULL;
	return &b->failures[(b->failure_count - 1 - i) % BUILDS_FAILURES];
}
