/* audit: findings by name, by link and by metadata; exceptions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"
#include "winnow/audit.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* One line "CATEGORY PATH[: detail][ (excused)]" per finding. */
static char *
list_findings(const struct audit *a)
{
	auto_strbuf struct strbuf out, path;
	size_t i;

	strbuf_init(&out, 1 << 20);
	strbuf_init(&path, LIMIT_PATH);
	for (i = 0; i < a->count; i++) {
		const struct audit_finding *f = &a->findings[i];

		tree_node_path(f->node, &path);
		strbuf_add_format(&out, "%s %s%s%s%s\n",
		    audit_category_name(f->category), strbuf_string(&path),
		    f->detail == NULL ? "" : ": ",
		    f->detail == NULL ? "" : f->detail,
		    f->excused == NULL ? "" : " (excused)");
	}
	return strbuf_steal(&out);
}

static void
check_findings(
    const struct fixture_entry *entries, size_t count, const char *expected)
{
	struct layer_index *layer = fixture_layer(entries, count);
	auto_tree struct tree *t = fixture_tree(layer);
	auto_audit struct audit *a = NULL;
	auto_free char *found = NULL;

	audit_run(t, NULL, NULL, NULL, &a);
	found = list_findings(a);
	assert_string_equal(found, expected);
	assert_false(a->fatal);
	fixture_free_layer(layer);
}

