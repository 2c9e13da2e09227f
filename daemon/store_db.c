#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store_internal.h"
#include "winnow/layer_index.h"
#include "winnow/log.h"
#include "winnow/mem.h"

/* Changes with the tables; another version's database is refused. */
#define SCHEMA_VERSION 2

/* What version 2 adds to version 1: when blobs were used, and by what. */
static const char schema_2[] =
    "ALTER TABLE blob ADD COLUMN used INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX blob_by_use ON blob (used);"
    "CREATE TABLE holds (manifest BLOB, digest BLOB,"
    " PRIMARY KEY (manifest, digest)) WITHOUT ROWID;"
    "CREATE INDEX holds_by_digest ON holds (digest);"
    "CREATE INDEX variant_by_digest ON variant (digest);";

static const char schema[] =
    "CREATE TABLE blob (digest BLOB PRIMARY KEY, size INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE layer_index (layer BLOB PRIMARY KEY,"
    " version INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE tag (scope TEXT, tag TEXT, source BLOB NOT NULL,"
    " checked INTEGER NOT NULL, PRIMARY KEY (scope, tag)) WITHOUT ROWID;"
    "CREATE TABLE manifest (scope TEXT, digest BLOB, media_type TEXT NOT NULL,"
    " size INTEGER NOT NULL, PRIMARY KEY (scope, digest)) WITHOUT ROWID;"
    "CREATE TABLE reach (scope TEXT, digest BLOB, size INTEGER NOT NULL,"
    " PRIMARY KEY (scope, digest)) WITHOUT ROWID;"
    "CREATE TABLE child (scope TEXT, digest BLOB, PRIMARY KEY (scope, digest))"
    " WITHOUT ROWID;"
    "CREATE TABLE map (scope TEXT, source BLOB, variant BLOB NOT NULL,"
    " PRIMARY KEY (scope, source)) WITHOUT ROWID;"
    "CREATE TABLE variant (key BLOB, scope TEXT, source BLOB NOT NULL,"
    " digest BLOB NOT NULL, recipe TEXT NOT NULL, PRIMARY KEY (key, scope))"
    " WITHOUT ROWID;"
    "CREATE TABLE derived (key BLOB PRIMARY KEY, digest BLOB NOT NULL,"
    " size INTEGER NOT NULL, diff_id BLOB NOT NULL, tar_size INTEGER NOT NULL)"
    " WITHOUT ROWID;";

enum statement {
	PUT_BLOB,
	USE_BLOB,
	LIST_UNUSED,
	PUT_HOLDS,
	FIND_HOLDER,
	DROP_TAGS,
	DROP_ALL_TAGS,
	DROP_TAG,
	BEGIN_PURGE,
	PURGE_DIGEST,
	PURGE_VARIANT,
	PURGE_SCOPE,
	PURGE_HELD,
	PURGE_ALL,
	LIST_PURGED,
	GET_BLOB,
	DROP_BLOB,
	EACH_BLOB,
	PUT_INDEX,
	GET_INDEX,
	PUT_TAG,
	GET_TAG,
	LIST_TAGS,
	PUT_MANIFEST,
	GET_MANIFEST,
	PUT_REACH,
	GET_REACH,
	PUT_CHILD,
	HAS_CHILD,
	PUT_MAP,
	GET_MAP,
	GET_MAP_SOURCE,
	PUT_VARIANT,
	GET_VARIANT,
	FORGET_VARIANTS,
	PUT_DERIVED,
	GET_DERIVED,
	BEGIN,
	COMMIT,
	STATEMENTS
};

