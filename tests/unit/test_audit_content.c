/* audit: findings by content, accounts, scripts, the config, the verdict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"
#include "winnow/audit.h"
#include "winnow/json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Checks the findings, a line "CATEGORY WHERE[: detail]" each. */
static void
check_image(const struct fixture_entry *entries, size_t count,
    const json_t *config, const char *expected)
{
	struct layer_index *layer = fixture_layer(entries, count);
	auto_tree struct tree *t = fixture_tree(layer);
	auto_audit struct audit *a = NULL;
	auto_strbuf struct strbuf out;
	size_t i;

	strbuf_init(&out, 1 << 20);
	audit_run(t, NULL, NULL, config, &a);
	for (i = 0; i < a->count; i++) {
		const struct audit_finding *f = &a->findings[i];

		strbuf_add_format(
		    &out, "%s ", audit_category_name(f->category));
		audit_where(f, &out);
		strbuf_add_format(&out, "%s%s\n", f->detail == NULL ? "" : ": ",
		    f->detail == NULL ? "" : f->detail);
	}
	assert_string_equal(strbuf_string(&out), expected);
	fixture_free_layer(layer);
}

#define CHECK(entries, expected) \
	check_image(entries, COUNT(entries), NULL, expected)

static void
test_renamed(void **state)
{
	static const struct fixture_entry entries[] = {
	    {.path = "a", .mode = 0755, .marks = MARK_BIT(MARK_BASH)},
	    {.path = "b", .mode = 0644, .marks = MARK_BIT(MARK_ASH)},
	    {.path = "c",
		.mode = 0755,
		.marks = MARK_BIT(MARK_ASH) | MARK_BIT(MARK_BUSYBOX)},
	    {.path = "d", .mode = 0755, .marks = MARK_BIT(MARK_TOYBOX)},
	    {.path = "e", .mode = 0755, .marks = MARK_BIT(MARK_UUTILS)},
	    {.path = "f", .mode = 0755, .marks = MARK_BIT(MARK_APK)},
	    {.type = ENTRY_HARDLINK, .path = "g", .link = "a"},
	    {.type = ENTRY_SYMLINK, .path = "h", .link = "i"},
	    {.type = ENTRY_SYMLINK, .path = "i", .link = "a"},
	    {.path = "j", .mode = 04755, .marks = MARK_BIT(MARK_ZSH)},
	    {.path = "k", .mode = 0755, .marks = MARK_BIT(MARK_PACKED)},
	    {.path = "l", .mode = 0644, .marks = MARK_BIT(MARK_PACKED)},
	};

	(void)state;
	CHECK(entries,
	    "shell /a: GNU bash by content\n"
	    "shell /b: an Almquist shell (dash, ash) by content, not "
	    "executable\n"
	    "shell /c: BusyBox by content\n"
	    "multicall /c: BusyBox by content\n"
	    "multicall /d: toybox by content\n"
	    "multicall /e: uutils coreutils by content\n"
	    "package-manager /f: apk by content\n"
	    "shell /g: GNU bash by content\n"
	    "shell /h: symbolic link to a\n"
	    "shell /i: symbolic link to a\n"
	    "shell /j: zsh by content\n"
	    "setuid /j: mode 4755, owner 0:0\n"
	    "packed /k: UPX: its contents cannot be judged\n"
	    "packed /l: UPX: its contents cannot be judged, not "
	    "executable\n");
}

/* A toybox without a shell is none, whatever its name. */
static void
test_no_shell(void **state)
{
	static const struct fixture_entry entries[] = {
	    {.path = "bin/toybox",
		.mode = 0755,
		.marks = MARK_BIT(MARK_TOYBOX)},
	    {.type = ENTRY_SYMLINK, .path = "bin/ls", .link = "toybox"},
	};

	(void)state;
	CHECK(entries, "multicall /bin/toybox\n");
}

static void
test_libraries(void **state)
{
	static char apt[] = "libapt-pkg.so.6.0",
		    python[] = "libpython3.11.so.1.0";
	static char libc[] = "libc.so.6", loader[] = "/lib64/ld-linux.so.2";
	static char *apt_needs[] = {libc, apt}, *python_needs[] = {python};
	static const struct elf_facts apt_facts = {
	    .interpreter = loader, .needed = apt_needs, .needed_count = 2};
	static const struct elf_facts python_facts = {
	    .interpreter = loader, .needed = python_needs, .needed_count = 1};
	static const struct elf_facts library = {
	    .needed = python_needs, .needed_count = 1};
	static const struct fixture_entry entries[] = {
	    {.path = "a", .mode = 0755, .elf = &apt_facts},
	    {.path = "b", .mode = 0755, .elf = &python_facts},
	    {.path = "c.so", .mode = 0755, .elf = &library},
	};

	(void)state;
	CHECK(entries,
	    "package-manager /a: needs libapt-pkg.so.6.0\n"
	    "interpreter /b: needs libpython3.11.so.1.0\n");
}