static void
test_names(void **state)
{
	static const struct {
		const char *path, *category; /* NULL: no finding */
	} cases[] = {
	    {"usr/bin/dash", "shell"},
	    {"opt/x/zsh", "shell"},
	    {"usr/bin/sh2", NULL},
	    {"usr/bin/apt-get", "package-manager"},
	    {"usr/bin/pip3.11", "package-manager"},
	    {"usr/bin/curl", "download"},
	    {"usr/bin/python3.11", "interpreter"},
	    {"usr/bin/perl5.36.0", "interpreter"},
	    {"usr/bin/php8.2", "interpreter"},
	    {"usr/bin/gcc-12", "compiler"},
	    {"usr/bin/x86_64-linux-gnu-gcc-12", "compiler"},
	    {"usr/bin/strace", "debugger"},
	    {"usr/sbin/gosu", "privilege"},
	    {"usr/bin/postgres", NULL},
	    {"usr/bin/shift", NULL},
	    {"usr/bin/asr", NULL},
	    {"usr/bin/3", NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		const struct fixture_entry entry = {
		    .path = cases[i].path, .mode = 0755};
		auto_free char *expected = cases[i].category == NULL
		    ? mem_strdup("")
		    : mem_printf("%s %s\n", cases[i].category, cases[i].path);

		check_findings(&entry, 1, expected);
	}
}

static void
test_not_executable(void **state)
{
	static const struct fixture_entry entries[] = {
	    {.path = "usr/share/bash"},
	    {.type = ENTRY_DIRECTORY, .path = "usr/lib/perl"},
	    {.type = ENTRY_SYMLINK, .path = "bin/sh", .link = "nowhere"},
	    {.type = ENTRY_SYMLINK, .path = "bin/ash", .link = "../usr/lib"},
	};

	(void)state;
	check_findings(entries, COUNT(entries), "");
}

static void
test_links(void **state)
{
	static const struct fixture_entry entries[] = {
	    {.path = "usr/bin/dash", .mode = 0755},
	    {.type = ENTRY_SYMLINK, .path = "usr/bin/sh", .link = "dash"},
	    {.path = "opt/tool", .mode = 0755},
	    {.type = ENTRY_SYMLINK,
		.path = "etc/alternatives/csh",
		.link = "/opt/tool"},
	    {.path = "sbin/server", .mode = 0755},
	    {.type = ENTRY_HARDLINK,
		.path = "sbin/telnet",
		.link = "sbin/server"},
	};

	(void)state;
	check_findings(entries, COUNT(entries),
	    "shell etc/alternatives/csh: symbolic link to opt/tool\n"
	    "shell opt/tool: the symbolic link etc/alternatives/csh leads "
	    "here\n"
	    "download sbin/server: the same file as sbin/telnet\n"
	    "download sbin/telnet\n"
	    "shell usr/bin/dash\n"
	    "shell usr/bin/sh: symbolic link to usr/bin/dash\n");
}

static void
test_multicall(void **state)
{
	static const char *const applets[] = {"cat", "chmod", "chown", "cp",
	    "date", "dd", "df", "echo", "env", "grep", "id", "kill", "ln", "ls",
	    "mkdir", "mv", "ps", "pwd", "rm", "sed", "sleep"};
	static const struct fixture_entry busybox[] = {
	    {.path = "bin/busybox", .mode = 0755},
	    {.type = ENTRY_SYMLINK, .path = "bin/ls", .link = "busybox"},
	    {.type = ENTRY_SYMLINK, .path = "bin/wget", .link = "busybox"},
	};
	struct fixture_entry farm[COUNT(applets) + 1] = {
	    {.path = "a/harmless", .mode = 0755}};
	char *paths[COUNT(applets)];
	size_t i;

	(void)state;
	check_findings(busybox, COUNT(busybox),
	    "shell bin/busybox\n"
	    "multicall bin/busybox\n"
	    "download bin/wget: symbolic link to bin/busybox\n");
	for (i = 0; i < COUNT(applets); i++) {
		paths[i] = mem_printf("bin/%s", applets[i]);
		farm[i + 1] = (struct fixture_entry){.type = ENTRY_HARDLINK,
		    .path = paths[i],
		    .link = "a/harmless"};
	}
	check_findings(farm, COUNT(farm),
	    "shell a/harmless: 21 names of a multicall program lead here\n"
	    "multicall a/harmless: 21 names of a multicall program lead "
	    "here\n");
	check_findings(farm, COUNT(farm) - 1, "");
	for (i = 0; i < COUNT(applets); i++)
		free(paths[i]);
}

static void
test_metadata(void **state)
{
	static const struct fixture_entry entries[] = {
	    {.type = ENTRY_DIRECTORY, .path = "shared", .mode = 0777},
	    {.type = ENTRY_DIRECTORY, .path = "tmp", .mode = 01777},
	    {.type = ENTRY_DIRECTORY, .path = "staff", .mode = 02775},
	    {.path = "a", .mode = 04755},
	    {.path = "b", .mode = 02755},
	    {.path = "c", .mode = 0666},
	    {.path = "d", .mode = 0755, .xattr = "security.capability"},
	    {.path = "e", .mode = 0755, .xattr = "user.x"},
	    {.type = ENTRY_CHARDEV, .path = "dev/null", .mode = 0666},
	    {.type = ENTRY_SYMLINK, .path = "l", .mode = 0777, .link = "d"},
	};

	(void)state;
	check_findings(entries, COUNT(entries),
	    "setuid a: mode 4755, owner 0:0\n"
	    "setuid b: mode 2755, owner 0:0\n"
	    "world-writable c: mode 0666\n"
	    "capability d: permitted 0x0000000000000000\n"
	    "world-writable shared: mode 0777\n");
}

/* A version, then owner, others by number, mask, everybody. */
#define ACL(user, group, everybody)                                         \
	"\2\0\0\0\1\0\6\0\377\377\377\377\2\0" user "\0\1\2\0\0\10\0" group \
	"\0\5\0\0\0\20\0\0\0\377\377\377\377\40\0" everybody                \
	"\0\377\377\377\377"
#define ACL_LEN 44
#define ACCESS(name, list)                                        \
	{                                                         \
		.path = name, .xattr = "system.posix_acl_access", \
		.xattr_value = list, .xattr_len = ACL_LEN         \
	}

static void
test_access_lists(void **state)
{
	static const struct fixture_entry entries[] = {
	    ACCESS("a", ACL("\2", "\7", "\7")),
	    ACCESS("b", ACL("\5", "\6", "\0")),
	    ACCESS("c", ACL("\0", "\0", "\3")),
	    ACCESS("d", ACL("\5", "\4", "\1")),
	    {.path = "e", .xattr = "system.posix_acl_access"},
	    {.type = ENTRY_DIRECTORY,
		.path = "f",
		.xattr = "system.posix_acl_default",
		.xattr_value = ACL("\0", "\0", "\7"),
		.xattr_len = ACL_LEN},
	};

	(void)state;
	assert_int_equal(sizeof(ACL("", "", "")) - 1 + 3, ACL_LEN);
	check_findings(entries, COUNT(entries),
	    "world-writable a: by an access list: user 513\n"
	    "world-writable b: by an access list: group 5\n"
	    "world-writable c: by an access list: everybody\n"
	    "world-writable f: by an access list, what is made in it: "
	    "everybody\n");
}

static void
test_policy(void **state)
{
	static const struct fixture_entry entries[] = {
	    {.type = ENTRY_SYMLINK, .path = "bin", .link = "usr/bin"},
	    {.path = "usr/bin/curl", .mode = 0755},
	    {.path = "usr/bin/dash", .mode = 0755},
	    {.path = "usr/bin/perl", .mode = 0755},
	};
	static const char *const only[] = {
	    "usr/bin/dash", "usr/bin/curl", NULL};
	struct layer_index *layer = fixture_layer(entries, COUNT(entries));
	auto_tree struct tree *t = fixture_tree(layer);
	auto_free bool *kept = fixture_keep(t, only);
	auto_audit struct audit *a = NULL, *b = NULL;
	auto_free char *found = NULL, *category = mem_strdup("shell");
	auto_free char *reason = mem_strdup("needed");
	struct policy_exception x = {.reason = reason};
	struct policy p = {.fail_on = &category,
	    .fail_on_count = 1,
	    .exceptions = &x,
	    .exception_count = 1};
	struct err e;

	(void)state;
	assert_int_equal(glob_compile("/bin/da*", &x.glob, NULL, &e), 0);
	audit_run(t, kept, &p, NULL, &a);
	found = list_findings(a);
	assert_string_equal(
	    found, "download usr/bin/curl\nshell usr/bin/dash (excused)\n");
	assert_false(a->fatal);
	assert_int_equal(audit_count(a, AUDIT_SHELL), 0);
	assert_int_equal(audit_count(a, AUDIT_DOWNLOAD), 1);
	p.exception_count = 0;
	audit_run(t, kept, &p, NULL, &b);
	assert_true(b->fatal);
	assert_int_equal(audit_count(b, AUDIT_SHELL), 1);
	glob_free(x.glob);
	fixture_free_layer(layer);
}

static void
test_categories(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < AUDIT_CATEGORIES; i++)
		assert_int_equal(audit_category_parse(audit_category_name(
				     (enum audit_category)i)),
		    i);
	assert_int_equal(audit_category_parse("shells"), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_not_executable),
	    cmocka_unit_test(test_links),
	    cmocka_unit_test(test_multicall),
	    cmocka_unit_test(test_metadata),
	    cmocka_unit_test(test_access_lists),
	    cmocka_unit_test(test_policy),
	    cmocka_unit_test(test_categories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
