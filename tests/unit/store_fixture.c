#include "store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "daemon_fixture.h"
#include "winnow/mem.h"

static char dir[64];

int
store_setup(void **state)
{
	(void)state;
	scratch_make(dir);
	return 0;
}

int
store_teardown(void **state)
{
	(void)state;
	scratch_remove(dir);
	return 0;
}

const char *
store_directory(void)
{
	return dir;
}

struct store *
open_store(void)
{
	struct store *s = NULL;
	struct err e;

	assert_int_equal(store_open(dir, &s, &e), 0);
	return s;
}

static sqlite3 *
open_database(void)
{
	auto_free char *path = mem_printf("%s/winnow.db", dir);
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	return db;
}

void
change_database(const char *sql)
{
	sqlite3 *db = open_database();

	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

long
ask_database(const char *sql)
{
	sqlite3 *db = open_database();
	sqlite3_stmt *st;
	long number;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	number = (long)sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return number;
}

long
count_rows(const char *table)
{
	static const char *const tables[] = {"blob", "holds", "layer_index",
	    "tag", "manifest", "reach", "child", "map", "variant", "derived",
	    "policy"};
	long total = 0;
	size_t i;

	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		auto_free char *sql =
		    mem_printf("SELECT count(*) FROM %s", tables[i]);

		if (table == NULL || strcmp(table, tables[i]) == 0)
			total += ask_database(sql);
	}
	return total;
}

struct digest
add(struct store *s, const char *text)
{
	struct digest d;
	struct err e;

	assert_int_equal(store_add_bytes(s, text, strlen(text), &d, &e), 0);
	return d;
}

void
evict(struct store *s, const struct digest *d)
{
	struct store_blob blob = {.digest = *d};
	struct err e;

	assert_int_equal(store_evict(s, &blob, 1, &e), 0);
}

bool
keeps_none(void *arg, const char *scope, const struct store_holder *variant)
{
	(void)arg;
	(void)scope;
	(void)variant;
	return false;
}

bool
takes_first(void *arg, const struct store_holder *variant)
{
	struct store_holder *out = arg;

	*out = *variant;
	out->recipe = mem_strdup(variant->recipe);
	out->policy = mem_strdup_optional(variant->policy);
	return true;
}
