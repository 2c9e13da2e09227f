/* store: databases that earlier versions wrote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store_fixture.h"
#include "winnow/fsutil.h"
#include "winnow/mem.h"

/* The tables of version 2. */
#define VERSION_2                                                             \
	"CREATE TABLE blob (digest BLOB PRIMARY KEY, size INTEGER NOT NULL,"  \
	" used INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"                    \
	"CREATE TABLE layer_index (layer BLOB PRIMARY KEY,"                   \
	" version INTEGER NOT NULL) WITHOUT ROWID;"                           \
	"CREATE TABLE tag (scope TEXT, tag TEXT, source BLOB NOT NULL,"       \
	" checked INTEGER NOT NULL, PRIMARY KEY (scope, tag)) WITHOUT ROWID;" \
	"CREATE TABLE manifest (scope TEXT, digest BLOB,"                     \
	" media_type TEXT NOT NULL, size INTEGER NOT NULL,"                   \
	" PRIMARY KEY (scope, digest)) WITHOUT ROWID;"                        \
	"CREATE TABLE reach (scope TEXT, digest BLOB, size INTEGER NOT NULL," \
	" PRIMARY KEY (scope, digest)) WITHOUT ROWID;"                        \
	"CREATE TABLE child (scope TEXT, digest BLOB,"                        \
	" PRIMARY KEY (scope, digest)) WITHOUT ROWID;"                        \
	"CREATE TABLE map (scope TEXT, source BLOB, variant BLOB NOT NULL,"   \
	" PRIMARY KEY (scope, source)) WITHOUT ROWID;"                        \
	"CREATE TABLE variant (key BLOB, scope TEXT, source BLOB NOT NULL,"   \
	" digest BLOB NOT NULL, recipe TEXT NOT NULL,"                        \
	" PRIMARY KEY (key, scope)) WITHOUT ROWID;"                           \
	"CREATE TABLE derived (key BLOB PRIMARY KEY, digest BLOB NOT NULL,"   \
	" size INTEGER NOT NULL, diff_id BLOB NOT NULL,"                      \
	" tar_size INTEGER NOT NULL) WITHOUT ROWID;"                          \
	"CREATE TABLE holds (manifest BLOB, digest BLOB,"                     \
	" PRIMARY KEY (manifest, digest)) WITHOUT ROWID;"                     \
	"CREATE INDEX blob_by_use ON blob (used);"                            \
	"CREATE INDEX holds_by_digest ON holds (digest);"                     \
	"CREATE INDEX variant_by_digest ON variant (digest);"

/* What version 3 has more. */
#define VERSION_3                                                  \
	"ALTER TABLE manifest ADD COLUMN evicted INTEGER NOT NULL" \
	" DEFAULT 0;"                                              \
	"CREATE INDEX manifest_by_digest ON manifest (digest);"    \
	"CREATE INDEX manifest_by_eviction ON manifest (evicted);" \
	"CREATE INDEX derived_by_digest ON derived (digest);"      \
	"CREATE INDEX map_by_variant ON map (scope, variant);"     \
	"CREATE INDEX variant_by_source ON variant (source);"      \
	"CREATE INDEX tag_by_check ON tag (checked);"              \
	"ALTER TABLE layer_index ADD COLUMN used INTEGER NOT NULL" \
	" DEFAULT 0;"                                              \
	"CREATE INDEX layer_index_by_use ON layer_index (used);"

static void
test_version_2(void **state)
{
	struct store_forget f = {.max = 4, .keeps = keeps_none};
	struct store *s;

	(void)state;
	change_database(VERSION_2
	    "INSERT INTO manifest VALUES ('a', randomblob(32), 'type', 1);"
	    "INSERT INTO derived VALUES (randomblob(32), randomblob(32), 1,"
	    " randomblob(32), 1);"
	    "PRAGMA user_version = 2;");
	s = open_store();
	assert_int_equal(count_rows("derived"), 0);
	/* Its time begins now: by the second. */
	f.before_us = store_now() - 3000 * 1000;
	assert_false(store_forget(s, &f));
	assert_int_equal(count_rows("manifest"), 1);
	f.before_us = store_now() + 1;
	assert_false(store_forget(s, &f));
	assert_int_equal(count_rows(NULL), 0);
	store_close(s);
}