static const char *const sql[STATEMENTS] = {
    [PUT_BLOB] = "INSERT OR REPLACE INTO blob VALUES (?, ?, ?)",
    /* A manifest in use takes along what it holds. */
    [USE_BLOB] = "WITH RECURSIVE held (d) AS (SELECT ?1 UNION"
		 " SELECT holds.digest FROM held JOIN holds"
		 " ON holds.manifest = held.d)"
		 " UPDATE blob SET used = ?2 WHERE used < ?2"
		 " AND digest IN (SELECT d FROM held)",
    [LIST_UNUSED] = "SELECT digest, size, used FROM blob WHERE used < ?"
		    " ORDER BY used LIMIT ?",
    [PUT_HOLDS] = "INSERT OR IGNORE INTO holds VALUES (?, ?)",
    [FIND_HOLDER] = "WITH RECURSIVE up (d) AS (SELECT ?1 UNION"
		    " SELECT holds.manifest FROM up JOIN holds"
		    " ON holds.digest = up.d)"
		    " SELECT source, digest, key, recipe FROM variant"
		    " WHERE scope = ?2 AND digest IN (SELECT d FROM up)"
		    " LIMIT 1",
    [DROP_TAGS] = "DELETE FROM tag WHERE scope = ?",
    [DROP_ALL_TAGS] = "DELETE FROM tag",
    [DROP_TAG] = "DELETE FROM tag WHERE scope = ? AND tag = ?",
    [BEGIN_PURGE] = "DELETE FROM purge",
    [PURGE_DIGEST] = "INSERT OR IGNORE INTO purge VALUES (?)",
    [PURGE_VARIANT] = "INSERT OR IGNORE INTO purge SELECT digest FROM variant"
		      " WHERE scope = ? AND source = ?",
    [PURGE_SCOPE] = "INSERT OR IGNORE INTO purge SELECT digest FROM manifest"
		    " WHERE scope = ?",
    [PURGE_HELD] = "WITH RECURSIVE held (d) AS (SELECT d FROM purge UNION"
		   " SELECT holds.digest FROM held JOIN holds"
		   " ON holds.manifest = held.d)"
		   " INSERT OR IGNORE INTO purge SELECT d FROM held",
    [PURGE_ALL] = "INSERT OR IGNORE INTO purge SELECT digest FROM blob",
    /* Nothing that a manifest outside holds. */
    [LIST_PURGED] = "WITH RECURSIVE others (d) AS (SELECT digest FROM manifest"
		    " WHERE digest NOT IN (SELECT d FROM purge) UNION"
		    " SELECT holds.digest FROM others JOIN holds"
		    " ON holds.manifest = others.d)"
		    " SELECT digest, size, used FROM blob WHERE used < ?"
		    " AND digest IN (SELECT d FROM purge)"
		    " AND digest NOT IN (SELECT d FROM others)",
    [GET_BLOB] = "SELECT size FROM blob WHERE digest = ?",
    [DROP_BLOB] = "DELETE FROM blob WHERE digest = ?",
    [EACH_BLOB] = "SELECT digest, size FROM blob ORDER BY digest",
    [PUT_INDEX] = "INSERT OR REPLACE INTO layer_index VALUES (?, ?)",
    [GET_INDEX] = "SELECT 1 FROM layer_index WHERE layer = ? AND version = ?",
    [PUT_TAG] = "INSERT OR REPLACE INTO tag VALUES (?, ?, ?, ?)",
    [GET_TAG] = "SELECT source, checked FROM tag WHERE scope = ? AND tag = ?",
    [LIST_TAGS] = "SELECT tag FROM tag WHERE scope = ? ORDER BY tag",
    [PUT_MANIFEST] = "INSERT OR REPLACE INTO manifest VALUES (?, ?, ?, ?)",
    [GET_MANIFEST] = "SELECT media_type, size FROM manifest"
		     " WHERE scope = ? AND digest = ?",
    [PUT_REACH] = "INSERT OR REPLACE INTO reach VALUES (?, ?, ?)",
    [GET_REACH] = "SELECT size FROM reach WHERE scope = ? AND digest = ?",
    [PUT_CHILD] = "INSERT OR REPLACE INTO child VALUES (?, ?)",
    [HAS_CHILD] = "SELECT 1 FROM child WHERE scope = ? AND digest = ?",
    [PUT_MAP] = "INSERT OR REPLACE INTO map VALUES (?, ?, ?)",
    [GET_MAP] = "SELECT variant FROM map WHERE scope = ? AND source = ?",
    [GET_MAP_SOURCE] = "SELECT source FROM map"
		       " WHERE scope = ? AND variant = ?",
    [PUT_VARIANT] = "INSERT OR REPLACE INTO variant VALUES (?, ?, ?, ?, ?)",
    [GET_VARIANT] = "SELECT source, digest FROM variant"
		    " WHERE key = ? AND scope = ?",
    [FORGET_VARIANTS] = "DELETE FROM variant WHERE scope = ?",
    [PUT_DERIVED] = "INSERT OR REPLACE INTO derived VALUES (?, ?, ?, ?, ?)",
    [GET_DERIVED] = "SELECT digest, size, diff_id, tar_size FROM derived"
		    " WHERE key = ?",
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
};