static void
test_accounts(void **state)
{
	static const struct fixture_entry entries[] = {
	    {.path = "bin/bash", .mode = 0755},
	    {.path = "etc/passwd",
		.content = "root:x:0:0:root:/root:/bin/bash\n"
			   "daemon:*:1:1::/:/usr/sbin/nologin\n"
			   "app:x:2:2::/:/bin/zsh\n"
			   "odd:$6$salt$hash:3:3::/:/bin/false\n"
			   "short\n\n"
			   "open::4:4::/:/bin/bash"},
	    {.path = "etc/shadow",
		.content = "root:*:1::::::\nuser:$y$j9T$abc$def:1::::::\n"
			   "locked:!$6$abc$def:1::::::\nnone:!:1::::::\n"
			   "empty::1::::::\n"},
	    {.path = "etc/shadow-", .content = "root:*:1::::::\n"},
	};

	(void)state;
	CHECK(entries,
	    "shell /bin/bash\n"
	    "credential /etc/passwd: no password for open\n"
	    "credential /etc/passwd: password hash of odd\n"
	    "login-shell /etc/passwd: root (/bin/bash), open (/bin/bash)\n"
	    "credential /etc/shadow: no password for empty\n"
	    "credential /etc/shadow: password hash of user, locked\n");
}

static void
test_sensitive(void **state)
{
	static const struct fixture_entry entries[] = {
	    {.path = ".netrc", .content = "x"},
	    {.path = "etc/ssl/key",
		.content = "x",
		.marks = MARK_BIT(MARK_PRIVATE_KEY)},
	    {.path = "etc/sudoers", .content = "x"},
	    {.path = "etc/sudoers.d/a", .content = "x"},
	    {.path = "etc/sudoers.d/b/c", .content = "x"},
	    {.path = "home/u/.ssh/authorized_keys", .content = "x"},
	    {.path = "home/u/a.keytab", .content = "x"},
	    {.path = "home/u/a.netrc", .content = "x"},
	    {.path = "home/u/sudoers", .content = "x"},
	    {.path = "root/.ssh/authorized_keys"},
	    {.path = "sh/authorized_keys", .content = "x"},
	    {.path = "srv/authorized_keys", .content = "x"},
	    {.path = "tab", .content = "x"},
	    {.path = "usr/etc/sudoers.d/a", .content = "x"},
	    {.path = "usr/etc/sudoers.dd/a", .content = "x"},
	};

	(void)state;
	CHECK(entries,
	    "credential /.netrc: passwords\n"
	    "credential /etc/ssl/key: private key\n"
	    "privilege /etc/sudoers: rules of sudo\n"
	    "privilege /etc/sudoers.d/a: rules of sudo\n"
	    "privilege /etc/sudoers.d/b/c: rules of sudo\n"
	    "credential /home/u/.ssh/authorized_keys: who may log in by "
	    "ssh\n"
	    "credential /home/u/a.keytab: Kerberos keys\n"
	    "privilege /usr/etc/sudoers.d/a: rules of sudo\n");
}

static void
test_scripts(void **state)
{
	static const struct elf_facts facts = {.bits = 64};
	static const struct fixture_entry entries[] = {
	    {.path = "bin/perl", .mode = 0755},
	    {.path = "bin/x1", .mode = 0755, .content = "#!/bin/perl -w"},
	    {.path = "bin/x2", .mode = 0755, .content = "#!/bin/env perl"},
	    {.path = "bin/x3", .mode = 0755, .content = "#!/bin/sh"},
	    {.path = "bin/x4", .content = "#!/bin/perl"},
	    {.path = "etc/cron.daily/apt",
		.mode = 0755,
		.content = "#!/bin/sh"},
	    {.path = "lib/ld-linux.so.2", .mode = 0755, .elf = &facts},
	    {.path = "usr/bin/pip", .mode = 0755, .content = "#!/bin/perl"},
	};

	(void)state;
	CHECK(entries,
	    "interpreter /bin/perl\n"
	    "live-script /bin/x1: run by bin/perl\n"
	    "dead-script /bin/x2: /bin/env is not there\n"
	    "dead-script /bin/x3: /bin/sh is not there\n"
	    "dead-script /etc/cron.daily/apt: /bin/sh is not there\n"
	    "loader /lib/ld-linux.so.2: runs programs without their execute "
	    "bit\n"
	    "package-manager /usr/bin/pip\n"
	    "live-script /usr/bin/pip: run by bin/perl\n");
}

static void
test_config(void **state)
{
	static const struct {
		const char *config, *expected;
	} cases[] = {
	    {"{\"config\":{\"User\":\"app\",\"Cmd\":[\"sh\",\"x\"]}}", ""},
	    {"{\"config\":{}}", "root-user config.User: not set: root\n"},
	    {"{\"config\":{\"User\":\"0:5\"}}",
		"root-user config.User: root\n"},
	    {"{\"config\":{\"User\":\"1\",\"Entrypoint\":[\"/bin/sh\","
	     "\"-c\",\"x\"],\"Cmd\":[\"bash\",\"-c\",\"y\"],"
	     "\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"x\"]}}}",
		"shell-form config.Cmd: runs by bash -c\n"
		"shell-form config.Entrypoint: runs by /bin/sh -c\n"
		"shell-form config.Healthcheck: CMD-SHELL runs by a shell\n"},
	};
	static const struct fixture_entry entries[] = {{.path = "x"}};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		auto_json json_t *config = NULL;
		struct err e;

		assert_int_equal(
		    json_parse_object(cases[i].config, strlen(cases[i].config),
			"config", &config, &e),
		    0);
		check_image(entries, 1, config, cases[i].expected);
	}
}

