/* hints: families of files that are opened by name, and are not kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../common/hints.h"
#include "fixture.h"
#include "winnow/json.h"
#include "winnow/mem.h"
#include "winnow/policy.h"
#include "winnow/selection.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LIB "usr/lib/x86_64-linux-gnu/"

static char soname[64], loader[] = "/lib64/ld-linux-x86-64.so.2";
static char needed[64], *needed_list[] = {needed};
static struct elf_facts facts;

/* Each family: what is kept that wants it, and one file of it. */
static const struct {
	const char *family, *soname, *member;
	bool iconv, locale;
} families[] = {
    {"apr", "libaprutil-1.so.0", LIB "apr-util-1/apr_dbd_sqlite3.so", false,
	false},
    {"fontconfig", "libawt_headless.so", LIB "libfontconfig.so.1.12.0", false,
	false},
    {"gconv", "", LIB "gconv/ISO8859-1.so", true, false},
    {"gconv", "libxml2.so.2", "usr/lib64/gconv/UTF-7.so", true, false},
    {"icu", "libicuuc.so.74", "usr/share/icu/74.2/icudt74l.dat", false, false},
    {"imagemagick", "libMagickCore-6.Q16.so.6",
	LIB "ImageMagick-6.9.11/modules-Q16/coders/png.so", false, false},
    {"krb5", "libkrb5.so.3", LIB "krb5/plugins/preauth/pkinit.so", false,
	false},
    {"locales", "", "usr/lib/locale/locale-archive", false, true},
    {"locales", "", "usr/lib/locale/de_DE.utf8/LC_CTYPE", false, true},
    {"locales", "", "usr/lib/locale/C.utf8/LC_CTYPE", false, true},
    {"mesa", "libEGL.so.1", LIB "dri/swrast_dri.so", false, false},
    {"mesa", "libva.so.2", "usr/lib/dri/iHD_drv_video.so", false, false},
    {"openssl", "libcrypto.so.3", LIB "ossl-modules/legacy.so", false, false},
    {"openssl", "libcrypto.so.3", "etc/pki/tls/openssl.cnf", false, false},
    {"pam", "libpam.so.0", "lib/security/pam_unix.so", false, false},
    {"sasl", "libsasl2.so.2", LIB "sasl2/libscram.so", false, false},
};
#define FAMILIES (sizeof(families) / sizeof(families[0]))

/* The hints of an image under a policy; a new reference. */
static json_t *
make_hints(const struct fixture_entry *entries, size_t count, const char *keep,
    const char *ignored)
{
	auto_free char *text = mem_printf(
	    "{\"file\":\"t.yaml\",\"repository\":\"docker.io/library/t\","
	    "\"tags\":[],\"platforms\":[],\"keep\":[%s],\"drop\":[],"
	    "\"fail_on\":[],\"exceptions\":[],\"on_source_digest\":\"deny\","
	    "\"ignore_hints\":[%s]}",
	    keep, ignored);
	struct layer_index *layer = fixture_layer(entries, count);
	auto_tree struct tree *t = fixture_tree(layer);
	auto_json json_t *config = json_pack(
	    "{s:{s:[s]}}", "config", "Env", "PATH=/opt/bin:/usr/bin:/bin");
	auto_selection struct selection *s = NULL;
	auto_policy struct policy *p = NULL;
	json_t *hints;
	struct err e;

	if (policy_parse(text, strlen(text), &p, &e) == -1 ||
	    selection_make(t, p, NULL, &s, &e) == -1)
		fail_msg("%s", e.message);
	hints = hints_make(s, config);
	fixture_free_layer(layer);
	return hints;
}

/* The same, of families of files, as "FAMILY EXAMPLE; ...". */
static char *
list_hints(const struct fixture_entry *entries, size_t count, const char *keep,
    const char *ignored)
{
	auto_json json_t *hints = make_hints(entries, count, keep, ignored);
	auto_strbuf struct strbuf out;
	json_t *hint;
	size_t i;

	strbuf_init(&out, 1 << 16);
	json_array_foreach(hints, i, hint)
	{
		assert_non_null(
		    strstr(json_string_value(json_object_get(hint, "text")),
			"add \"include: ["));
		strbuf_add_format(&out, "%s %s; ",
		    json_string_value(json_object_get(hint, "family")),
		    json_string_value(json_object_get(hint, "example")));
	}
	return strbuf_steal(&out);
}