struct store_db {
	sqlite3 *handle;
	sqlite3_stmt *statements[STATEMENTS];
};

/*
 * A database that fails cannot be worked around: what it said is durable may
 * not be.  Core ends and starts anew.
 */
static void __attribute__((noreturn)) die(struct store_db *db, const char *what)
{
	log_event(LOG_LEVEL_ERROR, "store.failed", "statement", what, "error",
	    sqlite3_errmsg(db->handle), NULL);
	_exit(1);
}

/*
 * Binds by format: `d` a digest, `s` a string, `n` an int64_t.  Returns the
 * statement, ready to be stepped.
 */
static sqlite3_stmt *
bind(struct store_db *db, enum statement which, const char *format, ...)
{
	sqlite3_stmt *st = db->statements[which];
	int i, result = SQLITE_OK;
	va_list ap;

	sqlite3_reset(st);
	va_start(ap, format);
	for (i = 0; format[i] != '\0' && result == SQLITE_OK; i++) {
		const struct digest *d;

		switch (format[i]) {
		case 'd':
			d = va_arg(ap, const struct digest *);
			result = sqlite3_bind_blob(st, i + 1, d->bytes,
			    DIGEST_BYTES, SQLITE_TRANSIENT);
			break;
		case 's':
			result = sqlite3_bind_text(st, i + 1,
			    va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
			break;
		default:
			result =
			    sqlite3_bind_int64(st, i + 1, va_arg(ap, int64_t));
			break;
		}
	}
	va_end(ap);
	if (result != SQLITE_OK)
		die(db, sql[which]);
	return st;
}

/* True when there is a row. */
static bool
step(struct store_db *db, sqlite3_stmt *st)
{
	int result = sqlite3_step(st);

	if (result != SQLITE_ROW && result != SQLITE_DONE)
		die(db, sqlite3_sql(st));
	return result == SQLITE_ROW;
}

/* Runs a statement to its end. */
static void
run(struct store_db *db, sqlite3_stmt *st)
{
	while (step(db, st))
		;
	sqlite3_reset(st);
}

static void
column_digest(sqlite3_stmt *st, int column, struct digest *out)
{
	*out = (struct digest){{0}};
	if (sqlite3_column_bytes(st, column) == DIGEST_BYTES)
		memcpy(
		    out->bytes, sqlite3_column_blob(st, column), DIGEST_BYTES);
}

static uint64_t
column_uint(sqlite3_stmt *st, int column)
{
	return (uint64_t)sqlite3_column_int64(st, column);
}

/* Makes the tables, or checks that they are of our version. */
static int
prepare_schema(sqlite3 *handle, struct err *e)
{
	sqlite3_stmt *st = NULL;
	auto_free char *set_version = NULL;
	int version = -1;

	if (sqlite3_prepare_v2(handle, "PRAGMA user_version", -1, &st, NULL) ==
		SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		version = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	if (version == SCHEMA_VERSION)
		return 0;
	if (version != 0 && version != 1)
		return err_set(e, ERR_UNSUPPORTED,
		    "the store's database has version %d, this winnowd reads "
		    "version %d: use an empty store directory",
		    version, SCHEMA_VERSION);
	set_version = mem_printf("BEGIN; %s %s PRAGMA user_version = %d;"
				 " COMMIT",
	    version == 0 ? schema : "", schema_2, SCHEMA_VERSION);
	if (sqlite3_exec(handle, set_version, NULL, NULL, NULL) != SQLITE_OK)
		return err_set(e, ERR_SYSTEM, "cannot make the database: %s",
		    sqlite3_errmsg(handle));
	return 0;
}

static int
prepare_all(struct store_db *db, struct err *e)
{
	int i;

	for (i = 0; i < STATEMENTS; i++)
		if (sqlite3_prepare_v3(db->handle, sql[i], -1,
			SQLITE_PREPARE_PERSISTENT, &db->statements[i],
			NULL) != SQLITE_OK)
			return err_set(e, ERR_INTERNAL, "\"%s\": %s", sql[i],
			    sqlite3_errmsg(db->handle));
	return 0;
}

int
store_db_open(const char *path, struct store_db **out, struct err *e)
{
	struct store_db *db = mem_zalloc(1, sizeof(*db));

	if (sqlite3_open(path, &db->handle) != SQLITE_OK ||
	    sqlite3_exec(db->handle,
		"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
		"PRAGMA temp_store = MEMORY;"
		"CREATE TEMP TABLE purge (d BLOB PRIMARY KEY) WITHOUT ROWID;",
		NULL, NULL, NULL) != SQLITE_OK) {
		err_set(e, ERR_SYSTEM, "cannot open database %s: %s", path,
		    sqlite3_errmsg(db->handle));
		store_db_close(db);
		return -1;
	}
	if (prepare_schema(db->handle, e) == -1 || prepare_all(db, e) == -1) {
		store_db_close(db);
		return err_wrap(e, "%s", path);
	}
	*out = db;
	return 0;
}

void
store_db_close(struct store_db *db)
{
	int i;

	if (db == NULL)
		return;
	for (i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(db->statements[i]);
	sqlite3_close(db->handle);
	free(db);
}

void
store_db_put_blob(
    struct store_db *db, const struct digest *digest, uint64_t size)
{
	run(db, bind(db, PUT_BLOB, "dnn", digest, (int64_t)size, store_now()));
}

bool
store_db_get_blob(
    struct store_db *db, const struct digest *digest, uint64_t *size)
{
	sqlite3_stmt *st = bind(db, GET_BLOB, "d", digest);
	bool found = step(db, st);

	if (found)
		*size = column_uint(st, 0);
	sqlite3_reset(st);
	return found;
}

void
store_db_drop_blob(struct store_db *db, const struct digest *digest)
{
	run(db, bind(db, DROP_BLOB, "d", digest));
}

void
store_db_each_blob(struct store_db *db,
    void (*visit)(void *arg, const struct digest *digest, uint64_t size),
    void *arg)
{
	sqlite3_stmt *st = bind(db, EACH_BLOB, "");

	while (step(db, st)) {
		struct digest d;

		column_digest(st, 0, &d);
		visit(arg, &d, column_uint(st, 1));
	}
	sqlite3_reset(st);
}

void
store_db_use_blob(struct store_db *db, const struct digest *digest, int64_t now)
{
	run(db, bind(db, USE_BLOB, "dn", digest, now));
}

/* Takes the rows of a statement whose columns are digest, size, used. */
static void
list_blobs(struct store_db *db, sqlite3_stmt *st, struct store_blob **out,
    size_t *count)
{
	size_t capacity = 0;

	*out = NULL;
	*count = 0;
	while (step(db, st)) {
		struct store_blob *b;

		*out = mem_grow(*out, *count, &capacity, sizeof(**out));
		b = &(*out)[(*count)++];
		column_digest(st, 0, &b->digest);
		b->size = column_uint(st, 1);
		b->used = sqlite3_column_int64(st, 2);
	}
	sqlite3_reset(st);
}

void
store_list_unused(struct store *s, int64_t before, size_t max,
    struct store_blob **out, size_t *count)
{
	list_blobs(s->db, bind(s->db, LIST_UNUSED, "nn", before, (int64_t)max),
	    out, count);
}

void
store_put_holds(
    struct store *s, const struct digest *manifest, const struct digest *digest)
{
	run(s->db, bind(s->db, PUT_HOLDS, "dd", manifest, digest));
}

bool
store_find_holder(struct store *s, const char *scope,
    const struct digest *digest, struct digest *key, struct store_variant *row,
    char **recipe)
{
	sqlite3_stmt *st = bind(s->db, FIND_HOLDER, "ds", digest, scope);
	bool found = step(s->db, st);

	if (found) {
		column_digest(st, 0, &row->source);
		column_digest(st, 1, &row->digest);
		column_digest(st, 2, key);
		row->recipe = NULL;
		*recipe = mem_strdup((const char *)sqlite3_column_text(st, 3));
	}
	sqlite3_reset(st);
	return found;
}

void
store_drop_tags(struct store *s, const char *scope, const char *tag)
{
	if (scope == NULL)
		run(s->db, bind(s->db, DROP_ALL_TAGS, ""));
	else if (tag == NULL)
		run(s->db, bind(s->db, DROP_TAGS, "s", scope));
	else
		run(s->db, bind(s->db, DROP_TAG, "ss", scope, tag));
}

void
store_list_purged(struct store *s, const struct store_purge *p, int64_t before,
    struct store_blob **out, size_t *count)
{
	struct store_db *db = s->db;

	run(db, bind(db, BEGIN_PURGE, ""));
	if (p->scope == NULL)
		run(db, bind(db, PURGE_ALL, ""));
	else if (p->digest == NULL)
		run(db, bind(db, PURGE_SCOPE, "s", p->scope));
	else if (!p->variants)
		run(db, bind(db, PURGE_DIGEST, "d", p->digest));
	if (p->scope != NULL && p->digest != NULL)
		run(db, bind(db, PURGE_VARIANT, "sd", p->scope, p->digest));
	run(db, bind(db, PURGE_HELD, ""));
	list_blobs(db, bind(db, LIST_PURGED, "n", before), out, count);
}

void
store_db_put_index(struct store_db *db, const struct digest *layer)
{
	run(db, bind(db, PUT_INDEX, "dn", layer, (int64_t)LAYER_INDEX_VERSION));
}

bool
store_db_get_index(struct store_db *db, const struct digest *layer)
{
	sqlite3_stmt *st =
	    bind(db, GET_INDEX, "dn", layer, (int64_t)LAYER_INDEX_VERSION);
	bool found = step(db, st);

	sqlite3_reset(st);
	return found;
}

void
store_put_tag(struct store *s, const char *scope, const char *tag,
    const struct store_tag *row)
{
	run(s->db,
	    bind(s->db, PUT_TAG, "ssdn", scope, tag, &row->source,
		row->checked_ms));
}

bool
store_get_tag(
    struct store *s, const char *scope, const char *tag, struct store_tag *row)
{
	sqlite3_stmt *st = bind(s->db, GET_TAG, "ss", scope, tag);
	bool found = step(s->db, st);

	if (found) {
		column_digest(st, 0, &row->source);
		row->checked_ms = sqlite3_column_int64(st, 1);
	}
	sqlite3_reset(st);
	return found;
}

void
store_list_tags(struct store *s, const char *scope, char ***tags, size_t *count)
{
	sqlite3_stmt *st = bind(s->db, LIST_TAGS, "s", scope);
	size_t capacity = 0;

	*tags = NULL;
	*count = 0;
	while (step(s->db, st)) {
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
	run(s->db,
	    bind(s->db, PUT_MANIFEST, "sdsn", scope, digest, row->media_type,
		(int64_t)row->size));
}

bool
store_get_manifest(struct store *s, const char *scope,
    const struct digest *digest, struct store_manifest *row)
{
	sqlite3_stmt *st = bind(s->db, GET_MANIFEST, "sd", scope, digest);
	bool found = step(s->db, st);

	if (found) {
		snprintf(row->media_type, sizeof(row->media_type), "%s",
		    (const char *)sqlite3_column_text(st, 0));
		row->size = column_uint(st, 1);
	}
	sqlite3_reset(st);
	return found;
}

void
store_put_reach(struct store *s, const char *scope, const struct digest *digest,
    uint64_t size)
{
	run(s->db, bind(s->db, PUT_REACH, "sdn", scope, digest, (int64_t)size));
}

bool
store_get_reach(struct store *s, const char *scope, const struct digest *digest,
    uint64_t *size)
{
	sqlite3_stmt *st = bind(s->db, GET_REACH, "sd", scope, digest);
	bool found = step(s->db, st);

	if (found)
		*size = column_uint(st, 0);
	sqlite3_reset(st);
	return found;
}

void
store_put_child(struct store *s, const char *scope, const struct digest *digest)
{
	run(s->db, bind(s->db, PUT_CHILD, "sd", scope, digest));
}

bool
store_has_child(struct store *s, const char *scope, const struct digest *digest)
{
	sqlite3_stmt *st = bind(s->db, HAS_CHILD, "sd", scope, digest);
	bool found = step(s->db, st);

	sqlite3_reset(st);
	return found;
}

void
store_put_map(struct store *s, const char *scope, const struct digest *source,
    const struct digest *variant)
{
	run(s->db, bind(s->db, PUT_MAP, "sdd", scope, source, variant));
}

bool
store_get_map(struct store *s, const char *scope, const struct digest *source,
    struct digest *variant)
{
	sqlite3_stmt *st = bind(s->db, GET_MAP, "sd", scope, source);
	bool found = step(s->db, st);

	if (found)
		column_digest(st, 0, variant);
	sqlite3_reset(st);
	return found;
}

bool
store_get_map_source(struct store *s, const char *scope,
    const struct digest *variant, struct digest *source)
{
	sqlite3_stmt *st = bind(s->db, GET_MAP_SOURCE, "sd", scope, variant);
	bool found = step(s->db, st);

	if (found)
		column_digest(st, 0, source);
	sqlite3_reset(st);
	return found;
}

void
store_put_variant(struct store *s, const struct digest *key, const char *scope,
    const struct store_variant *row)
{
	run(s->db,
	    bind(s->db, PUT_VARIANT, "dsdds", key, scope, &row->source,
		&row->digest, row->recipe));
}

bool
store_get_variant(struct store *s, const struct digest *key, const char *scope,
    struct store_variant *row)
{
	sqlite3_stmt *st = bind(s->db, GET_VARIANT, "ds", key, scope);
	bool found = step(s->db, st);

	if (found) {
		column_digest(st, 0, &row->source);
		column_digest(st, 1, &row->digest);
		row->recipe = NULL;
	}
	sqlite3_reset(st);
	return found;
}

void
store_forget_variants(struct store *s, const char *scope)
{
	run(s->db, bind(s->db, FORGET_VARIANTS, "s", scope));
}

void
store_put_derived(
    struct store *s, const struct digest *key, const struct store_derived *row)
{
	run(s->db,
	    bind(s->db, PUT_DERIVED, "ddndn", key, &row->digest,
		(int64_t)row->size, &row->diff_id, (int64_t)row->tar_size));
}

bool
store_get_derived(
    struct store *s, const struct digest *key, struct store_derived *row)
{
	sqlite3_stmt *st = bind(s->db, GET_DERIVED, "d", key);
	bool found = step(s->db, st);

	if (found) {
		column_digest(st, 0, &row->digest);
		row->size = column_uint(st, 1);
		column_digest(st, 2, &row->diff_id);
		row->tar_size = column_uint(st, 3);
	}
	sqlite3_reset(st);
	return found;
}

void
store_begin(struct store *s)
{
	run(s->db, bind(s->db, BEGIN, ""));
}

void
store_commit(struct store *s)
{
	run(s->db, bind(s->db, COMMIT, ""));
}
