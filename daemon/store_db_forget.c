/*
 * What was evicted long ago is forgotten (doc/internals/store.md): the rows
 * that come back when the manifest is asked for again, and of a manifest that
 * nobody could have again all rows.
 */
#include <string.h>

#include "store_db.h"
#include "winnow/log.h"
#include "winnow/mem.h"
#include "winnow/num.h"

struct manifest {
	char *scope;
	struct digest digest;
};

static void
list_evicted(struct store_db *db, const struct store_forget *f,
    struct manifest **out, size_t *count)
{
	sqlite3_stmt *st = store_db_bind(
	    db, LIST_EVICTED, "nn", f->before_us, (int64_t)f->max);
	size_t capacity = 0;

	*out = NULL;
	*count = 0;
	while (store_db_step(db, st)) {
		struct manifest *m;

		*out = mem_grow(*out, *count, &capacity, sizeof(**out));
		m = &(*out)[(*count)++];
		m->scope = mem_strdup((const char *)sqlite3_column_text(st, 0));
		store_db_column_digest(st, 1, &m->digest);
	}
	sqlite3_reset(st);
}

/* Asking about the variants of a manifest. */
struct inquiry {
	const struct store_forget *f;
	const char *scope;
	bool any;
};

static bool
keeps_variant(void *arg, const struct store_holder *variant)
{
	struct inquiry *q = arg;

	q->any = true;
	return q->f->keeps(q->f->arg, q->scope, variant);
}

static bool
is_kept(struct store *s, const struct store_forget *f, const struct manifest *m)
{
	struct inquiry q = {.f = f, .scope = m->scope};
	bool kept =
	    store_find_holder(s, m->scope, &m->digest, keeps_variant, &q);

	return q.any ? kept : f->keeps(f->arg, m->scope, NULL);
}

/* True when the digest stays known. */
static bool
forget_manifest(
    struct store *s, const struct store_forget *f, const struct manifest *m)
{
	struct store_db *db = s->db;
	bool kept = is_kept(s, f, m);

	store_db_run(
	    db, store_db_bind(db, FORGET_REACH, "sd", m->scope, &m->digest));
	store_db_run(
	    db, store_db_bind(db, FORGET_CHILDREN, "sd", m->scope, &m->digest));
	if (kept) {
		store_db_run(db,
		    store_db_bind(db, MARK_FORGOTTEN, "sdn", m->scope,
			&m->digest, store_now()));
		store_db_run(
		    db, store_db_bind(db, FORGET_BLOB_HOLDS, "d", &m->digest));
		return true;
	}
	store_db_run(
	    db, store_db_bind(db, FORGET_MANIFEST, "sd", m->scope, &m->digest));
	store_db_run(
	    db, store_db_bind(db, FORGET_MAP, "sd", m->scope, &m->digest));
	store_db_run(
	    db, store_db_bind(db, FORGET_VARIANT, "sd", m->scope, &m->digest));
	store_db_run(db, store_db_bind(db, FORGET_HOLDS, "d", &m->digest));
	store_db_run(db, store_db_bind(db, FORGET_STRAYS, "d", &m->digest));
	return false;
}

/* Layer indexes are files, too; the caller unlinks them when the rows are gone.
 */
static size_t
forget_indexes(
    struct store *s, const struct store_forget *f, struct digest *layers)
{
	sqlite3_stmt *st = store_db_bind(
	    s->db, LIST_OLD_INDEXES, "nn", f->before_us, (int64_t)f->max);
	size_t count = 0, i;

	while (count < f->max && store_db_step(s->db, st))
		store_db_column_digest(st, 0, &layers[count++]);
	sqlite3_reset(st);
	for (i = 0; i < count; i++)
		store_db_run(
		    s->db, store_db_bind(s->db, DROP_INDEX, "d", &layers[i]));
	return count;
}

static size_t
forget_tags(struct store_db *db, const struct store_forget *f)
{
	store_db_run(db,
	    store_db_bind(
		db, FORGET_TAGS, "nn", f->before_us / 1000, (int64_t)f->max));
	return (size_t)sqlite3_changes(db->handle);
}

static void
log_forgotten(size_t manifests, size_t kept, size_t tags, size_t indexes)
{
	char n[4][24];

	if (manifests + tags + indexes == 0)
		return;
	log_event(LOG_LEVEL_INFO, "store.forgot", "manifests",
	    num_format(manifests, n[0]), "digests_kept", num_format(kept, n[1]),
	    "tags", num_format(tags, n[2]), "indexes",
	    num_format(indexes, n[3]), NULL);
}

bool
store_forget(struct store *s, const struct store_forget *f)
{
	auto_free struct digest *layers = mem_zalloc(f->max, sizeof(*layers));
	struct manifest *manifests;
	size_t count, kept = 0, tags, indexes, i;
	struct err ignored;

	list_evicted(s->db, f, &manifests, &count);
	store_begin(s);
	for (i = 0; i < count; i++) {
		kept += forget_manifest(s, f, &manifests[i]);
		free(manifests[i].scope);
	}
	store_db_run(s->db, store_db_bind(s->db, FORGET_POLICIES, ""));
	tags = forget_tags(s->db, f);
	indexes = forget_indexes(s, f, layers);
	free(manifests);
	if (store_commit(s, &ignored) == -1)
		return false;
	/* A file that a crash leaves behind is swept at the next start. */
	for (i = 0; i < indexes; i++)
		store_unlink_index(s, &layers[i]);
	log_forgotten(count, kept, tags, indexes);
	return count == f->max || tags == f->max || indexes == f->max;
}