#define PATTERN(path) "{\"origin\":\"t:1\",\"pattern\":\"" path "\"}"

/*
 * The image of a family: who wants it, and the member.  Kerberos is wanted by
 * who needs its library, not by that.
 */
static void
make_image(size_t i, struct fixture_entry entries[2])
{
	snprintf(soname, sizeof(soname), "%s", families[i].soname);
	snprintf(needed, sizeof(needed), "%s", families[i].soname);
	facts = (struct elf_facts){.bits = 64,
	    .type = 3,
	    .soname = soname[0] == '\0' ? NULL : soname,
	    .interpreter = soname[0] == '\0' ? loader : NULL,
	    .needed = needed_list,
	    .needed_count = strcmp(families[i].family, "krb5") == 0,
	    .uses_iconv = families[i].iconv,
	    .uses_locale = families[i].locale};
	entries[0] = (struct fixture_entry){
	    .path = "srv/file", .mode = 0755, .elf = &facts};
	entries[1] = (struct fixture_entry){.path = families[i].member};
}

static void
expect(const struct fixture_entry *entries, size_t count, const char *keep,
    const char *ignored, const char *expected)
{
	auto_free char *found = list_hints(entries, count, keep, ignored);

	if (strcmp(found, expected) != 0)
		fail_msg("\"%s\" instead of \"%s\"", found, expected);
}

static void
test_families(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < FAMILIES; i++) {
		struct fixture_entry entries[2];
		auto_free char *expected = mem_printf(
		    "%s %s; ", families[i].family, families[i].member);
		auto_free char *ignored =
		    mem_printf("\"%s\"", families[i].family);
		auto_free char *both =
		    mem_printf(PATTERN("/srv/file") ",{\"origin\":\"t:1\","
						    "\"pattern\":\"/%s\"}",
			families[i].member);
		auto_free char *member =
		    mem_printf("{\"origin\":\"t:1\",\"pattern\":\"/%s\"}",
			families[i].member);

		make_image(i, entries);
		expect(entries, 2, PATTERN("/srv/file"), "", expected);
		expect(entries, 2, PATTERN("/srv/file"), ignored, "");
		expect(entries, 2, both, "", "");
		expect(entries, 2, member, "", "");
		expect(entries, 1, PATTERN("/srv/file"), "", "");
	}
}

static void
test_no_noise(void **state)
{
	static struct elf_facts library = {.bits = 64,
	    .type = 3,
	    .soname = soname,
	    .uses_iconv = true,
	    .uses_locale = true};
	const struct fixture_entry entries[] = {
	    {.path = LIB "lib.so", .elf = &library},
	    {.path = LIB "gconv/ISO8859-1.so"},
	    {.path = "usr/lib/locale/C.utf8/LC_CTYPE"},
	    {.path = "usr/lib/locale/locale-archive"},
	};

	(void)state;
	snprintf(soname, sizeof(soname), "libidn2.so.0");
	expect(entries, 4, PATTERN("/" LIB "lib.so"), "", "");
	snprintf(soname, sizeof(soname), "libc.so.6");
	library.interpreter = loader;
	expect(entries, 4, PATTERN("/" LIB "lib.so"), "", "");
	library.soname = NULL;
	expect(entries, 3, PATTERN("/" LIB "lib.so"), "",
	    "gconv " LIB "gconv/ISO8859-1.so; "
	    "locales usr/lib/locale/C.utf8/LC_CTYPE; ");
	/* What is kept of one locale is no other. */
	expect(entries, 4,
	    PATTERN("/" LIB "**") "," PATTERN("/usr/lib/locale/C.utf8/*"), "",
	    "locales usr/lib/locale/locale-archive; ");
	library.soname = soname;
}

/* Kerberos that only NIS needs is no one's. */
static void
test_kerberos(void **state)
{
	static struct elf_facts library = {.bits = 64,
	    .type = 3,
	    .soname = soname,
	    .needed = needed_list,
	    .needed_count = 1};
	const struct fixture_entry entries[] = {
	    {.path = LIB "lib.so", .elf = &library},
	    {.path = LIB "krb5/plugins/preauth/spake.so"},
	};

	(void)state;
	snprintf(needed, sizeof(needed), "libkrb5.so.3");
	snprintf(soname, sizeof(soname), "libgssapi_krb5.so.2");
	expect(entries, 2, PATTERN("/" LIB "lib.so"), "", "");
	snprintf(needed, sizeof(needed), "libgssapi_krb5.so.2");
	snprintf(soname, sizeof(soname), "libtirpc.so.3");
	expect(entries, 2, PATTERN("/" LIB "lib.so"), "", "");
	snprintf(soname, sizeof(soname), "libpq.so.5");
	expect(entries, 2, PATTERN("/" LIB "lib.so"), "",
	    "krb5 " LIB "krb5/plugins/preauth/spake.so; ");
}

