/* pkgdb: reading and filtering the databases of dpkg and apk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"
#include "winnow/pkgdb.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MD5 "d41d8cd98f00b204e9800998ecf8427e"

#define LIBC                                             \
	"Package: libc6\nStatus: install ok installed\n" \
	"Architecture: amd64\nMulti-Arch: same\n"        \
	"Source: glibc (2.36)\nVersion: 2.36-9\n"        \
	"Description: GNU C Library\n shared libraries\n .\n more\n"
#define BASH                                                                 \
	"Package: bash\nStatus: install ok installed\nArchitecture: amd64\n" \
	"Version: 5.2\n"
#define DOCS                                             \
	"Package: tzdoc\nStatus: install ok installed\n" \
	"Architecture: all\nVersion: 1\n"
#define GONE                                                 \
	"Package: gone\nStatus: deinstall ok config-files\n" \
	"Architecture: amd64\nVersion: 9\n"

static const struct fixture_entry dpkg_files[] = {
    {.type = ENTRY_SYMLINK, .path = "lib", .link = "usr/lib"},
    {.type = ENTRY_DIRECTORY, .path = "usr/lib"},
    {.path = "usr/lib/libc.so.6"},
    {.type = ENTRY_SYMLINK, .path = "usr/lib/libm.so", .link = "libm.so.6"},
    {.path = "usr/lib/libm.so.6"},
    {.path = "usr/bin/bash", .mode = 0755},
    {.type = ENTRY_SYMLINK, .path = "usr/bin/sh", .link = "bash"},
    {.path = "usr/share/doc/base/copyright"},
    {.type = ENTRY_SYMLINK, .path = "usr/share/doc/libc6", .link = "base"},
    {.path = "usr/share/doc/tzdoc/copyright"},
    {.path = "usr/share/doc/tzdoc/README"},
    {.type = ENTRY_SYMLINK,
	.path = "etc/os-release",
	.link = "../usr/lib/os-release"},
    {.path = "usr/lib/os-release"},
    {.path = "var/lib/dpkg/status",
	.content = LIBC "\n" BASH "\n" DOCS "\n" GONE},
    {.path = "var/lib/dpkg/info/libc6:amd64.list",
	.content = "/.\n/lib\n/lib/libc.so.6\n/lib/libm.so\n/lib/libm.so.6\n"
		   "/usr/share/doc/base/copyright\n/nowhere\n"},
    {.path = "var/lib/dpkg/info/libc6:amd64.md5sums",
	.content = MD5 "  lib/libc.so.6\n" MD5 "  lib/libm.so.6\n"
		       "short  lib/libc.so.6\n" MD5 "  /lib/libc.so.6\n" MD5
		       "  usr/share/doc/base/copyright\n"},
    {.path = "var/lib/dpkg/info/format", .content = "1\n"},
    {.path = "var/lib/dpkg/info/bash.list",
	.content = "/usr/bin\n/usr/bin/bash\n/usr/bin/sh"},
    {.path = "var/lib/dpkg/info/tzdoc.list",
	.content = "/usr/share/doc/tzdoc/README\n"},
};

/* The content listed for `path`: "as it stands", "not listed", or new. */
static const char *
find_file(const struct tree *t, const struct pkgdb_file *files, size_t count,
    const char *path)
{
	const struct tree_node *n = fixture_node(t, path);
	size_t i;

	for (i = 0; i < count; i++)
		if (files[i].node == n && files[i].content != NULL &&
		    strlen(files[i].content) == files[i].content_len)
			return files[i].content;
		else if (files[i].node == n)
			return "as it stands";
	return "not listed";
}

static void
free_files(struct pkgdb_file *files, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		free(files[i].content);
	free(files);
}

static void
count_node(void *arg, struct tree_node *n)
{
	(void)n;
	++*(int *)arg;
}

static void
test_dpkg_read(void **state)
{
	struct layer_index *layer =
	    fixture_layer(dpkg_files, COUNT(dpkg_files));
	auto_tree struct tree *t = fixture_tree(layer);
	auto_pkgdb struct pkgdb *db = NULL;
	struct err e;
	int files = 0;

	(void)state;
	assert_int_equal(pkgdb_read(t, &db, &e), 0);
	assert_int_equal(pkgdb_count(db), 3);
	assert_int_equal(pkgdb_find(db, "libc6"), 0);
	assert_int_equal(pkgdb_find(db, "libc6:amd64"), 0);
	assert_int_equal(pkgdb_find(db, "libc6:i386"), -1);
	assert_int_equal(pkgdb_find(db, "gone"), -1);
	assert_int_equal(pkgdb_find(db, "lib"), -1);
	assert_string_equal(pkgdb_name(db, 1), "bash");
	assert_string_equal(pkgdb_version(db, 0), "2.36-9");
	pkgdb_files(db, 0, count_node, &files);
	/* With /lib, a directory to dpkg and a link in the image. */
	assert_int_equal(files, 5);
	assert_false(pkgdb_has_rpm(db));
	fixture_free_layer(layer);
}

