/* Rows about names: what tags, digests and variants of a scope are. */
#include <stdio.h>
#include <string.h>

#include "store_db.h"
#include "winnow/mem.h"

int
store_put_tag(struct store *s, const char *scope, const char *tag,
    const struct store_tag *row, struct err *e)
{
	return store_db_write(s->db,
	    store_db_bind(s->db, PUT_TAG, "ssdn", scope, tag, &row->source,
		row->checked_ms),
	    e);
}

bool
store_get_tag(
    struct store *s, const char *scope, const char *tag, struct store_tag *row)
{
	sqlite3_stmt *st = store_db_bind(s->db, GET_TAG, "ss", scope, tag);
	bool found = store_db_step(s->db, st);

	if (found) {
		store_db_column_digest(st, 0, &row->source);
		row->checked_ms = sqlite3_column_int64(st, 1);
	}
	sqlite3_reset(st);
	return found;
}

void
store_list_tags(struct store *s, const char *scope, char ***tags, size_t *count)
{
	sqlite3_stmt *st = store_db_bind(s->db, LIST_TAGS, "s", scope);
	size_t capacity = 0;

	*tags = NULL;
	*count = 0;
	while (store_db_step(s->db, st)) {
		*tags = mem_grow(*tags, *count, &capacity, sizeof(**tags));
		(*tags)[(*count)++] =
		    mem_strdup((const char *)sqlite3_column_text(st, 0));
	}
	sqlite3_reset(st);
}

void
store_put_manifest(struct store *s, const char *scope,
    const struct digest *digest, const struct store_manifest *row)
{
	store_db_run(s->db,
	    store_db_bind(s->db, PUT_MANIFEST, "sdsn", scope, digest,
		row->media_type, (int64_t)row->size));
}

bool
store_get_manifest(struct store *s, const char *scope,
    const struct digest *digest, struct store_manifest *row)
{
	sqlite3_stmt *st =
	    store_db_bind(s->db, GET_MANIFEST, "sd", scope, digest);
	bool found = store_db_step(s->db, st);

	if (found) {
		snprintf(row->media_type, sizeof(row->media_type), "%s",
		    (const char *)sqlite3_column_text(st, 0));
		row->size = store_db_column_uint(st, 1);
	}
	sqlite3_reset(st);
	return found;
}

bool
store_knows_manifest(
    struct store *s, const char *scope, const struct digest *digest)
{
	return store_db_finds(
	    s->db, store_db_bind(s->db, KNOWS_MANIFEST, "sd", scope, digest));
}

void
store_put_reach(struct store *s, const char *scope, const struct digest *digest,
    uint64_t size)
{
	store_db_run(s->db,
	    store_db_bind(
		s->db, PUT_REACH, "sdn", scope, digest, (int64_t)size));
}

bool
store_get_reach(struct store *s, const char *scope, const struct digest *digest,
    uint64_t *size)
{
	sqlite3_stmt *st = store_db_bind(s->db, GET_REACH, "sd", scope, digest);
	bool found = store_db_step(s->db, st);

	if (found)
		*size = store_db_column_uint(st, 0);
	sqlite3_reset(st);
	return found;
}

void
store_put_child(struct store *s, const char *scope, const struct digest *digest)
{
	store_db_run(
	    s->db, store_db_bind(s->db, PUT_CHILD, "sd", scope, digest));
}

bool
store_has_child(struct store *s, const char *scope, const struct digest *digest)
{
	return store_db_finds(
	    s->db, store_db_bind(s->db, HAS_CHILD, "sd", scope, digest));
}

void
store_put_map(struct store *s, const char *scope, const struct digest *source,
    const struct digest *variant)
{
	store_db_run(s->db,
	    store_db_bind(s->db, PUT_MAP, "sdd", scope, source, variant));
}

/* The digest that a statement finds, if any. */
static bool
get_digest(struct store_db *db, sqlite3_stmt *st, struct digest *out)
{
	bool found = store_db_step(db, st);

	if (found)
		store_db_column_digest(st, 0, out);
	sqlite3_reset(st);
	return found;
}

bool
store_get_map(struct store *s, const char *scope, const struct digest *source,
    struct digest *variant)
{
	return get_digest(
	    s->db, store_db_bind(s->db, GET_MAP, "sd", scope, source), variant);
}

bool
store_get_map_source(struct store *s, const char *scope,
    const struct digest *variant, struct digest *source)
{
	return get_digest(s->db,
	    store_db_bind(s->db, GET_MAP_SOURCE, "sd", scope, variant), source);
}

void
store_put_variant(struct store *s, const struct digest *key, const char *scope,
    const struct store_variant *row)
{
	struct digest digest, *policy = NULL;

	if (row->policy != NULL) {
		policy = &digest;
		digest_of(row->policy, strlen(row->policy), policy);
		store_db_run(s->db,
		    store_db_bind(
			s->db, PUT_POLICY, "ds", policy, row->policy));
	}
	store_db_run(s->db,
	    store_db_bind(s->db, PUT_VARIANT, "dsddsd", key, scope,
		&row->source, &row->digest, row->recipe, policy));
}

bool
store_get_variant(struct store *s, const struct digest *key, const char *scope,
    struct store_variant *row)
{
	sqlite3_stmt *st = store_db_bind(s->db, GET_VARIANT, "ds", key, scope);
	bool found = store_db_step(s->db, st);

	if (found) {
		store_db_column_digest(st, 0, &row->source);
		store_db_column_digest(st, 1, &row->digest);
		row->recipe = row->policy = NULL;
	}
	sqlite3_reset(st);
	return found;
}

int
store_forget_variants(struct store *s, const char *scope, struct err *e)
{
	store_db_begin(s->db);
	store_db_run(s->db, store_db_bind(s->db, FORGET_VARIANTS, "s", scope));
	store_db_run(s->db, store_db_bind(s->db, FORGET_POLICIES, ""));
	return store_db_commit(s->db, e);
}

int
store_put_derived(struct store *s, const struct digest *key,
    const struct store_derived *row, struct err *e)
{
	return store_db_write(s->db,
	    store_db_bind(s->db, PUT_DERIVED, "ddndn", key, &row->digest,
		(int64_t)row->size, &row->diff_id, (int64_t)row->tar_size),
	    e);
}

bool
store_get_derived(
    struct store *s, const struct digest *key, struct store_derived *row)
{
	sqlite3_stmt *st = store_db_bind(s->db, GET_DERIVED, "d", key);
	bool found = store_db_step(s->db, st);

	if (found) {
		store_db_column_digest(st, 0, &row->digest);
		row->size = store_db_column_uint(st, 1);
		store_db_column_digest(st, 2, &row->diff_id);
		row->tar_size = store_db_column_uint(st, 3);
	}
	sqlite3_reset(st);
	return found;
}

void
store_begin(struct store *s)
{
	store_db_begin(s->db);
}

int
store_commit(struct store *s, struct err *e)
{
	return store_db_commit(s->db, e);
}