static void
test_nss(void **state)
{
	static struct elf_facts libc = {
	    .bits = 64, .type = 3, .soname = soname};
	const struct fixture_entry entries[] = {
	    {.path = "etc/nsswitch.conf",
		.content = "# passwd: ldap\npasswd: files sss\n\n"
			   "hosts:\tfiles [!UNAVAIL=return] dns mdns4 # wins\n"
			   "shadow: sss [NOTFOUND=return\ngroup compat\n"
			   "x: a*b"},
	    {.path = LIB "libc.so.6", .elf = &libc},
	    {.path = LIB "libnss_compat.so.2"},
	    {.path = LIB "libnss_dns.so.2"},
	    {.path = LIB "libnss_sss.so.2"},
	    {.path = LIB "libnss_wins.so.2"},
	};

	(void)state;
	snprintf(soname, sizeof(soname), "libc.so.6");
	expect(entries, 6,
	    PATTERN("/etc/nsswitch.conf") "," PATTERN("/" LIB "libc.so.6"), "",
	    "nss " LIB "libnss_sss.so.2; nss " LIB "libnss_dns.so.2; ");
	expect(entries, 6, PATTERN("/" LIB "libc.so.6"), "", "");
	expect(entries, 6, PATTERN("/etc/nsswitch.conf"), "", "");
	expect(
	    entries, 6, PATTERN("/etc/*") "," PATTERN("/" LIB "lib*"), "", "");
}

static void
test_names(void **state)
{
	size_t count, i, j;
	const char *const *names = policy_families(&count);

	(void)state;
	for (i = 0; i < count; i++) {
		for (j = 0; j < FAMILIES; j++)
			if (strcmp(names[i], families[j].family) == 0)
				break;
		assert_true(j < FAMILIES || strcmp(names[i], "nss") == 0 ||
		    strcmp(names[i], "scripts") == 0);
	}
}

/* /srv/start calls programs: of /usr/bin, by links, and those that are none. */
static const struct fixture_entry scripts[] = {
    {.type = ENTRY_SYMLINK, .path = "bin", .link = "usr/bin"},
    {.path = "usr/bin/sh", .mode = 0755},
    {.path = "usr/bin/env", .mode = 0755},
    {.path = "usr/bin/id", .mode = 0755},
    {.path = "usr/bin/box", .mode = 0755},
    {.type = ENTRY_SYMLINK, .path = "usr/bin/chown", .link = "box"},
    {.path = "usr/bin/find", .mode = 0755},
    {.path = "opt/bin/id", .mode = 0755},
    {.path = "usr/bin/data"},
    {.path = "sbin/no-path", .mode = 0755},
    {.path = "srv/start",
	.mode = 0755,
	.content = "#!/bin/sh",
	.calls = "nowhere id data chown /bin/find no-path /sbin/no-path"},
    {.path = "srv/env",
	.mode = 0755,
	.content = "#!/usr/bin/env sh",
	.calls = "id"},
    {.path = "srv/text", .content = "#!/bin/sh", .calls = "id"},
};

/* The scripts and what they lack, as "SCRIPT: PROGRAM PROGRAM; ...". */
static void
expect_scripts(const char *keep, const char *ignored, const char *expected)
{
	auto_json json_t *hints =
	    make_hints(scripts, COUNT(scripts), keep, ignored);
	auto_strbuf struct strbuf out;
	json_t *hint, *program;
	size_t i, j;

	strbuf_init(&out, 1 << 16);
	json_array_foreach(hints, i, hint)
	{
		const json_t *programs = json_object_get(hint, "programs");

		assert_string_equal(
		    json_string_value(json_object_get(hint, "family")),
		    "scripts");
		assert_int_equal(
		    json_integer_value(json_object_get(hint, "files")),
		    json_array_size(programs));
		assert_ptr_equal(json_object_get(hint, "example"),
		    json_array_get(programs, 0));
		strbuf_add_format(&out,
		    "%s:", json_string_value(json_object_get(hint, "script")));
		json_array_foreach(programs, j, program)
		    strbuf_add_format(&out, " %s", json_string_value(program));
		strbuf_add_string(&out, "; ");
	}
	if (strcmp(strbuf_string(&out), expected) != 0)
		fail_msg(
		    "\"%s\" instead of \"%s\"", strbuf_string(&out), expected);
}