static void
test_dpkg_survives(void **state)
{
	static const struct {
		const char *name, *path;
		bool survives;
	} cases[] = {
	    {"libc6", "usr/lib/libc.so.6", true},
	    {"libc6", "usr/lib/libm.so", false},
	    {"libc6", "usr/share/doc/base/copyright", false},
	    {"bash", "usr/bin/bash", true},
	    {"bash", "usr/bin/sh", false},
	    {"bash", "usr/lib/libc.so.6", false},
	    {"tzdoc", "usr/share/doc/tzdoc/README", false},
	};
	struct layer_index *layer =
	    fixture_layer(dpkg_files, COUNT(dpkg_files));
	auto_tree struct tree *t = fixture_tree(layer);
	auto_pkgdb struct pkgdb *db = NULL;
	struct err e;
	size_t i;

	(void)state;
	assert_int_equal(pkgdb_read(t, &db, &e), 0);
	for (i = 0; i < COUNT(cases); i++) {
		const char *const paths[] = {cases[i].path, NULL};
		auto_free bool *kept = fixture_keep(t, paths);
		size_t package = (size_t)pkgdb_find(db, cases[i].name);

		if (pkgdb_survives(db, package, kept) != cases[i].survives)
			fail_msg("%s with %s", cases[i].name, cases[i].path);
	}
	fixture_free_layer(layer);
}

static void
test_dpkg_filter(void **state)
{
	static const char *const paths[] = {"usr/lib/libc.so.6", NULL};
	/* os-release and the copyright file with the links to them. */
	static const char *const as_they_stand[] = {"etc/os-release",
	    "usr/lib/os-release", "usr/share/doc/libc6",
	    "usr/share/doc/base/copyright", "var/lib/dpkg/info/format"};
	struct layer_index *layer =
	    fixture_layer(dpkg_files, COUNT(dpkg_files));
	auto_tree struct tree *t = fixture_tree(layer);
	auto_free bool *kept = fixture_keep(t, paths);
	auto_pkgdb struct pkgdb *db = NULL;
	struct pkgdb_file *files = NULL;
	size_t i, count = 0;
	struct err e;

	(void)state;
	assert_int_equal(pkgdb_read(t, &db, &e), 0);
	pkgdb_filter(db, kept, &files, &count);
	assert_string_equal(
	    find_file(t, files, count, "var/lib/dpkg/status"), LIBC "\n");
	assert_string_equal(
	    find_file(t, files, count, "var/lib/dpkg/info/libc6:amd64.md5sums"),
	    MD5 "  lib/libc.so.6\n" MD5 "  usr/share/doc/base/copyright\n");
	assert_string_equal(
	    find_file(t, files, count, "var/lib/dpkg/info/libc6:amd64.list"),
	    "/lib/libc.so.6\n/usr/share/doc/base/copyright\n");
	for (i = 0; i < COUNT(as_they_stand); i++)
		assert_string_equal(
		    find_file(t, files, count, as_they_stand[i]),
		    "as it stands");
	assert_int_equal(count, 8);
	free_files(files, count);
	fixture_free_layer(layer);
}

static void
test_status_d(void **state)
{
	static const struct fixture_entry entries[] = {
	    {.path = "usr/bin/a", .mode = 0755},
	    {.path = "usr/bin/b", .mode = 0755},
	    {.path = "var/lib/dpkg/status.d/a",
		.content = "Package: a\nVersion: 1\n"},
	    {.path = "var/lib/dpkg/status.d/a.md5sums",
		.content = MD5 "  usr/bin/a\n" MD5 "  usr/bin/aa\n"},
	    {.path = "var/lib/dpkg/status.d/b",
		.content = "Package: b\nVersion: 2\n"},
	    {.path = "var/lib/dpkg/status.d/b.md5sums",
		.content = MD5 "  usr/bin/b\n"},
	};
	static const char *const paths[] = {"usr/bin/a", NULL};
	struct layer_index *layer = fixture_layer(entries, COUNT(entries));
	auto_tree struct tree *t = fixture_tree(layer);
	auto_free bool *kept = fixture_keep(t, paths);
	auto_pkgdb struct pkgdb *db = NULL;
	struct pkgdb_file *files = NULL;
	size_t count = 0;
	struct err e;

	(void)state;
	assert_int_equal(pkgdb_read(t, &db, &e), 0);
	assert_int_equal(pkgdb_count(db), 2);
	pkgdb_filter(db, kept, &files, &count);
	assert_int_equal(count, 2);
	assert_string_equal(
	    find_file(t, files, count, "var/lib/dpkg/status.d/a.md5sums"),
	    MD5 "  usr/bin/a\n");
	assert_string_equal(
	    find_file(t, files, count, "var/lib/dpkg/status.d/a"),
	    "as it stands");
	free_files(files, count);
	fixture_free_layer(layer);
}