/* Whom runtimes start as root, whatever the name. */
static void
test_root(void **state)
{
	static const struct {
		const char *user;
		bool root;
	} cases[] = {
	    {"0", true},
	    {"00", true},
	    {"+0", true},
	    {"-0:7", true},
	    {"0x0", false}, /* a name that is not there */
	    {"1000", false},
	    {"root", true},
	    {"app", false},
	    {"toor", true},
	    {"toor:app", true},
	    {"indented", true},
	    {"nothing", true}, /* what is no number is 0 */
	    {"missing", true},
	    {"wrapped", true}, /* 2^32 */
	    {"too", false},
	    {"", true},
	};
	static const struct fixture_entry entries[] = {
	    {.path = "etc/passwd",
		.content = "app:x:1000:1000::/:\n1000:x:0:0::/:\n"
			   "toor:x:0:0::/:\n \tindented:x:0:0::/:\n"
			   "nothing:x:abc:0::/:\nmissing\n"
			   "wrapped:x:4294967296:0::/:\ntoo:x:4294967297:"},
	};
	struct layer_index *layer = fixture_layer(entries, COUNT(entries));
	auto_tree struct tree *t = fixture_tree(layer);
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		auto_json json_t *config =
		    json_pack("{s:{s:s}}", "config", "User", cases[i].user);
		auto_audit struct audit *a = NULL;

		audit_run(t, NULL, NULL, config, &a);
		if ((audit_count(a, AUDIT_ROOT_USER) == 1) != cases[i].root)
			fail_msg("%s", cases[i].user);
	}
	fixture_free_layer(layer);
}

/* Files of accounts that a link names: what is not known is said. */
static void
test_accounts_by_links(void **state)
{
	static const struct fixture_entry entries[] = {
	    {.path = "etc/passwd.real", .size = 20},
	    {.type = ENTRY_HARDLINK,
		.path = "etc/passwd",
		.link = "etc/passwd.real"},
	    {.type = ENTRY_SYMLINK, .path = "etc/shadow", .link = "/opt/s"},
	    {.type = ENTRY_SYMLINK, .path = "etc/shadow-", .link = "/none"},
	    {.path = "opt/s", .size = 20},
	};

	(void)state;
	CHECK(entries,
	    "credential /etc/passwd: is /etc/passwd by a link: its contents "
	    "cannot be judged\n"
	    "credential /opt/s: is /etc/shadow by a link: its contents cannot "
	    "be judged\n");
}

static void
check_verdict(
    const struct fixture_entry *entries, size_t count, const char *expected)
{
	struct layer_index *layer = fixture_layer(entries, count);
	auto_tree struct tree *t = fixture_tree(layer);
	auto_audit struct audit *a = NULL;
	auto_strbuf struct strbuf out;

	strbuf_init(&out, 1 << 20);
	audit_run(t, NULL, NULL, NULL, &a);
	audit_verdict(a, &out);
	assert_string_equal(strbuf_string(&out), expected);
	fixture_free_layer(layer);
}

static void
test_verdict(void **state)
{
	static const struct fixture_entry entries[] = {
	    {.path = "a", .mode = 0755, .marks = MARK_BIT(MARK_BASH)},
	    {.path = "bin/ash", .mode = 0755},
	    {.path = "bin/bash", .mode = 0755},
	    {.path = "bin/curl", .mode = 0755},
	    {.path = "bin/dash", .mode = 0755},
	    {.path = "bin/dpkg", .mode = 0755},
	    {.path = "x", .mode = 0755, .marks = MARK_BIT(MARK_PACKED)},
	};

	(void)state;
	check_verdict(&entries[3], 1, "yes");
	check_verdict(&entries[6], 1,
	    "yes, but for 1 packed executable (/x: UPX: its contents cannot "
	    "be judged)");
	check_verdict(&entries[5], 1, "no: 1 package manager (/bin/dpkg)");
	check_verdict(entries, COUNT(entries),
	    "no: 4 shells (/a: GNU bash by content; /bin/ash; /bin/bash; "
	    "...), 1 package manager (/bin/dpkg)");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_renamed),
	    cmocka_unit_test(test_no_shell),
	    cmocka_unit_test(test_libraries),
	    cmocka_unit_test(test_accounts),
	    cmocka_unit_test(test_sensitive),
	    cmocka_unit_test(test_scripts),
	    cmocka_unit_test(test_config),
	    cmocka_unit_test(test_root),
	    cmocka_unit_test(test_accounts_by_links),
	    cmocka_unit_test(test_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
