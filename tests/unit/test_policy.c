/* policy: what is shipped loads, what is bad is reported where it is bad. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "winnow/fsutil.h"
#include "winnow/mem.h"
#include "winnow/policy.h"

static char *
source_path(const char *path)
{
	const char *top = getenv("top_srcdir");

	return mem_printf("%s/%s", top == NULL ? "." : top, path);
}

static char *
read_text(const char *path)
{
	char *text = NULL;
	struct err e;
	size_t len;

	if (fsutil_read_file(AT_FDCWD, path, 1 << 20, &text, &len, &e) == -1)
		fail_msg("%s", e.message);
	return text;
}

/* A folder for files of a test, with sets.d and policies.d in it. */
struct folder {
	char path[40];
};

static struct folder
folder_make(void)
{
	struct folder f = {"/tmp/winnow-test-policy-XXXXXX"};
	auto_free char *sets = NULL, *policies = NULL;

	assert_non_null(mkdtemp(f.path));
	sets = mem_printf("%s/sets.d", f.path);
	policies = mem_printf("%s/policies.d", f.path);
	assert_int_equal(mkdir(sets, 0755), 0);
	assert_int_equal(mkdir(policies, 0755), 0);
	return f;
}

static void
folder_write(const struct folder *f, const char *name, const char *text)
{
	auto_free char *path = mem_printf("%s/%s", f->path, name);
	auto_file FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
}

static void
folder_remove(const struct folder *f)
{
	static const char *const subs[] = {"sets.d", "policies.d"};
	size_t i;

	for (i = 0; i < 2; i++) {
		auto_free char *path = mem_printf("%s/%s", f->path, subs[i]);
		DIR *dir = opendir(path);
		struct dirent *entry;

		while ((entry = readdir(dir)) != NULL)
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
		closedir(dir);
		rmdir(path);
	}
	assert_int_equal(rmdir(f->path), 0);
}

/* Loads the folder; on failure the mistakes, without the folder's path. */
static struct policy_set *
folder_load(const struct folder *f, struct strbuf *mistakes)
{
	auto_free char *sets = mem_printf("%s/sets.d", f->path);
	auto_free char *policies = mem_printf("%s/policies.d", f->path);
	struct yaml_mistakes m = {0};
	struct policy_set *set = NULL;
	struct err e;
	size_t i;

	strbuf_reset(mistakes);
	(void)policy_load_dir(policies, sets, &set, &m, &e);
	for (i = 0; i < m.count; i++)
		memmove(m.items[i].file, m.items[i].file + strlen(f->path) + 1,
		    strlen(m.items[i].file) - strlen(f->path));
	yaml_mistakes_format(&m, mistakes);
	yaml_mistakes_clear(&m);
	return set;
}

/* Loads one policy from text, with the shipped sets. */
static struct policy *
load_text(const char *text)
{
	struct folder f = folder_make();
	auto_free char *path = mem_printf("%s/policies.d/p.yaml", f.path);
	auto_free char *sets = source_path("conf/sets.d");
	struct yaml_mistakes m = {0};
	struct policy *p = NULL;
	struct err e;

	folder_write(&f, "policies.d/p.yaml", text);
	if (policy_load_file(path, sets, &p, &m, &e) == -1)
		fail_msg("%s", e.message);
	folder_remove(&f);
	return p;
}

/* The mistakes of a file without its path must be its "# expect: " lines. */
static void
check_bad_file(const char *path, const char *sets)
{
	auto_free char *text = read_text(path);
	auto_strbuf struct strbuf expected, given;
	struct yaml_mistakes m = {0};
	struct policy *p = NULL;
	struct err e;
	const char *line = text;
	size_t i;

	strbuf_init(&expected, SIZE_MAX);
	strbuf_init(&given, SIZE_MAX);
	while (strncmp(line, "# expect: ", 10) == 0) {
		const char *end = strchr(line, '\n');

		strbuf_add(&expected, line + 10, (size_t)(end - line) - 9);
		line = end + 1;
	}
	assert_int_equal(policy_load_file(path, sets, &p, &m, &e), -1);
	assert_null(p);
	for (i = 0; i < m.count; i++)
		strbuf_add_format(&given, "%u:%u: %s\n", m.items[i].line,
		    m.items[i].column, m.items[i].text);
	if (strcmp(strbuf_string(&given), strbuf_string(&expected)) != 0)
		fail_msg("%s gives\n%s", path, strbuf_string(&given));
	yaml_mistakes_clear(&m);
}

