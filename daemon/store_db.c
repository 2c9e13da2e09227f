#include "store_db.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "winnow/log.h"
#include "winnow/mem.h"

/* Digests that manifest ?2 refers to, and no other of scope ?1. */
#define OF_THIS_MANIFEST_ALONE(table)                        \
	" (SELECT digest FROM holds WHERE manifest = ?2)"    \
	" AND NOT EXISTS (SELECT 1 FROM holds JOIN manifest" \
	" ON manifest.digest = holds.manifest"               \
	" AND manifest.scope = ?1 AND manifest.evicted >= 0" \
	" WHERE holds.digest = " table ".digest"             \
	" AND holds.manifest <> ?2)"

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
    [LIST_HOLDERS] = "WITH RECURSIVE up (d) AS (SELECT ?1 UNION"
		     " SELECT holds.manifest FROM up JOIN holds"
		     " ON holds.digest = up.d)"
		     " SELECT key, variant.digest, source, recipe, text"
		     " FROM variant LEFT JOIN policy"
		     " ON policy.digest = variant.policy"
		     " WHERE scope = ?2"
		     " AND variant.digest IN (SELECT d FROM up)",
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
    [DROP_DERIVED] = "DELETE FROM derived WHERE digest = ?",
    [NOTE_EVICTED] = "UPDATE manifest SET evicted = ?2"
		     " WHERE digest = ?1 AND evicted = 0",
    [NOTE_BACK] = "UPDATE manifest SET evicted = 0"
		  " WHERE digest = ? AND evicted > 0",
    [EACH_BLOB] = "SELECT digest, size FROM blob ORDER BY digest",
    [PUT_INDEX] = "INSERT OR REPLACE INTO layer_index VALUES (?, ?, ?)",
    [GET_INDEX] = "SELECT 1 FROM layer_index WHERE layer = ? AND version = ?",
    [USE_INDEX] = "UPDATE layer_index SET used = ?2"
		  " WHERE layer = ?1 AND used < ?3",
    [LIST_OLD_INDEXES] = "SELECT layer FROM layer_index WHERE used < ?"
			 " LIMIT ?",
    [DROP_INDEX] = "DELETE FROM layer_index WHERE layer = ?",
    [DROP_FOREIGN_INDEXES] = "DELETE FROM layer_index WHERE version <> ?",
    [PUT_TAG] = "INSERT OR REPLACE INTO tag VALUES (?, ?, ?, ?)",
    [GET_TAG] = "SELECT source, checked FROM tag WHERE scope = ? AND tag = ?",
    [LIST_TAGS] = "SELECT tag FROM tag WHERE scope = ? ORDER BY tag",
    [PUT_MANIFEST] = "INSERT OR REPLACE INTO manifest"
		     " VALUES (?, ?, ?, ?, 0)",
    [GET_MANIFEST] = "SELECT media_type, size FROM manifest"
		     " WHERE scope = ? AND digest = ? AND evicted >= 0",
    [KNOWS_MANIFEST] = "SELECT 1 FROM manifest WHERE scope = ? AND digest = ?",
    /* For the first time, or again of those whose digest had to stay. */
    [LIST_EVICTED] = "SELECT scope, digest FROM manifest"
		     " WHERE evicted > 0 AND evicted < ?1 UNION ALL"
		     " SELECT scope, digest FROM manifest"
		     " WHERE evicted < 0 AND evicted > -?1 LIMIT ?2",
    [MARK_FORGOTTEN] = "UPDATE manifest SET evicted = -?3"
		       " WHERE scope = ?1 AND digest = ?2",
    [FORGET_MANIFEST] = "DELETE FROM manifest WHERE scope = ? AND digest = ?",
    [FORGET_REACH] = "DELETE FROM reach WHERE scope = ?1 AND digest "
		     "IN" OF_THIS_MANIFEST_ALONE("reach"),
    [FORGET_CHILDREN] = "DELETE FROM child WHERE scope = ?1 AND digest "
			"IN" OF_THIS_MANIFEST_ALONE("child"),
    /* The digests of images stay known as those of their index. */
    [FORGET_BLOB_HOLDS] = "DELETE FROM holds WHERE manifest = ?1"
			  " AND NOT EXISTS (SELECT 1 FROM manifest"
			  " WHERE digest = ?1 AND evicted >= 0)"
			  " AND NOT EXISTS (SELECT 1 FROM manifest"
			  " WHERE digest = holds.digest)",
    [FORGET_HOLDS] = "DELETE FROM holds WHERE manifest = ?1"
		     " AND NOT EXISTS (SELECT 1 FROM manifest"
		     " WHERE digest = ?1)",
    [FORGET_MAP] = "DELETE FROM map WHERE scope = ? AND variant = ?",
    [FORGET_VARIANT] = "DELETE FROM variant WHERE scope = ? AND digest = ?",
    /* An artifact's row stands in another scope than its manifest's. */
    [FORGET_STRAYS] = "DELETE FROM variant WHERE digest = ?1"
		      " AND NOT EXISTS (SELECT 1 FROM manifest"
		      " WHERE digest = ?1)",
    [FORGET_TAGS] = "DELETE FROM tag WHERE (scope, tag) IN"
		    " (SELECT scope, tag FROM tag WHERE checked < ?1"
		    " AND NOT EXISTS (SELECT 1 FROM blob"
		    " WHERE digest = tag.source)"
		    " AND NOT EXISTS (SELECT 1 FROM variant JOIN blob"
		    " ON blob.digest = variant.digest"
		    " WHERE variant.source = tag.source) LIMIT ?2)",
    [PUT_REACH] = "INSERT OR REPLACE INTO reach VALUES (?, ?, ?)",
    [GET_REACH] = "SELECT size FROM reach WHERE scope = ? AND digest = ?",
    [PUT_CHILD] = "INSERT OR REPLACE INTO child VALUES (?, ?)",
    [HAS_CHILD] = "SELECT 1 FROM child WHERE scope = ? AND digest = ?",
    [PUT_MAP] = "INSERT OR REPLACE INTO map VALUES (?, ?, ?)",
    [GET_MAP] = "SELECT variant FROM map WHERE scope = ? AND source = ?",
    [GET_MAP_SOURCE] = "SELECT source FROM map"
		       " WHERE scope = ? AND variant = ?",
    [PUT_POLICY] = "INSERT OR IGNORE INTO policy VALUES (?, ?)",
    [PUT_VARIANT] = "INSERT OR REPLACE INTO variant"
		    " VALUES (?, ?, ?, ?, ?, ?)",
    [GET_VARIANT] = "SELECT source, digest FROM variant"
		    " WHERE key = ? AND scope = ?",
    [FORGET_VARIANTS] = "DELETE FROM variant WHERE scope = ?",
    [FORGET_POLICIES] = "DELETE FROM policy WHERE NOT EXISTS"
			" (SELECT 1 FROM variant"
			" WHERE variant.policy = policy.digest)",
    [PUT_DERIVED] = "INSERT OR REPLACE INTO derived VALUES (?, ?, ?, ?, ?)",
    [GET_DERIVED] = "SELECT digest, size, diff_id, tar_size FROM derived"
		    " WHERE key = ?",
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
};

