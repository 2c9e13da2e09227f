/* Rows about files: blobs, what holds them, who used them, layer indexes. */
#include <stdlib.h>
#include <string.h>

#include "store_db.h"
#include "winnow/layer_index.h"
#include "winnow/mem.h"

/* A use of a layer index is noted so often: a write for each costs more. */
#define INDEX_USE_US (3600ll * 1000 * 1000)

int
store_db_put_blob(struct store_db *db, const struct digest *digest,
    uint64_t size, struct err *e)
{
	store_db_begin(db);
	store_db_run(db,
	    store_db_bind(
		db, PUT_BLOB, "dnn", digest, (int64_t)size, store_now()));
	store_db_run(db, store_db_bind(db, NOTE_BACK, "d", digest));
	return store_db_commit(db, e);
}

bool
store_db_get_blob(
    struct store_db *db, const struct digest *digest, uint64_t *size)
{
	sqlite3_stmt *st = store_db_bind(db, GET_BLOB, "d", digest);
	bool found = store_db_step(db, st);

	if (found)
		*size = store_db_column_uint(st, 0);
	sqlite3_reset(st);
	return found;
}

void
store_db_drop_blob(struct store_db *db, const struct digest *digest)
{
	store_db_run(db, store_db_bind(db, DROP_BLOB, "d", digest));
	store_db_run(
	    db, store_db_bind(db, NOTE_EVICTED, "dn", digest, store_now()));
	store_db_run(db, store_db_bind(db, DROP_DERIVED, "d", digest));
}

void
store_db_each_blob(struct store_db *db,
    void (*visit)(void *arg, const struct digest *digest, uint64_t size),
    void *arg)
{
	sqlite3_stmt *st = store_db_bind(db, EACH_BLOB, "");

	while (store_db_step(db, st)) {
		struct digest d;

		store_db_column_digest(st, 0, &d);
		visit(arg, &d, store_db_column_uint(st, 1));
	}
	sqlite3_reset(st);
}

void
store_db_use_blob(struct store_db *db, const struct digest *digest, int64_t now)
{
	store_db_run(db, store_db_bind(db, USE_BLOB, "dn", digest, now));
}

/* Takes the rows of a statement whose columns are digest, size, used. */
static void
list_blobs(struct store_db *db, sqlite3_stmt *st, struct store_blob **out,
    size_t *count)
{
	size_t capacity = 0;

	*out = NULL;
	*count = 0;
	while (store_db_step(db, st)) {
		struct store_blob *b;

		*out = mem_grow(*out, *count, &capacity, sizeof(**out));
		b = &(*out)[(*count)++];
		store_db_column_digest(st, 0, &b->digest);
		b->size = store_db_column_uint(st, 1);
		b->used = sqlite3_column_int64(st, 2);
	}
	sqlite3_reset(st);
}

void
store_list_unused(struct store *s, int64_t before, size_t max,
    struct store_blob **out, size_t *count)
{
	list_blobs(s->db,
	    store_db_bind(s->db, LIST_UNUSED, "nn", before, (int64_t)max), out,
	    count);
}

void
store_put_holds(
    struct store *s, const struct digest *manifest, const struct digest *digest)
{
	store_db_run(
	    s->db, store_db_bind(s->db, PUT_HOLDS, "dd", manifest, digest));
}

static void
take_holder(sqlite3_stmt *st, struct store_holder *out)
{
	store_db_column_digest(st, 0, &out->key);
	store_db_column_digest(st, 1, &out->digest);
	store_db_column_digest(st, 2, &out->source);
	out->recipe = mem_strdup((const char *)sqlite3_column_text(st, 3));
	out->policy =
	    mem_strdup_optional((const char *)sqlite3_column_text(st, 4));
}

void
store_holder_clear(struct store_holder *h)
{
	free(h->recipe);
	free(h->policy);
	h->recipe = h->policy = NULL;
}

bool
store_find_holder(struct store *s, const char *scope,
    const struct digest *digest,
    bool (*visit)(void *arg, const struct store_holder *variant), void *arg)
{
	sqlite3_stmt *st =
	    store_db_bind(s->db, LIST_HOLDERS, "ds", digest, scope);
	bool found = false;

	while (!found && store_db_step(s->db, st)) {
		auto_store_holder struct store_holder h;

		take_holder(st, &h);
		found = visit(arg, &h);
	}
	sqlite3_reset(st);
	return found;
}

int
store_drop_tags(
    struct store *s, const char *scope, const char *tag, struct err *e)
{
	sqlite3_stmt *st;

	if (scope == NULL)
		st = store_db_bind(s->db, DROP_ALL_TAGS, "");
	else if (tag == NULL)
		st = store_db_bind(s->db, DROP_TAGS, "s", scope);
	else
		st = store_db_bind(s->db, DROP_TAG, "ss", scope, tag);
	return store_db_write(s->db, st, e);
}

void
store_list_purged(struct store *s, const struct store_purge *p, int64_t before,
    struct store_blob **out, size_t *count)
{
	struct store_db *db = s->db;

	store_db_run(db, store_db_bind(db, BEGIN_PURGE, ""));
	if (p->scope == NULL)
		store_db_run(db, store_db_bind(db, PURGE_ALL, ""));
	else if (p->digest == NULL)
		store_db_run(db, store_db_bind(db, PURGE_SCOPE, "s", p->scope));
	else if (!p->variants)
		store_db_run(
		    db, store_db_bind(db, PURGE_DIGEST, "d", p->digest));
	if (p->scope != NULL && p->digest != NULL)
		store_db_run(db,
		    store_db_bind(
			db, PURGE_VARIANT, "sd", p->scope, p->digest));
	store_db_run(db, store_db_bind(db, PURGE_HELD, ""));
	list_blobs(db, store_db_bind(db, LIST_PURGED, "n", before), out, count);
}

int
store_db_put_index(
    struct store_db *db, const struct digest *layer, struct err *e)
{
	return store_db_write(db,
	    store_db_bind(db, PUT_INDEX, "dnn", layer,
		(int64_t)LAYER_INDEX_VERSION, store_now()),
	    e);
}

void
store_db_drop_index(struct store_db *db, const struct digest *layer)
{
	struct err ignored;

	(void)store_db_write(
	    db, store_db_bind(db, DROP_INDEX, "d", layer), &ignored);
}

bool
store_db_get_index(struct store_db *db, const struct digest *layer)
{
	return store_db_finds(db,
	    store_db_bind(
		db, GET_INDEX, "dn", layer, (int64_t)LAYER_INDEX_VERSION));
}

void
store_db_use_index(struct store_db *db, const struct digest *layer)
{
	int64_t now = store_now();
	struct err ignored;

	(void)store_db_write(db,
	    store_db_bind(db, USE_INDEX, "dnn", layer, now, now - INDEX_USE_US),
	    &ignored);
}

void
store_db_drop_foreign_indexes(struct store_db *db)
{
	struct err ignored;

	(void)store_db_write(db,
	    store_db_bind(
		db, DROP_FOREIGN_INDEXES, "n", (int64_t)LAYER_INDEX_VERSION),
	    &ignored);
}