static void
test_bad_files(void **state)
{
	auto_free char *folder = source_path("tests/bad/policy");
	auto_free char *sets = source_path("conf/sets.d");
	DIR *dir = opendir(folder);
	struct dirent *entry;
	size_t count = 0;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		auto_free char *path = NULL;

		if (entry->d_name[0] == '.')
			continue;
		path = mem_printf("%s/%s", folder, entry->d_name);
		check_bad_file(path, sets);
		count++;
	}
	closedir(dir);
	assert_true(count >= 20);
}

static void
test_shipped(void **state)
{
	auto_free char *policies = source_path("conf/policies.d");
	auto_free char *sets = source_path("conf/sets.d");
	struct yaml_mistakes m = {0};
	struct policy_set *set = NULL;
	const struct policy *p;
	struct err e;

	(void)state;
	if (policy_load_dir(policies, sets, &set, &m, &e) == -1)
		fail_msg("%s", e.message);
	p = policy_find(set, "docker.io/library/postgres", "16");
	assert_non_null(p);
	assert_ptr_equal(
	    policy_find(set, "docker.io/library/postgres", NULL), p);
	assert_null(policy_find(set, "docker.io/library/postgresx", "16"));
	assert_string_equal(p->file, "postgres.yaml");
	assert_int_equal(p->fail_on_count, 3);
	assert_false(p->keep[0].from_set);
	assert_true(p->keep[p->keep_count - 1].from_set);
	policy_set_free(set);
}

/* Also a path of a directory that was left, and comes again. */
static void
test_guess(void **state)
{
	static const struct {
		const char *path;
		bool want;
	} rows[] = {
	    {"usr/lib/postgresql/16/bin/postgres", true},
	    {"usr/lib/postgresql/16/bin/psql", false},
	    {"bin/bash", false},
	    {"usr/bin/bash", false},
	    {"etc/passwd", true},
	    {"etc/passwd-", false},
	    {"usr/lib/postgresql/16/bin/postgres", true},
	    {"lib/postgresql/16/bin/postgres", true},
	    {"lib/postgresql/16/bin/initdb", false},
	    {"usr/share/doc/libc6/copyright", true},
	    {"usr/share/doc/libc6/changelog", false},
	    {"file", true},
	    {"usr/file", true},
	    {"usr", false},
	    {"lib", false},
	    {"other/file", false},
	    {"deep/a/b/c", true},
	    {"deep/a/b/d", false},
	    {"usr/deep/c", true},
	    {"wild1/x", true},
	    {"wild12/x", false},
	    {"usr/wild2/x", true},
	    /* As long as the one before. */
	    {"other/x", false},
	    {"wild1/x", true},
	};
	auto_policy struct policy *p =
	    load_text("repository: docker.io/x\n"
		      "keep: [/usr/lib/postgresql/*/bin/postgres, /file,\n"
		      "  '/deep/**/c', '/wild?/x']\n");
	auto_policy_guess struct policy_guess *g = policy_guess_new(p);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (policy_guess(g, rows[i].path) != rows[i].want)
			fail_msg("%s", rows[i].path);
}

static void
test_guess_package(void **state)
{
	auto_policy struct policy *p =
	    load_text("repository: docker.io/x\nkeep:\n  - package: nginx\n");
	auto_policy_guess struct policy_guess *g = policy_guess_new(p);

	(void)state;
	assert_true(policy_guess(g, "usr/sbin/nginx"));
	assert_false(policy_guess(g, "usr/share/man/man8/nginx.8.gz"));
	assert_true(policy_guess(g, "usr/sbin/nginx"));
}