/*
 * A database that cannot be read or is damaged cannot be worked around.  Core
 * ends and starts anew.
 */
static void __attribute__((noreturn)) die(struct store_db *db, const char *what)
{
	log_event(LOG_LEVEL_ERROR, "store.failed", "statement", what, "error",
	    sqlite3_errmsg(db->handle), NULL);
	_exit(1);
}

sqlite3_stmt *
store_db_bind(
    struct store_db *db, enum statement which, const char *format, ...)
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
			result = sqlite3_bind_blob(st, i + 1,
			    d == NULL ? NULL : d->bytes, DIGEST_BYTES,
			    SQLITE_TRANSIENT);
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

bool
store_db_step(struct store_db *db, sqlite3_stmt *st)
{
	int result = sqlite3_step(st);

	if (result != SQLITE_ROW && result != SQLITE_DONE)
		die(db, sqlite3_sql(st));
	return result == SQLITE_ROW;
}

int
store_db_fail(sqlite3 *handle, const char *what, struct err *e)
{
	int number = errno;

	/* The errno of an open() is that of SQLite's last attempt. */
	if ((sqlite3_errcode(handle) & 0xff) == SQLITE_CANTOPEN)
		return err_set(e, ERR_SYSTEM,
		    "%s: %s: is the disk full or read-only?", what,
		    sqlite3_errmsg(handle));
	return err_set(e, ERR_SYSTEM, "%s: %s%s%s", what,
	    sqlite3_errmsg(handle), number == 0 ? "" : ": ",
	    number == 0 ? "" : strerror(number));
}

/*
 * Fills *e where the disk did not take a write: full, read-only, failing.  The
 * database is then as it was before, and can be read.
 */
