/* The tables, and what changes them from one version to the next. */
#include "store_db.h"

#include <errno.h>
#include <stdio.h>

#include "winnow/log.h"
#include "winnow/mem.h"

/* Version 1. */
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

/* What version 2 adds to version 1: when blobs were used, and by what. */
static const char schema_2[] =
    "ALTER TABLE blob ADD COLUMN used INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX blob_by_use ON blob (used);"
    "CREATE TABLE holds (manifest BLOB, digest BLOB,"
    " PRIMARY KEY (manifest, digest)) WITHOUT ROWID;"
    "CREATE INDEX holds_by_digest ON holds (digest);"
    "CREATE INDEX variant_by_digest ON variant (digest);";

/* Microseconds of the wall clock, as store_now() has them. */
#define SQL_NOW "(CAST(strftime('%s', 'now') AS INTEGER) * 1000000)"

/*
 * What version 3 adds: how long what is evicted has been so, and layer indexes
 * unused; and the ways to what is to be forgotten (store_db_forget.c).
 */
static const char schema_3[] =
    "ALTER TABLE manifest ADD COLUMN evicted INTEGER NOT NULL DEFAULT 0;"
    "UPDATE manifest SET evicted = " SQL_NOW
    " WHERE digest NOT IN (SELECT digest FROM blob);"
    "CREATE INDEX manifest_by_digest ON manifest (digest);"
    "CREATE INDEX manifest_by_eviction ON manifest (evicted);"
    "DELETE FROM derived WHERE digest NOT IN (SELECT digest FROM blob);"
    "CREATE INDEX derived_by_digest ON derived (digest);"
    "CREATE INDEX map_by_variant ON map (scope, variant);"
    "CREATE INDEX variant_by_source ON variant (source);"
    "CREATE INDEX tag_by_check ON tag (checked);"
    "ALTER TABLE layer_index ADD COLUMN used INTEGER NOT NULL DEFAULT 0;"
    "UPDATE layer_index SET used = " SQL_NOW ";"
    "CREATE INDEX layer_index_by_use ON layer_index (used);";

/*
 * What version 4 adds: the text of a policy, that was in the recipe of each
 * variant, is there once.  So is a variant's source, that has a column.
 */
#define OLD_POLICY                                                            \
	"CASE WHEN json_valid(recipe) THEN json_extract(recipe, '$.policy') " \
	"END"
static const char schema_4[] =
    "CREATE TABLE policy (digest BLOB PRIMARY KEY, text TEXT NOT NULL);"
    "ALTER TABLE variant ADD COLUMN policy BLOB;"
    "INSERT OR IGNORE INTO policy SELECT digest_of(" OLD_POLICY "), " OLD_POLICY
    " FROM variant WHERE " OLD_POLICY " IS NOT NULL;"
    "UPDATE variant SET policy = digest_of(" OLD_POLICY "),"
    " recipe = json_remove(recipe, '$.policy', '$.source')"
    " WHERE " OLD_POLICY " IS NOT NULL;"
    "CREATE INDEX variant_by_policy ON variant (policy);";

/* From each version to the next; a database of a later one is refused. */
static const char *const steps[] = {schema, schema_2, schema_3, schema_4};
#define SCHEMA_VERSION ((int)(sizeof(steps) / sizeof(steps[0])))

/* In SQL: the digest of a text, as bytes. */
static void
sql_digest_of(sqlite3_context *context, int count, sqlite3_value **values)
{
	const unsigned char *text = sqlite3_value_text(values[0]);
	struct digest digest;

	(void)count;
	if (text == NULL)
		return;
	digest_of(text, (size_t)sqlite3_value_bytes(values[0]), &digest);
	sqlite3_result_blob(
	    context, digest.bytes, DIGEST_BYTES, SQLITE_TRANSIENT);
}

static int
read_version(sqlite3 *handle, int *version, struct err *e)
{
	sqlite3_stmt *st = NULL;
	int result = 0;

	errno = 0;
	if (sqlite3_prepare_v2(handle, "PRAGMA user_version", -1, &st, NULL) ==
		SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		*version = sqlite3_column_int(st, 0);
	else
		result = store_db_fail(handle, "cannot read the database", e);
	sqlite3_finalize(st);
	return result;
}

/* A large database takes a while, in which winnowd answers nobody. */
static void
log_upgrade(const char *event, int from)
{
	char before[16], after[16];

	snprintf(before, sizeof(before), "%d", from);
	snprintf(after, sizeof(after), "%d", SCHEMA_VERSION);
	log_event(LOG_LEVEL_INFO, event, "from", before, "to", after, NULL);
	log_flush();
}

int
store_db_prepare_schema(sqlite3 *handle, struct err *e)
{
	auto_free char *end =
	    mem_printf("PRAGMA user_version = %d; COMMIT", SCHEMA_VERSION);
	int version = 0, from, result;

	if (read_version(handle, &version, e) == -1)
		return -1;
	from = version;
	if (version == SCHEMA_VERSION)
		return 0;
	if (version < 0 || version > SCHEMA_VERSION)
		return err_set(e, ERR_UNSUPPORTED,
		    "the store's database has version %d, this winnowd reads "
		    "version %d: use an empty store directory",
		    version, SCHEMA_VERSION);
	if (from > 0)
		log_upgrade("store.upgrading", from);
	errno = 0;
	result = sqlite3_create_function(handle, "digest_of", 1, SQLITE_UTF8,
	    NULL, sql_digest_of, NULL, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_exec(handle, "BEGIN", NULL, NULL, NULL);
	for (; result == SQLITE_OK && version < SCHEMA_VERSION; version++)
		result = sqlite3_exec(handle, steps[version], NULL, NULL, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_exec(handle, end, NULL, NULL, NULL);
	/* What was begun ends with the handle, which the caller closes. */
	if (result != SQLITE_OK)
		return store_db_fail(handle, "cannot make the database", e);
	if (from > 0)
		log_upgrade("store.upgraded", from);
	return 0;
}
