/* store: blobs, sweeping, rows, the lock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_fixture.h"
#include "winnow/mem.h"

/* The path of a blob's file; static. */
static const char *
blob_path(const struct digest *d)
{
	static char path[256];
	char hex[DIGEST_TEXT];

	digest_format_hex(d, hex);
	snprintf(path, sizeof(path), "%s/blobs/sha256/%.2s/%s",
	    store_directory(), hex, hex);
	return path;
}

static void
test_blobs_survive(void **state)
{
	struct store *s = open_store();
	struct digest d, same;
	struct err e;
	uint64_t size = 0;
	char byte;
	int fd;

	(void)state;
	assert_int_equal(store_add_bytes(s, "hello", 5, &d, &e), 0);
	assert_int_equal(store_add_bytes(s, "hello", 5, &same, &e), 0);
	assert_true(digest_equal(&d, &same));
	store_close(s);
	s = open_store();
	assert_true(store_has_blob(s, &d, &size));
	assert_int_equal(size, 5);
	assert_int_equal(store_open_blob(s, &d, &fd, &e), 0);
	assert_int_equal(read(fd, &byte, 1), 1);
	assert_int_equal(byte, 'h');
	close(fd);
	store_drop_blob(s, &d);
	assert_false(store_has_blob(s, &d, NULL));
	assert_int_equal(access(blob_path(&d), F_OK), -1);
	store_close(s);
}