static void
take_refusal(struct store_db *db, sqlite3_stmt *st, struct err *e)
{
	int number = errno;
	auto_free char *what = mem_printf(
	    "cannot write %s", sqlite3_db_filename(db->handle, "main"));

	switch (sqlite3_errcode(db->handle) & 0xff) {
	case SQLITE_FULL:
	case SQLITE_IOERR:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
		break;
	default:
		die(db, sqlite3_sql(st));
	}
	errno = number;
	(void)store_db_fail(db->handle, what, e);
}

/* Steps a statement to its end; -1 when the disk does not take it. */
static int
run(struct store_db *db, sqlite3_stmt *st, struct err *e)
{
	int result;

	/* SQLite passes the errno of a commit on in no other way. */
	errno = 0;
	while ((result = sqlite3_step(st)) == SQLITE_ROW)
		;
	if (result != SQLITE_DONE)
		take_refusal(db, st, e);
	sqlite3_reset(st);
	return result == SQLITE_DONE ? 0 : -1;
}

void
store_db_run(struct store_db *db, sqlite3_stmt *st)
{
	struct err e;

	if (db->failure.code == ERR_NONE && run(db, st, &e) == -1) {
		if (!db->transaction)
			die(db, sqlite3_sql(st));
		db->failure = e;
	}
}

int
store_db_write(struct store_db *db, sqlite3_stmt *st, struct err *e)
{
	int before = sqlite3_total_changes(db->handle);

	if (run(db, st, e) == -1) {
		store_db_note_refusal(db, e);
		return -1;
	}
	if (sqlite3_total_changes(db->handle) != before)
		store_db_note_refusal(db, NULL);
	return 0;
}

void
store_db_begin(struct store_db *db)
{
	db->transaction = true;
	db->changes = sqlite3_total_changes(db->handle);
	store_db_run(db, store_db_bind(db, BEGIN, ""));
}

int
store_db_commit(struct store_db *db, struct err *e)
{
	bool changed = sqlite3_total_changes(db->handle) != db->changes;
	struct err ignored;

	store_db_run(db, store_db_bind(db, COMMIT, ""));
	db->transaction = false;
	if (db->failure.code == ERR_NONE) {
		if (changed)
			store_db_note_refusal(db, NULL);
		return 0;
	}
	*e = db->failure;
	db->failure.code = ERR_NONE;
	/* SQLite has rolled back some failures by itself. */
	if (!sqlite3_get_autocommit(db->handle))
		(void)run(db, store_db_bind(db, ROLLBACK, ""), &ignored);
	store_db_note_refusal(db, e);
	return -1;
}

void
store_db_note_refusal(struct store_db *db, const struct err *e)
{
	if (e != NULL && db->refused.code == ERR_NONE)
		log_event(LOG_LEVEL_ERROR, "store.unwritable", "error",
		    e->message, "meaning",
		    "what is stored is served, nothing new is stored", NULL);
	else if (e == NULL && db->refused.code != ERR_NONE)
		log_event(LOG_LEVEL_INFO, "store.writable", "again_after",
		    db->refused.message, NULL);
	if (e != NULL)
		db->refused = *e;
	else
		db->refused.code = ERR_NONE;
}

const struct err *
store_db_refusal(const struct store_db *db)
{
	return db->refused.code == ERR_NONE ? NULL : &db->refused;
}

bool
store_db_finds(struct store_db *db, sqlite3_stmt *st)
{
	bool found = store_db_step(db, st);

	sqlite3_reset(st);
	return found;
}

void
store_db_column_digest(sqlite3_stmt *st, int column, struct digest *out)
{
	*out = (struct digest){{0}};
	if (sqlite3_column_bytes(st, column) == DIGEST_BYTES)
		memcpy(
		    out->bytes, sqlite3_column_blob(st, column), DIGEST_BYTES);
}

uint64_t
store_db_column_uint(sqlite3_stmt *st, int column)
{
	return (uint64_t)sqlite3_column_int64(st, column);
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
	auto_free char *what = mem_printf("cannot open database %s", path);

	errno = 0;
	if (sqlite3_open(path, &db->handle) != SQLITE_OK ||
	    sqlite3_exec(db->handle,
		"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
		"PRAGMA temp_store = MEMORY;"
		"CREATE TEMP TABLE purge (d BLOB PRIMARY KEY) WITHOUT ROWID;",
		NULL, NULL, NULL) != SQLITE_OK) {
		(void)store_db_fail(db->handle, what, e);
		store_db_close(db);
		return -1;
	}
	if (store_db_prepare_schema(db->handle, e) == -1 ||
	    prepare_all(db, e) == -1) {
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