static void
test_apk(void **state)
{
	static const struct fixture_entry entries[] = {
	    {.path = "etc/alpine-release", .content = "3.19\n"},
	    {.path = "lib/ld-musl.so.1", .mode = 0755},
	    {.path = "lib/libz.so"},
	    {.path = "usr/share/x"},
	    {.path = "bin/busybox", .mode = 0755},
	    {.path = "lib/apk/db/installed",
		.content = "C:Q1=\nP:musl\nV:1.2\no:musl\nF:lib\nM:0:0:755\n"
			   "R:ld-musl.so.1\na:0:0:755\nZ:Q1a\nR:libz.so\n"
			   "Z:Q1b\nF:usr/share\nR:x\n\nP:busybox\nV:1.36\n"
			   "F:bin\nR:busybox\na:0:0:755\n"},
	};
	static const char *const paths[] = {"lib/ld-musl.so.1", NULL};
	struct layer_index *layer = fixture_layer(entries, COUNT(entries));
	auto_tree struct tree *t = fixture_tree(layer);
	auto_free bool *kept = fixture_keep(t, paths);
	auto_pkgdb struct pkgdb *db = NULL;
	struct pkgdb_file *files = NULL;
	size_t count = 0;
	struct err e;

	(void)state;
	assert_int_equal(pkgdb_read(t, &db, &e), 0);
	assert_int_equal(pkgdb_count(db), 2);
	assert_string_equal(pkgdb_version(db, 1), "1.36");
	pkgdb_filter(db, kept, &files, &count);
	assert_int_equal(count, 2);
	assert_string_equal(find_file(t, files, count, "lib/apk/db/installed"),
	    "C:Q1=\nP:musl\nV:1.2\no:musl\nF:lib\nM:0:0:755\n"
	    "R:ld-musl.so.1\na:0:0:755\nZ:Q1a\n\n");
	free_files(files, count);
	fixture_free_layer(layer);
}

static void
test_refuses(void **state)
{
	static const struct {
		const char *path, *content, *says;
	} cases[] = {
	    {"var/lib/dpkg/status", "Package: a\nVersion: 1\n\nnonsense\n",
		"var/lib/dpkg/status:4"},
	    {"var/lib/dpkg/status", "\n\nVersion: 1\n",
		"var/lib/dpkg/status:3"},
	    {"var/lib/dpkg/status", "Package: ../x\n", "var/lib/dpkg/status:1"},
	    {"lib/apk/db/installed", "P:a\nV:1\nnonsense\n",
		"lib/apk/db/installed:3"},
	    {"lib/apk/db/installed", "P:a\nV:1\n\nV:2\n",
		"lib/apk/db/installed:4"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		const struct fixture_entry entry = {
		    .path = cases[i].path, .content = cases[i].content};
		struct layer_index *layer = fixture_layer(&entry, 1);
		auto_tree struct tree *t = fixture_tree(layer);
		struct pkgdb *db = NULL;
		struct err e = {0};

		assert_int_equal(pkgdb_read(t, &db, &e), -1);
		assert_int_equal(e.code, ERR_INVALID);
		if (strstr(e.message, cases[i].says) == NULL)
			fail_msg("%s", e.message);
		assert_null(db);
		fixture_free_layer(layer);
	}
}

static void
test_none(void **state)
{
	static const struct fixture_entry entries[] = {
	    {.path = "app", .mode = 0755},
	    {.path = "var/lib/rpm/rpmdb.sqlite"},
	};
	static const char *const paths[] = {"app", NULL};
	struct layer_index *layer = fixture_layer(entries, COUNT(entries));
	auto_tree struct tree *t = fixture_tree(layer);
	auto_free bool *kept = fixture_keep(t, paths);
	auto_pkgdb struct pkgdb *db = NULL;
	struct pkgdb_file *files = NULL;
	size_t count = 1;
	struct err e;

	(void)state;
	assert_int_equal(pkgdb_read(t, &db, &e), 0);
	assert_int_equal(pkgdb_count(db), 0);
	assert_true(pkgdb_has_rpm(db));
	assert_null(pkgdb_unread(db));
	pkgdb_filter(db, kept, &files, &count);
	assert_int_equal(count, 0);
	free(files);
	fixture_free_layer(layer);
}

static void
test_unread(void **state)
{
	static const struct fixture_entry entries[] = {
	    {.path = "opt/installed", .size = 9},
	    {.type = ENTRY_SYMLINK,
		.path = "lib/apk/db/installed",
		.link = "/opt/installed"},
	    {.path = "var/lib/dpkg/status", .content = "Package: a\n"},
	};
	struct layer_index *layer = fixture_layer(entries, COUNT(entries));
	auto_tree struct tree *t = fixture_tree(layer);
	auto_pkgdb struct pkgdb *db = NULL;
	struct err e;

	(void)state;
	assert_int_equal(pkgdb_read(t, &db, &e), 0);
	assert_string_equal(pkgdb_unread(db), "lib/apk/db/installed");
	fixture_free_layer(layer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_dpkg_read),
	    cmocka_unit_test(test_dpkg_survives),
	    cmocka_unit_test(test_dpkg_filter),
	    cmocka_unit_test(test_status_d),
	    cmocka_unit_test(test_apk),
	    cmocka_unit_test(test_refuses),
	    cmocka_unit_test(test_none),
	    cmocka_unit_test(test_unread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