#define START PATTERN("/srv/start")
#define SHELL PATTERN("/bin/sh")

static void
test_scripts(void **state)
{
	(void)state;
	expect_scripts(START "," SHELL, "",
	    "srv/start: opt/bin/id usr/bin/chown bin/find sbin/no-path; ");
	/* A kept program of the same name is found first, or behind it. */
	expect_scripts(START "," SHELL "," PATTERN("/opt/bin/id"), "",
	    "srv/start: usr/bin/chown bin/find sbin/no-path; ");
	/* A kept program does not help if the link to it is gone. */
	expect_scripts(START "," SHELL "," PATTERN("/usr/bin/{id,box,find}"),
	    "", "srv/start: usr/bin/chown sbin/no-path; ");
	expect_scripts(START "," SHELL
			     "," PATTERN("/usr/bin/*") "," PATTERN("/sbin/*"),
	    "", "");
	/* Nothing is wrong with what is not kept, or is no script to run. */
	expect_scripts(PATTERN("/srv/text") "," SHELL, "", "");
	expect_scripts(SHELL, "", "");
	expect_scripts(START "," SHELL, "\"scripts\"", "");
	/* Without its interpreter it does not run: others say so. */
	expect_scripts(START, "", "");
	expect_scripts(START "," PATTERN("/usr/bin/sh"), "", "");
	expect_scripts(PATTERN("/srv/env") "," SHELL, "", "");
	expect_scripts(PATTERN("/srv/env") "," PATTERN("/usr/bin/env"), "", "");
	expect_scripts(PATTERN("/srv/{env,start}") "," SHELL
						   "," PATTERN("/usr/bin/env"),
	    "",
	    "srv/env: opt/bin/id; "
	    "srv/start: opt/bin/id usr/bin/chown bin/find sbin/no-path; ");
}

/* Names are put together, and neither they nor the hints go on for ever. */
static void
test_scripts_text(void **state)
{
	static struct fixture_entry many[75];
	static char names[75][16], all[1024];
	auto_json json_t *few = NULL, *hints = NULL;
	size_t i;

	(void)state;
	many[0] = (struct fixture_entry){.path = "usr/bin/sh", .mode = 0755};
	for (i = 1; i < 75; i++) {
		snprintf(names[i], sizeof(names[i]),
		    i < 15 ? "usr/bin/p%02zu" : "srv/s%02zu", i);
		many[i] = (struct fixture_entry){.path = names[i],
		    .mode = 0755,
		    .content = i < 15 ? NULL : "#!/usr/bin/sh",
		    .calls = i < 15 ? NULL : all};
		if (i < 15)
			snprintf(all + strlen(all), sizeof(all) - strlen(all),
			    "%sp%02zu", i == 1 ? "" : " ", i);
	}
	few = make_hints(
	    many, 17, PATTERN("/srv/*") "," PATTERN("/usr/bin/{sh,p0?}"), "");
	assert_int_equal(json_array_size(few), 2);
	assert_string_equal(
	    json_string_value(json_object_get(json_array_get(few, 0), "text")),
	    "/srv/s15 (t:1 keep /srv/*) calls p10, p11, p12, p13, p14, which "
	    "the variant does not have: keep what it needs, drop the script, "
	    "or add \"ignore_hints: [scripts]\"");
	hints = make_hints(
	    many, 75, PATTERN("/srv/*") "," PATTERN("/usr/bin/sh"), "");
	assert_int_equal(json_array_size(hints), 51);
	assert_non_null(strstr(json_string_value(json_object_get(
				   json_array_get(hints, 0), "text")),
	    "p09, p10 and 4 more, which"));
	assert_string_equal(json_string_value(json_object_get(
				json_array_get(hints, 50), "text")),
	    "10 more scripts call programs that the variant does not have");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_families),
	    cmocka_unit_test(test_no_noise),
	    cmocka_unit_test(test_kerberos),
	    cmocka_unit_test(test_nss),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_scripts),
	    cmocka_unit_test(test_scripts_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