/* A variant of version 3: its digest and key are those of `name`. */
static void
insert_version_3(const char *name, const char *old_recipe)
{
	char text[DIGEST_TEXT];
	auto_free char *sql = NULL;
	struct digest d;

	digest_of(name, strlen(name), &d);
	digest_format_hex(&d, text);
	sql = mem_printf("INSERT INTO variant VALUES (x'%s', 'v', x'%s', x'%s',"
			 " '%s')",
	    text, text, text, old_recipe);
	change_database(sql);
}

static void
expect_holder(
    struct store *s, const char *name, const char *recipe, const char *policy)
{
	auto_store_holder struct store_holder h = {.recipe = NULL};
	struct digest d;

	digest_of(name, strlen(name), &d);
	assert_true(store_find_holder(s, "v", &d, takes_first, &h));
	assert_true(digest_equal(&h.key, &d));
	assert_true(digest_equal(&h.source, &d));
	assert_string_equal(h.recipe, recipe);
	if (policy == NULL)
		assert_null(h.policy);
	else
		assert_string_equal(h.policy, policy);
}

/* Opens the store, which logs one after the other, or with NULL nothing. */
static struct store *
open_store_that_logs(const char *first, const char *second)
{
	auto_free char *text = NULL;
	auto_fd int fd = -1, stderr_fd = dup(STDERR_FILENO);
	struct store *s;
	struct err e;
	size_t len;

	assert_int_equal(fsutil_open_memory("log", &fd, &e), 0);
	assert_int_not_equal(dup2(fd, STDERR_FILENO), -1);
	s = open_store();
	assert_int_not_equal(dup2(stderr_fd, STDERR_FILENO), -1);
	assert_int_equal(fsutil_read_fd(fd, "log", 4096, &text, &len, &e), 0);
	if (first == NULL) {
		assert_string_equal(text, "");
		return s;
	}
	assert_non_null(strstr(text, first));
	assert_non_null(strstr(strstr(text, first), second));
	return s;
}

/* Each recipe had its policy's text as a string, and its source. */
static void
test_version_3(void **state)
{
	static const char policy[] = "{\"keep\":[\"/caf\xc3\xa9 \\\"b\\\"\"]}";
	struct store_variant row = {.recipe = "{}", .policy = policy};
	struct digest key;
	struct store *s;

	(void)state;
	change_database(VERSION_2 VERSION_3 "PRAGMA user_version = 3;");
	insert_version_3("one",
	    "{\"host\":\"h\",\"policy\":\"{\\\"keep\\\":"
	    "[\\\"/caf\xc3\xa9 \\\\\\\"b\\\\\\\"\\\"]}\",\"reports\":[\"r\"]}");
	insert_version_3("two",
	    "{\"policy\":\"{\\\"keep\\\":"
	    "[\\\"/caf\xc3\xa9 \\\\\\\"b\\\\\\\"\\\"]}\",\"host\":\"i\","
	    "\"source\":\"sha256:0\"}");
	insert_version_3("other", "{\"policy\":\"other\"}");
	insert_version_3("artifact", "{}");
	insert_version_3("damaged", "{\"policy\":");
	s = open_store_that_logs(
	    " store.upgrading from=3 to=4\n", " store.upgraded from=3 to=4\n");
	expect_holder(s, "one", "{\"host\":\"h\",\"reports\":[\"r\"]}", policy);
	expect_holder(s, "two", "{\"host\":\"i\"}", policy);
	expect_holder(s, "other", "{}", "other");
	expect_holder(s, "artifact", "{}", NULL);
	expect_holder(s, "damaged", "{\"policy\":", NULL);
	assert_int_equal(count_rows("policy"), 2);
	/* A new variant shares what the others brought along. */
	digest_of("new", 3, &key);
	row.source = row.digest = key;
	store_put_variant(s, &key, "v", &row);
	assert_int_equal(count_rows("policy"), 2);
	store_close(s);
	s = open_store_that_logs(NULL, NULL);
	expect_holder(s, "new", "{}", policy);
	store_close(s);
}

static void
test_later_version(void **state)
{
	struct store *s = NULL;
	struct err e;

	(void)state;
	change_database("PRAGMA user_version = 99;");
	assert_int_equal(store_open(store_directory(), &s, &e), -1);
	assert_int_equal(e.code, ERR_UNSUPPORTED);
	assert_non_null(strstr(e.message, "version 99"));
	assert_int_equal(ask_database("PRAGMA user_version"), 99);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(test_version_2),
	    STORE_TEST(test_version_3),
	    STORE_TEST(test_later_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