static void
test_find(void **state)
{
	struct folder f = folder_make();
	auto_strbuf struct strbuf mistakes;
	struct policy_set *set;

	(void)state;
	strbuf_init(&mistakes, SIZE_MAX);
	folder_write(&f, "policies.d/10.yaml",
	    "repository: postgres\nsource: ghcr.io/a/b\nkeep: [/a]\n");
	folder_write(&f, "policies.d/20.yaml",
	    "repository: Docker.io/redis\ntags: ['7*', latest]\n"
	    "keep: [/b]\n");
	folder_write(&f, "policies.d/30.yaml",
	    "repository: index.docker.io/*\nkeep: [/c]\n");
	folder_write(&f, "policies.d/40.yaml",
	    "repository: '[::1]:5000/**'\nkeep: [/d]\n");
	folder_write(&f, "policies.d/ignored.yaml~", "nonsense: [\n");
	set = folder_load(&f, &mistakes);
	if (set == NULL)
		fail_msg("%s", strbuf_string(&mistakes));
	assert_int_equal(set->count, 4);
	assert_string_equal(set->items[0]->source, "ghcr.io/a/b");
	assert_ptr_equal(policy_find(set, "postgres", "1"), set->items[0]);
	assert_string_equal(
	    set->items[1]->repository, "docker.io/library/redis");
	assert_ptr_equal(
	    policy_find(set, "docker.io/library/redis", "7.2"), set->items[1]);
	assert_ptr_equal(
	    policy_find(set, "docker.io/library/redis", NULL), set->items[1]);
	assert_ptr_equal(
	    policy_find(set, "docker.io/library/redis", "6"), set->items[2]);
	assert_null(policy_find(set, "docker.io/bitnami/redis", "7"));
	assert_ptr_equal(
	    policy_find(set, "[::1]:5000/a/b", "7"), set->items[3]);
	assert_null(policy_find(set, "redis", "7"));
	policy_set_free(set);
	folder_remove(&f);
}

static void
test_folder_mistakes(void **state)
{
	struct folder f = folder_make();
	auto_strbuf struct strbuf mistakes;

	(void)state;
	strbuf_init(&mistakes, SIZE_MAX);
	folder_write(&f, "policies.d/1.yaml",
	    "repository: docker.io/library/*\nkeep: [/a]\n");
	folder_write(&f, "policies.d/2.yaml",
	    "keep: [/a]\nrepository: docker.io/redis\ntags: ['7']\n");
	folder_write(&f, "policies.d/3.yaml",
	    "repository: docker.io/**\nkeep: [/a]\nkep: []\n");
	folder_write(
	    &f, "policies.d/4.yaml", "repository: docker.io/a/*\nkeep: [/a]\n");
	folder_write(&f, "policies.d/5.yml", "");
	folder_write(&f, "sets.d/a.yaml", "include: [b]\n");
	folder_write(&f, "sets.d/b.yaml", "include: [a]\nkeep: [x]\n");
	folder_write(&f, "sets.d/c.yaml", "repository: x\n");
	assert_null(folder_load(&f, &mistakes));
	assert_string_equal(strbuf_string(&mistakes),
	    "policies.d/2.yaml:2:13: never reached: 1.yaml comes first and "
	    "matches the same\n"
	    "policies.d/3.yaml:3:1: unknown key \"kep\": did you mean "
	    "\"keep\"?\n"
	    "policies.d/4.yaml:1:13: never reached: 3.yaml comes first and "
	    "matches the same\n"
	    "policies.d/5.yml: not read: the name must end in .yaml\n"
	    "sets.d/a.yaml:1:11: the set \"b\" includes itself this way\n"
	    "sets.d/b.yaml:1:11: the set \"a\" includes itself this way\n"
	    "sets.d/b.yaml:2:8: a pattern must start with a slash\n"
	    "sets.d/c.yaml:1:1: unknown key \"repository\"\n");
	folder_remove(&f);
}