static unsigned
mode_of(const char *name)
{
	auto_free char *path = mem_printf("%s/%s", store_directory(), name);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

/* Who may not pull an image gets it from no file either. */
static void
test_private(void **state)
{
	mode_t mask = umask(022);
	struct store *s = open_store();

	(void)state;
	umask(mask);
	assert_int_equal(mode_of("blobs/sha256"), 0750);
	assert_int_equal(mode_of("index"), 0750);
	assert_int_equal(mode_of("winnow.db"), 0640);
	assert_int_equal(mode_of("winnow.db-wal"), 0640);
	store_close(s);
}

/* A file that vanishes or shrinks while core runs is noticed when asked for. */
static void
test_lost_while_open(void **state)
{
	struct store *s = open_store();
	struct store_variant row = {.recipe = "{}"}, got;
	struct digest gone, cut;
	struct err e;

	(void)state;
	assert_int_equal(store_add_bytes(s, "gone", 4, &gone, &e), 0);
	assert_int_equal(store_add_bytes(s, "cut", 3, &cut, &e), 0);
	assert_int_equal(unlink(blob_path(&gone)), 0);
	assert_int_equal(truncate(blob_path(&cut), 1), 0);
	assert_false(store_has_blob(s, &gone, NULL));
	assert_false(store_has_blob(s, &cut, NULL));
	assert_int_equal(store_add_bytes(s, "cut", 3, &cut, &e), 0);
	assert_true(store_has_blob(s, &cut, NULL));
	row.source = row.digest = cut;
	store_put_variant(s, &cut, "a", &row);
	store_put_variant(s, &cut, "b", &row);
	assert_int_equal(store_forget_variants(s, "a", &e), 0);
	assert_false(store_get_variant(s, &cut, "a", &got));
	assert_true(store_get_variant(s, &cut, "b", &got));
	store_close(s);
}

/* What an interrupted run can leave: files without rows, and the reverse. */
static void
test_open_sweeps(void **state)
{
	struct store *s = open_store();
	struct digest kept, lost, cut, stray;
	struct err e;
	int fd;

	(void)state;
	assert_int_equal(store_add_bytes(s, "kept", 4, &kept, &e), 0);
	assert_int_equal(store_add_bytes(s, "lost", 4, &lost, &e), 0);
	assert_int_equal(store_add_bytes(s, "cut", 3, &cut, &e), 0);
	store_close(s);
	assert_int_equal(unlink(blob_path(&lost)), 0);
	assert_int_equal(truncate(blob_path(&cut), 1), 0);
	digest_of("stray", 5, &stray);
	fd = open(blob_path(&stray), O_CREAT | O_WRONLY, 0644);
	assert_int_equal(write(fd, "str", 3), 3);
	close(fd);
	s = open_store();
	assert_true(store_has_blob(s, &kept, NULL));
	assert_false(store_has_blob(s, &lost, NULL));
	assert_false(store_has_blob(s, &cut, NULL));
	assert_int_equal(access(blob_path(&cut), F_OK), -1);
	assert_int_equal(access(blob_path(&stray), F_OK), -1);
	assert_int_equal(access(blob_path(&kept), F_OK), 0);
	store_close(s);
}

static void
test_one_owner(void **state)
{
	struct store *s = open_store(), *second;
	struct err e;

	(void)state;
	assert_int_equal(store_open(store_directory(), &second, &e), -1);
	assert_int_equal(e.code, ERR_BUSY);
	assert_non_null(strstr(e.message, store_directory()));
	store_close(s);
}

static void
test_rows(void **state)
{
	struct store *s = open_store();
	struct digest a, b, got;
	struct store_tag tag = {.checked_ms = 1234567890123}, tag_got;
	struct store_manifest manifest = {"type/a", 77}, manifest_got;
	struct store_variant variant = {.recipe = "{}"}, variant_got;
	struct store_derived derived = {.size = 5, .tar_size = 6}, derived_got;
	uint64_t size;
	struct err e;

	(void)state;
	digest_of("a", 1, &a);
	digest_of("b", 1, &b);
	tag.source = a;
	variant.source = a;
	variant.digest = b;
	derived.digest = a;
	derived.diff_id = b;
	assert_int_equal(store_put_tag(s, "x/y", "1", &tag, &e), 0);
	assert_int_equal(store_put_derived(s, &a, &derived, &e), 0);
	store_begin(s);
	store_put_manifest(s, "x/y", &a, &manifest);
	store_put_reach(s, "x/y", &b, 99);
	store_put_map(s, "x/y", &a, &b);
	store_put_variant(s, &a, "x/y", &variant);
	assert_int_equal(store_commit(s, &e), 0);
	store_close(s);
	s = open_store();
	assert_true(store_get_tag(s, "x/y", "1", &tag_got));
	assert_true(digest_equal(&tag_got.source, &a));
	assert_int_equal(tag_got.checked_ms, tag.checked_ms);
	assert_true(store_get_manifest(s, "x/y", &a, &manifest_got));
	assert_string_equal(manifest_got.media_type, "type/a");
	assert_int_equal(manifest_got.size, 77);
	assert_true(store_get_reach(s, "x/y", &b, &size));
	assert_int_equal(size, 99);
	assert_true(store_get_map(s, "x/y", &a, &got));
	assert_true(digest_equal(&got, &b));
	assert_true(store_get_variant(s, &a, "x/y", &variant_got));
	assert_true(digest_equal(&variant_got.digest, &b));
	assert_true(store_get_derived(s, &a, &derived_got));
	assert_int_equal(derived_got.tar_size, 6);
	/* Nothing crosses scopes. */
	assert_false(store_get_tag(s, "x/z", "1", &tag_got));
	assert_false(store_get_manifest(s, "x/z", &a, &manifest_got));
	assert_false(store_get_reach(s, "x/z", &b, &size));
	assert_false(store_get_map(s, "x/z", &a, &got));
	assert_false(store_get_variant(s, &a, "x/z", &variant_got));
	store_close(s);
}

static void
test_tags_in_order(void **state)
{
	struct store *s = open_store();
	struct store_tag row = {.checked_ms = 1};
	static const char *const names[] = {"b", "10", "a", "B"};
	static const char *const sorted[] = {"10", "B", "a", "b"};
	char **tags;
	size_t count, i;
	struct err e;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_int_equal(store_put_tag(s, "t", names[i], &row, &e), 0);
	store_list_tags(s, "t", &tags, &count);
	assert_int_equal(count, 4);
	for (i = 0; i < count; i++) {
		assert_string_equal(tags[i], sorted[i]);
		free(tags[i]);
	}
	free(tags);
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(test_blobs_survive),
	    STORE_TEST(test_private),
	    STORE_TEST(test_lost_while_open),
	    STORE_TEST(test_open_sweeps),
	    STORE_TEST(test_one_owner),
	    STORE_TEST(test_rows),
	    STORE_TEST(test_tags_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
