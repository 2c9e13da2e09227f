/* When blobs were used, and their removal. */
#include <time.h>

#include "store_internal.h"

int64_t
store_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void
store_note_use(struct store *s, const struct digest *digest)
{
	digest_set_add(s->used, digest);
}

/* What the visitor of the set needs. */
struct flush {
	struct store *store;
	int64_t now;
};

static void
flush_one(void *arg, const struct digest *d)
{
	struct flush *f = arg;

	/* Each has a moment of its own, which tells what belongs to it. */
	store_db_use_blob(f->store->db, d, f->now++);
}

void
store_flush_uses(struct store *s)
{
	struct flush f = {.store = s, .now = store_now()};
	struct err ignored;

	if (digest_set_count(s->used) == 0)
		return;
	store_begin(s);
	digest_set_drain(s->used, flush_one, &f);
	/* A disk that takes no writes costs the order of eviction only. */
	(void)store_commit(s, &ignored);
}

int
store_evict(struct store *s, const struct store_blob *blobs, size_t count,
    struct err *e)
{
	struct store_usage before = s->usage;
	uint64_t size;
	size_t i;

	store_begin(s);
	for (i = 0; i < count; i++)
		if (store_db_get_blob(s->db, &blobs[i].digest, &size)) {
			store_db_drop_blob(s->db, &blobs[i].digest);
			s->usage.blobs--;
			s->usage.bytes -= size;
			s->usage.evicted_blobs++;
			s->usage.evicted_bytes += size;
		}
	if (store_commit(s, e) == -1) {
		s->usage = before;
		return -1;
	}
	/* A file that a crash leaves behind is swept at the next start. */
	for (i = 0; i < count; i++)
		store_unlink_blob(s, &blobs[i].digest);
	return 0;
}