static void
test_reachable(void **state)
{
	static const struct {
		const char *first, *second;
		bool reachable;
	} cases[] = {
	    {"docker.io/a/b", "docker.io/a/c", true},
	    {"docker.io/a/b", "docker.io/a/b", false},
	    {"docker.io/a/*", "docker.io/a/b*", false},
	    {"docker.io/a/b*", "docker.io/a/*", true},
	    {"docker.io/a/*", "docker.io/a/**", true},
	    {"docker.io/**", "docker.io/a/**", false},
	    {"docker.io/a/?", "docker.io/a/*", true},
	    {"docker.io/b\ntags: [a]", "docker.io/b", true},
	    {"docker.io/b\ntags: ['*']", "docker.io/b", false},
	    {"docker.io/b\ntags: ['1*']", "docker.io/b\ntags: ['12']", false},
	    {"docker.io/b\ntags: ['1*']", "docker.io/b\ntags: ['12', x]", true},
	    {"docker.io/b\ntags: ['1*']", "docker.io/b\ntags: ['1*']", false},
	};
	struct folder f = folder_make();
	auto_strbuf struct strbuf mistakes;
	size_t i;

	(void)state;
	strbuf_init(&mistakes, SIZE_MAX);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_free char *first =
		    mem_printf("keep: [/a]\nrepository: %s\n", cases[i].first);
		auto_free char *second =
		    mem_printf("keep: [/a]\nrepository: %s\n", cases[i].second);
		struct policy_set *set;

		folder_write(&f, "policies.d/1.yaml", first);
		folder_write(&f, "policies.d/2.yaml", second);
		set = folder_load(&f, &mistakes);
		if ((set != NULL) != cases[i].reachable)
			fail_msg("%s / %s: %s", cases[i].first, cases[i].second,
			    strbuf_string(&mistakes));
		policy_set_free(set);
	}
	folder_remove(&f);
}

static const char full[] =
    "repository: docker.io/library/x\n"
    "tags: [1.10, 'a*']\n"
    "platforms: [linux/amd64, linux/arm/v7]\n"
    "include: [tzdata]\n"
    "keep: [/b, package: libc6]\n"
    "drop: [/c/**]\n"
    "config:\n"
    "  entrypoint: [path: /a-*/b, \"b c\"]\n"
    "  cmd: ~\n"
    "  user: 999:999\n"
    "  workdir: /w\n"
    "  env: {B: 1, A: ~, C: {path: /c}, path: /d}\n"
    "  labels: {x: y}\n"
    "  stop_signal: SIGRTMIN+3\n"
    "  healthcheck: {test: [CMD, /x], interval: 30s, retries: 3}\n"
    "audit:\n"
    "  fail_on: [shell]\n"
    "  exceptions: [{path: /bin/su, reason: it is needed}]\n"
    "on_source_digest: pass\n"
    "artifacts: pass\n";

static void
test_format(void **state)
{
	auto_policy struct policy *p = load_text(full), *q = NULL;
	auto_free char *text = NULL, *again = NULL;
	size_t len, len_again;
	struct err e;

	(void)state;
	assert_string_equal(p->tags[0], "1.10");
	text = policy_format(p, &len);
	assert_int_equal(len, strlen(text));
	assert_non_null(strstr(text,
	    "\"config\":{\"cmd\":null,\"entrypoint\":[{\"path\":\"/a-*/b\"},"
	    "\"b c\"],\"env\":{\"A\":null,\"B\":\"1\","
	    "\"C\":{\"path\":\"/c\"},\"path\":\"/d\"},\"healthcheck\":{"
	    "\"interval\":\"30s\",\"retries\":3,\"test\":[\"CMD\",\"/x\"]},"
	    "\"labels\":{\"x\":\"y\"},\"stop_signal\":\"SIGRTMIN+3\","
	    "\"user\":\"999:999\",\"workdir\":\"/w\"}"));
	if (policy_parse(text, len, &q, &e) == -1)
		fail_msg("%s", e.message);
	again = policy_format(q, &len_again);
	assert_string_equal(again, text);
	assert_int_equal(q->keep[1].kind, POLICY_PACKAGE);
	assert_string_equal(q->keep[0].origin, "p.yaml:5");
	assert_string_equal(q->keep[2].origin, "sets.d/tzdata.yaml:5");
	assert_true(q->keep[2].from_set);
	assert_true(glob_match(q->drop[0].glob, "c/d"));
	assert_true(glob_match(q->exceptions[0].glob, "bin/su"));
	assert_int_equal(q->on_source_digest, POLICY_DIGEST_PASS);
	assert_true(q->artifacts_pass);
}

