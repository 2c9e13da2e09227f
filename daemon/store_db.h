/*
 * store_db: the store's database as the files store_db*.c see it: one handle,
 * every statement prepared.  The only header with SQLite's in it.
 */
#ifndef WINNOW_DAEMON_STORE_DB_H
#define WINNOW_DAEMON_STORE_DB_H

#include <sqlite3.h>

#include "store_internal.h"

enum statement {
	PUT_BLOB,
	USE_BLOB,
	LIST_UNUSED,
	PUT_HOLDS,
	LIST_HOLDERS,
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
	DROP_DERIVED,
	NOTE_EVICTED,
	NOTE_BACK,
	EACH_BLOB,
	PUT_INDEX,
	GET_INDEX,
	USE_INDEX,
	LIST_OLD_INDEXES,
	DROP_INDEX,
	DROP_FOREIGN_INDEXES,
	PUT_TAG,
	GET_TAG,
	LIST_TAGS,
	PUT_MANIFEST,
	GET_MANIFEST,
	KNOWS_MANIFEST,
	LIST_EVICTED,
	MARK_FORGOTTEN,
	FORGET_MANIFEST,
	FORGET_REACH,
	FORGET_CHILDREN,
	FORGET_BLOB_HOLDS,
	FORGET_HOLDS,
	FORGET_MAP,
	FORGET_VARIANT,
	FORGET_STRAYS,
	FORGET_TAGS,
	PUT_REACH,
	GET_REACH,
	PUT_CHILD,
	HAS_CHILD,
	PUT_MAP,
	GET_MAP,
	GET_MAP_SOURCE,
	PUT_POLICY,
	PUT_VARIANT,
	GET_VARIANT,
	FORGET_VARIANTS,
	FORGET_POLICIES,
	PUT_DERIVED,
	GET_DERIVED,
	BEGIN,
	COMMIT,
	ROLLBACK,
	STATEMENTS
};

struct store_db {
	sqlite3 *handle;
	sqlite3_stmt *statements[STATEMENTS];
	bool transaction; /* between store_db_begin() and store_db_commit() */
	struct err failure; /* of the transaction; ERR_NONE */
	int changes; /* of all, at its begin */
	/* Why the disk took the last write of core's not; ERR_NONE. */
	struct err refused;
};

/*
 * Fills *e with "WHAT: ", what SQLite says and, as it does not always, errno,
 * which was 0 before the call that failed.  Returns -1.
 */
int store_db_fail(sqlite3 *handle, const char *what, struct err *e);

/* Makes the tables, or checks that they are of our version. */
int store_db_prepare_schema(sqlite3 *handle, struct err *e);

/*
 * Binds by format: `d` a digest, `s` a string, `n` an int64_t; NULL is none.
 * Returns the statement, ready to be stepped.
 */
sqlite3_stmt *store_db_bind(
    struct store_db *db, enum statement which, const char *format, ...);
/* True when there is a row. */
bool store_db_step(struct store_db *db, sqlite3_stmt *st);
/*
 * Runs a statement to its end: of a transaction, whose end tells whether the
 * disk took it, or one that needs no disk.
 */
void store_db_run(struct store_db *db, sqlite3_stmt *st);
/* Outside of them: runs a statement that is a transaction of its own. */
int store_db_write(struct store_db *db, sqlite3_stmt *st, struct err *e);
/*
 * A transaction: all of it is in the database when store_db_commit() returns
 * 0, and else nothing.
 */
void store_db_begin(struct store_db *db);
int store_db_commit(struct store_db *db, struct err *e);
/* True when the statement finds anything. */
bool store_db_finds(struct store_db *db, sqlite3_stmt *st);

void store_db_column_digest(sqlite3_stmt *st, int column, struct digest *out);
uint64_t store_db_column_uint(sqlite3_stmt *st, int column);

#endif