static void
test_digest(void **state)
{
	static const struct {
		const char *text;
		bool same;
	} cases[] = {
	    {"repository: docker.io/a\nkeep: [/b]\n", true},
	    {"# c\n\nkeep:\n  - /b\nrepository: ghcr.io/x\ntags: [a]\n", true},
	    {"repository: docker.io/a\nkeep: [/c]\n", false},
	    {"repository: docker.io/a\nkeep: [/b]\ndrop: [/d]\n", false},
	    {"repository: docker.io/a\nkeep: [package: b]\n", false},
	    {"repository: docker.io/a\nkeep: [/b]\nconfig: {user: a}\n", false},
	    {"repository: docker.io/a\nkeep: [/b]\naudit: {fail_on: [shell]}\n",
		false},
	};
	struct digest first, d;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_policy struct policy *p = load_text(cases[i].text);

		policy_digest(p, i == 0 ? &first : &d);
		if (i > 0 && digest_equal(&first, &d) != cases[i].same)
			fail_msg("%s", cases[i].text);
	}
}

static void
test_parse_refuses(void **state)
{
	auto_policy struct policy *p = load_text(full);
	size_t len, i;
	auto_free char *text = policy_format(p, &len);
	static const struct {
		const char *from, *to;
	} cases[] = {
	    {"\"/b\"", "\"b\"\x20"},
	    {"\"shell\"", "\"shelf\""},
	    {"\"file\"", "\"fill\""},
	    {"\"cmd\":null", "\"cmd\":1234"},
	    {"\"A\":null", "\"A\":[12]"},
	    {"\"/a-*/b\"", "\"/a-[/b\""},
	    {"{\"path\":\"/c\"", "{\"pats\":\"/c\""},
	    {"\"user\":\"999:999\"", "\"usex\":\"999:999\""},
	    {"\"a*\"", "\"a[\""},
	    {"\"/bin/su\"", "\"/bi\\u00n\""},
	};

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_free char *bad = mem_strdup(text);
		char *at = strstr(bad, cases[i].from);
		struct policy *q = NULL;
		struct err e;

		assert_non_null(at);
		memcpy(at, cases[i].to, strlen(cases[i].to));
		if (policy_parse(bad, len, &q, &e) != -1)
			fail_msg("%s", cases[i].to);
		assert_null(q);
	}
}

/* Every key of the tables stands in the manual page. */
static void
test_manual(void **state)
{
	static const char *const keys[] = {"repository", "source", "tags",
	    "platforms", "include", "keep", "drop", "config", "audit",
	    "on_source_digest", "description", "package", "entrypoint", "cmd",
	    "user", "workdir", "env", "labels", "stop_signal", "healthcheck",
	    "test", "interval", "timeout", "start_period", "retries", "fail_on",
	    "exceptions", "path", "reason"};
	auto_free char *path = source_path("man/winnow-policy.5");
	auto_free char *text = read_text(path);
	const char *const *names;
	size_t i, count;

	(void)state;
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		auto_free char *item = mem_printf(".It Ic %s", keys[i]);

		if (strstr(text, item) == NULL)
			fail_msg("%s", keys[i]);
	}
	names = policy_categories(&count);
	for (i = 0; i < count; i++) {
		auto_free char *item = mem_printf(".It Cm %s\n", names[i]);

		if (strstr(text, item) == NULL)
			fail_msg("%s", names[i]);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bad_files),
	    cmocka_unit_test(test_shipped),
	    cmocka_unit_test(test_guess),
	    cmocka_unit_test(test_guess_package),
	    cmocka_unit_test(test_find),
	    cmocka_unit_test(test_folder_mistakes),
	    cmocka_unit_test(test_reachable),
	    cmocka_unit_test(test_format),
	    cmocka_unit_test(test_digest),
	    cmocka_unit_test(test_parse_refuses),
	    cmocka_unit_test(test_manual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
