/* selection: what rules keep and why, and the plans of layers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <elf.h>

#include "fixture.h"
#include "winnow/mem.h"
#include "winnow/selection.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MAX_RULES 4
#define DIR ENTRY_DIRECTORY
#define LINK ENTRY_SYMLINK

/* The ELF files of the trees below. */
static char soname_a[] = "liba.so.1", soname_b[] = "libb.so.1",
	    soname_none[] = "libnone.so", loader_path[] = "/lib/ld.so",
	    runpath_opt[] = "/opt/lib";
static char *needs_a[] = {soname_a}, *needs_b[] = {soname_b},
	    *needs_none[] = {soname_none};
#define ELF_X86 \
	.bits = 64, .machine = EM_X86_64, .type = ET_DYN, .dynamic = true
static struct elf_facts elf_program = {
    ELF_X86, .interpreter = loader_path, .needed = needs_a, .needed_count = 1};
static struct elf_facts elf_opt_program = {ELF_X86, .interpreter = loader_path,
    .needed = needs_b, .needed_count = 1, .runpath = runpath_opt};
static struct elf_facts elf_a = {
    ELF_X86, .soname = soname_a, .needed = needs_b, .needed_count = 1};
static struct elf_facts elf_plain = {ELF_X86};
static struct elf_facts elf_plugin = {
    ELF_X86, .needed = needs_none, .needed_count = 1};
static struct elf_facts elf_broken = {ELF_X86, .interpreter = loader_path,
    .needed = needs_none, .needed_count = 1};

static const struct fixture_entry image[] = {
    {.type = LINK, .path = "bin", .link = "usr/bin"},
    {.type = LINK, .path = "lib", .link = "usr/lib"},
    {.type = DIR, .path = "usr"},
    {.path = "usr/bin/x", .elf = &elf_program},
    {.path = "usr/bin/o", .elf = &elf_opt_program},
    {.path = "usr/bin/broken", .elf = &elf_broken},
    {.path = "usr/bin/script", .content = "#!/bin/sh\n"},
    {.type = LINK, .path = "usr/bin/alt", .link = "/etc/alternatives/alt"},
    {.type = LINK, .path = "etc/alternatives/alt", .link = "/bin/script"},
    {.type = LINK, .path = "etc/dangling", .link = "nowhere"},
    {.type = LINK, .path = "etc/loop1", .link = "loop2"},
    {.type = LINK, .path = "etc/loop2", .link = "loop1"},
    {.type = LINK, .path = "etc/dir", .link = "../var/../srv/data"},
    {.type = DIR, .path = "var/empty"},
    {.path = "srv/data/one"},
    {.path = "srv/data/two"},
    {.path = "usr/lib/ld.so", .elf = &elf_plain},
    {.type = LINK, .path = "usr/lib/liba.so.1", .link = "liba.so.1.0"},
    {.path = "usr/lib/liba.so.1.0", .elf = &elf_a},
    {.path = "usr/lib/libb.so.1", .elf = &elf_plain},
    {.path = "opt/lib/libb.so.1", .elf = &elf_plain},
    {.path = "usr/lib/plugin.so", .elf = &elf_plugin},
    {.path = "opt/libnone.so", .elf = &elf_plain},
    {.path = "etc/preload.real", .content = "/opt/libnone.so libgone.so\n"},
    {.type = LINK,
	.path = "etc/ld.so.preload",
	.link = "../../bin/../../etc/preload.real"},
};

/* Kept nodes: Rule, Needed, Link, Parent, Database, Config. */
static const char letters[] = "?RNLPDC";

struct test_case {
	const char *name;
	const char *keep[MAX_RULES]; /* "@NAME" is a package */
	const char *drop[MAX_RULES];
	const char *dirs[MAX_RULES];
	const char *expected; /* " R path" each, then "\n! warning" each */
};

static const struct test_case cases[] = {
    {"a file", {"/srv/data/one"}, {NULL}, {NULL},
	" P  P srv P srv/data R srv/data/one"},
    {"a directory alone, and its contents", {"/srv/data", "/var/*"}, {NULL},
	{NULL}, " P  P srv R srv/data P var R var/empty"},
    {"a program: libraries, the link, the interpreter", {"/usr/bin/x"}, {NULL},
	{NULL},
	" P  N lib P usr P usr/bin R usr/bin/x P usr/lib N usr/lib/ld.so"
	" N usr/lib/liba.so.1 N usr/lib/liba.so.1.0 N usr/lib/libb.so.1"},
    {"the prefix leads through a link", {"/bin/scr?pt"}, {NULL}, {NULL},
	" P  P bin L usr L usr/bin R usr/bin/script"},
    {"a literal path through a link, no interpreter of scripts",
	{"/bin/script"}, {NULL}, {NULL},
	" P  P bin L usr L usr/bin R usr/bin/script"},
    {"links are kept with their chain", {"/usr/bin/alt"}, {NULL}, {NULL},
	" P  L bin L etc L etc/alternatives L etc/alternatives/alt"
	" L usr L usr/bin R usr/bin/alt L usr/bin/script"},
    {"a link to a directory brings the directory alone", {"/etc/d?r"}, {NULL},
	{NULL}, " P  P etc R etc/dir L srv L srv/data L var"},
    {"links in the middle are not walked", {"/etc/**/one"}, {NULL}, {NULL},
	"no keep rule of test.yaml matches anything in the image"},
    {"links that lead nowhere: a warning where named",
	{"/etc/dangling", "/etc/loop?"}, {NULL}, {NULL},
	" P  P etc R etc/dangling R etc/loop1 R etc/loop2"
	"\n! test.yaml:1: keep /etc/dangling is a symbolic link that leads"
	" nowhere in the image"},
    {"a link that leads nowhere, and nothing, of a set",
	{"%/etc/dangling", "%/no/*"}, {"%/nor/this"}, {NULL},
	" P  P etc R etc/dangling"},
    {"a link that leads nowhere, of several alternatives",
	{"/etc/{dangling,none}"}, {NULL}, {NULL},
	" P  P etc R etc/dangling"
	"\n! test.yaml:1: keep /etc/dangling is a symbolic link that leads"
	" nowhere in the image"},
    {"rules that match nothing", {"/srv/data/one", "/no/*", "@none"},
	{"/nor/this"}, {NULL},
	" P  P srv P srv/data R srv/data/one"
	"\n! test.yaml:1: drop /nor/this matches nothing in the image"
	"\n! test.yaml:2: keep /no/* matches nothing in the image"
	"\n! test.yaml:3: keep package none matches nothing in the image"},
    {"drop, with the parents", {"/srv/**", "/var/empty"}, {"/srv/data/**"},
	{NULL}, " P  P srv R srv/data P var R var/empty"},
    {"drop of all that came through a link", {"/bin/script", "/var/empty"},
	{"/bin/s*"}, {NULL}, " P  P var R var/empty"},
    {"drop of a directory with kept contents does nothing", {"/srv/data/one"},
	{"/srv/data"}, {NULL},
	" P  P srv P srv/data R srv/data/one"
	"\n! test.yaml:1: drop /srv/data removes nothing: what it names is a"
	" directory with kept contents"},
    {"drop of a library that is needed", {"/usr/bin/x"}, {"/lib/libb*"}, {NULL},
	"test.yaml:1 drop /lib/libb* removes /usr/lib/libb.so.1, which "
	"/usr/lib/liba.so.1.0 needs (needed by usr/bin/x (test.yaml:1 keep "
	"/usr/bin/x))"},
    {"drop of a link's target", {"/usr/bin/alt"}, {"/usr/bin/script"}, {NULL},
	"test.yaml:1 drop /usr/bin/script removes /usr/bin/script, which "
	"/usr/bin/alt needs (test.yaml:1 keep /usr/bin/alt)"},
    {"a plugin without its library is a warning", {"/usr/lib/plugin.so"},
	{NULL}, {NULL},
	" P  P usr P usr/lib R usr/lib/plugin.so"
	"\n! /usr/lib/plugin.so needs libnone.so, which its loader does not "
	"find in the image (test.yaml:1 keep /usr/lib/plugin.so)"},
    {"a plugin whose library its program brings",
	{"/usr/lib/plugin.so", "/opt/libnone.so"}, {NULL}, {NULL},
	" P  P opt R opt/libnone.so P usr P usr/lib R usr/lib/plugin.so"},
    {"a program without its library too", {"/usr/bin/broken"}, {NULL}, {NULL},
	" P  N lib P usr P usr/bin R usr/bin/broken P usr/lib N usr/lib/ld.so"
	"\n! /usr/bin/broken needs libnone.so, which its loader does not "
	"find in the image (test.yaml:1 keep /usr/bin/broken)"},
    {"a runpath leads elsewhere", {"/usr/bin/o"}, {NULL}, {NULL},
	" P  N lib P opt P opt/lib N opt/lib/libb.so.1 P usr P usr/bin"
	" R usr/bin/o P usr/lib N usr/lib/ld.so"},
    {"directories of the config", {"/srv/data/one"}, {NULL},
	{"/bin/../var/empty/", "/etc/dir/a/b", "/etc/dir/a", "/new"},
	" C  C etc C etc/dir C srv C srv/data R srv/data/one C var C var/empty"
	"\n+ srv/data/a\n+ srv/data/a/b\n+ new"},
    {"directories of the config that are none", {"/srv/data/one"}, {NULL},
	{"/srv/data/two", "/etc/dangling/x"},
	" P  P srv P srv/data R srv/data/one"
	"\n! the directory /srv/data/two of the image's config is not kept: "
	"/srv/data/two is none"
	"\n! the directory /etc/dangling/x of the image's config is not kept: "
	"/etc/dangling is none"},
};

static void
add_rules(struct policy_rule **rules, size_t *count, const char *const *texts)
{
	struct err e;
	size_t i;

	*rules = mem_zalloc(MAX_RULES, sizeof(**rules));
	for (i = 0; i < MAX_RULES && texts[i] != NULL; i++) {
		struct policy_rule *rule = &(*rules)[(*count)++];

		rule->origin = mem_printf("test.yaml:%zu", i + 1);
		/* A set's begin with a percent sign. */
		rule->from_set = texts[i][0] == '%';
		if (texts[i][0] == '@') {
			rule->kind = POLICY_PACKAGE;
			rule->text = mem_strdup(texts[i] + 1);
			continue;
		}
		rule->text = mem_strdup(texts[i] + rule->from_set);
		if (glob_compile(rule->text, &rule->glob, NULL, &e) != 0)
			fail_msg("%s", e.message);
	}
}

static void
free_rules(struct policy_rule *rules, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		free(rules[i].origin);
		free(rules[i].text);
		if (rules[i].glob != NULL)
			glob_free(rules[i].glob);
	}
	free(rules);
}

static void
make_policy(struct policy *p, const char *const *keep, const char *const *drop)
{
	static char name[] = "test.yaml";

	memset(p, 0, sizeof(*p));
	p->file = name;
	add_rules(&p->keep, &p->keep_count, keep);
	add_rules(&p->drop, &p->drop_count, drop);
}

static void
clear_policy(struct policy *p)
{
	free_rules(p->keep, p->keep_count);
	free_rules(p->drop, p->drop_count);
}

/* What is kept and why, the directories to make, and the warnings. */
static void
write_selection(const struct selection *s, struct strbuf *out)
{
	auto_strbuf struct strbuf path;
	uint32_t i;

	strbuf_init(&path, 1000);
	for (i = 0; i < tree_count(s->tree); i++) {
		if (!selection_keeps(s, tree_at(s->tree, i)))
			continue;
		tree_node_path(tree_at(s->tree, i), &path);
		strbuf_add_format(out, " %c %s", letters[s->nodes[i].reason],
		    strbuf_string(&path));
	}
	for (i = 0; i < s->made_dir_count; i++)
		strbuf_add_format(out, "\n+ %s", s->made_dirs[i]);
	for (i = 0; i < s->warning_count; i++)
		strbuf_add_format(out, "\n! %s", s->warnings[i]);
}

static bool
check_case(const struct tree *t, const struct test_case *test)
{
	struct selection_config dirs = {.paths = NULL};
	auto_selection struct selection *s = NULL;
	auto_strbuf struct strbuf got;
	char *paths[MAX_RULES];
	struct policy p;
	struct err e;
	bool equal;

	for (; dirs.count < MAX_RULES && test->dirs[dirs.count] != NULL;)
		paths[dirs.count] = mem_strdup(test->dirs[dirs.count]),
		dirs.count++;
	dirs.paths = paths;
	strbuf_init(&got, 10000);
	make_policy(&p, test->keep, test->drop);
	if (selection_make(t, &p, &dirs, &s, &e) == 0)
		write_selection(s, &got);
	else
		strbuf_add_string(&got, e.message);
	while (dirs.count > 0)
		free(paths[--dirs.count]);
	clear_policy(&p);
	equal = strcmp(strbuf_string(&got), test->expected) == 0;
	if (!equal)
		print_error("%s:\n%s\nis not:\n%s\n", test->name,
		    strbuf_string(&got), test->expected);
	return equal;
}

static void
test_cases(void **state)
{
	struct layer_index *layer = fixture_layer(image, COUNT(image));
	auto_tree struct tree *t = fixture_tree(layer);
	size_t i, failed = 0;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		failed += !check_case(t, &cases[i]);
	assert_int_equal(failed, 0);
	fixture_free_layer(layer);
}

/* Selects by these rules or fails. */
static struct selection *
select_all(const struct tree *t, const struct policy *p)
{
	struct selection *s = NULL;
	struct err e;

	if (selection_make(t, p, NULL, &s, &e) != 0)
		fail_msg("%s", e.message);
	return s;
}

static void
test_explain(void **state)
{
	static const char *const keep[MAX_RULES] = {"/bin/x", "/usr/bin/alt"};
	static const char *const drop[MAX_RULES] = {"/srv/**"};
	static const struct {
		const char *path, *expected;
	} explained[] = {
	    {"usr/bin/x", "test.yaml:1 keep /bin/x"},
	    {"usr/lib/libb.so.1",
		"needed by usr/lib/liba.so.1.0 (needed by usr/bin/x "
		"(test.yaml:1 keep /bin/x))"},
	    {"bin", "link on the way to usr/bin/x (test.yaml:1 keep /bin/x)"},
	    {"usr/bin/script",
		"target of the link usr/bin/alt (test.yaml:2 keep "
		"/usr/bin/alt)"},
	    {"usr/lib",
		"parent of usr/lib/ld.so (needed by usr/bin/x (test.yaml:1 "
		"keep /bin/x))"},
	    {"srv/data", "dropped by test.yaml:1 drop /srv/**"},
	    {"opt", "not kept"},
	};
	struct layer_index *layer = fixture_layer(image, COUNT(image));
	auto_tree struct tree *t = fixture_tree(layer);
	auto_selection struct selection *s = NULL;
	struct policy p;
	size_t i;

	(void)state;
	make_policy(&p, keep, drop);
	s = select_all(t, &p);
	assert_int_equal(s->rule_matches[0], 1);
	assert_int_equal(s->rule_matches[1], 1);
	for (i = 0; i < COUNT(explained); i++) {
		auto_strbuf struct strbuf why;

		strbuf_init(&why, 1000);
		selection_explain(s, fixture_node(t, explained[i].path), &why);
		assert_string_equal(strbuf_string(&why), explained[i].expected);
	}
	clear_policy(&p);
	fixture_free_layer(layer);
}

/* What the config's LD_PRELOAD names, and a name that no program finds. */
static void
test_preload(void **state)
{
	static const char *const keep[MAX_RULES] = {"/bin/o", "/bin/broken"};
	static const char *const drop[MAX_RULES] = {NULL};
	static const struct selection_config config = {
	    .env = {.library_path = "/opt",
		.preload = "liba.so.1:/opt/lib/libb.so.1 gone.so"}};
	struct layer_index *layer = fixture_layer(image, COUNT(image));
	auto_tree struct tree *t = fixture_tree(layer);
	auto_selection struct selection *s = NULL;
	auto_strbuf struct strbuf out;
	struct policy p;
	struct err e;

	(void)state;
	strbuf_init(&out, 10000);
	make_policy(&p, keep, drop);
	assert_int_equal(selection_make(t, &p, &config, &s, &e), 0);
	write_selection(s, &out);
	/* Without a soname opt's libb is not the one that liba needs. */
	assert_string_equal(strbuf_string(&out),
	    " P  P bin N lib P opt P opt/lib N opt/lib/libb.so.1"
	    " N opt/libnone.so L usr L usr/bin R usr/bin/broken R usr/bin/o"
	    " P usr/lib N usr/lib/ld.so N usr/lib/liba.so.1"
	    " N usr/lib/liba.so.1.0 N usr/lib/libb.so.1"
	    "\n! LD_PRELOAD of the image's config names gone.so, which the"
	    " loader of /usr/bin/broken does not find in the image");
	strbuf_clear(&out);
	strbuf_init(&out, 10000);
	selection_explain(s, fixture_node(t, "opt/lib/libb.so.1"), &out);
	assert_string_equal(strbuf_string(&out),
	    "named by LD_PRELOAD, needed by usr/bin/broken (test.yaml:2 keep "
	    "/bin/broken)");
	clear_policy(&p);
	fixture_free_layer(layer);
}

/* /etc/ld.so.preload counts where it, and what it leads to, is kept. */
static void
test_preload_file(void **state)
{
	static const char *const none[MAX_RULES] = {NULL};
	static const struct {
		const char *keep[MAX_RULES];
		const char *expected;
	} wanted[] = {
	    {{"/bin/o", "/etc/ld.so.preload"},
		"named by /etc/ld.so.preload, needed by usr/bin/o "
		"(test.yaml:1 keep /bin/o)"},
	    {{"/bin/o", "/etc/*.real"}, "not kept"},
	    {{"/bin/o"}, "not kept"},
	    {{"/srv/data/one", "/etc/ld.so.preload"}, "not kept"},
	};
	struct layer_index *layer = fixture_layer(image, COUNT(image));
	auto_tree struct tree *t = fixture_tree(layer);
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(wanted); i++) {
		auto_selection struct selection *s = NULL;
		auto_strbuf struct strbuf why;
		struct policy p;
		struct err e;

		strbuf_init(&why, 1000);
		make_policy(&p, wanted[i].keep, none);
		assert_int_equal(selection_make(t, &p, NULL, &s, &e), 0);
		selection_explain(s, fixture_node(t, "opt/libnone.so"), &why);
		assert_string_equal(strbuf_string(&why), wanted[i].expected);
		assert_int_equal(s->warning_count, i == 0);
		if (i == 0)
			assert_string_equal(s->warnings[0],
			    "/etc/ld.so.preload names libgone.so, which the "
			    "loader of /usr/bin/o does not find in the image");
		clear_policy(&p);
	}
	fixture_free_layer(layer);
}

/* A link to a file whose contents the index does not have. */
static void
test_preload_file_unread(void **state)
{
	static const char *const none[MAX_RULES] = {NULL};
	static const char *const keep[MAX_RULES] = {
	    "/usr/bin/o", "/etc/ld.so.preload"};
	static const char *const others[MAX_RULES] = {
	    "/usr/bin/o", "/opt/preload"};
	static const struct fixture_entry entries[] = {
	    {.path = "usr/bin/o", .elf = &elf_plain},
	    {.path = "opt/preload"},
	    {.type = LINK,
		.path = "etc/ld.so.preload",
		.link = "../../opt/preload"},
	};
	struct layer_index *layer = fixture_layer(entries, COUNT(entries));
	auto_tree struct tree *t = fixture_tree(layer);
	auto_selection struct selection *s = NULL, *without = NULL;
	struct policy p;
	struct err e;

	(void)state;
	make_policy(&p, keep, none);
	assert_int_equal(selection_make(t, &p, NULL, &s, &e), 0);
	assert_int_equal(s->warning_count, 1);
	assert_string_equal(s->warnings[0],
	    "/etc/ld.so.preload leads to /opt/preload, whose contents winnow "
	    "does not have: keep the libraries that it names");
	clear_policy(&p);
	make_policy(&p, others, none);
	assert_int_equal(selection_make(t, &p, NULL, &without, &e), 0);
	assert_int_equal(without->warning_count, 0);
	clear_policy(&p);
	fixture_free_layer(layer);
}

/* What a drop rule takes from a preloading program: the way out is named. */
static void
test_preload_dropped(void **state)
{
	static const char *const keep[MAX_RULES] = {"/bin/o"};
	static const char *const keep_file[MAX_RULES] = {
	    "/bin/o", "/etc/ld.so.preload"};
	static const char *const drop[MAX_RULES] = {"/opt/libnone.so"};
	static const struct selection_config config = {
	    .env = {.preload = "/opt/libnone.so"}};
	struct layer_index *layer = fixture_layer(image, COUNT(image));
	auto_tree struct tree *t = fixture_tree(layer);
	struct selection *s = NULL;
	struct policy p;
	struct err e;

	(void)state;
	make_policy(&p, keep, drop);
	assert_int_equal(selection_make(t, &p, &config, &s, &e), -1);
	assert_string_equal(e.message,
	    "test.yaml:1 drop /opt/libnone.so removes /opt/libnone.so, which "
	    "LD_PRELOAD of the image's config has /usr/bin/o load: change that "
	    "under config, env: {LD_PRELOAD: null} (test.yaml:1 keep /bin/o)");
	clear_policy(&p);
	make_policy(&p, keep_file, drop);
	assert_int_equal(selection_make(t, &p, NULL, &s, &e), -1);
	assert_string_equal(e.message,
	    "test.yaml:1 drop /opt/libnone.so removes /opt/libnone.so, which "
	    "/etc/ld.so.preload has /usr/bin/o load: drop that file too "
	    "(test.yaml:1 keep /bin/o)");
	clear_policy(&p);
	fixture_free_layer(layer);
}

/* A package brings its files but no documentation; the database is cut. */
static void
test_packages(void **state)
{
	static const struct fixture_entry files[] = {
	    {.path = "etc/os-release"},
	    {.path = "usr/bin/x"},
	    {.path = "usr/bin/y"},
	    {.path = "usr/share/doc/x/README"},
	    {.path = "usr/share/doc/x/copyright"},
	    {.path = "usr/share/x/data"},
	    {.path = "var/lib/dpkg/status",
		.content = "Package: x\nStatus: install ok installed\n"
			   "Architecture: all\nVersion: 1\n\n"
			   "Package: y\nStatus: install ok installed\n"
			   "Architecture: all\nVersion: 2\n"},
	    {.path = "var/lib/dpkg/info/x.list",
		.content = "/usr/bin/x\n/usr/share/x/data\n"
			   "/usr/share/doc/x/README\n"
			   "/usr/share/doc/x/copyright\n"},
	    {.path = "var/lib/dpkg/info/y.list", .content = "/usr/bin/y\n"},
	};
	static const char *const keep[MAX_RULES] = {"@x"};
	static const char *const drop[MAX_RULES] = {"/usr/share/**"};
	struct layer_index *layer = fixture_layer(files, COUNT(files));
	auto_tree struct tree *t = fixture_tree(layer);
	auto_selection struct selection *s = NULL;
	struct layer_index *plan;
	const struct selection_node *status;
	struct policy p;
	uint32_t i;

	(void)state;
	make_policy(&p, keep, drop);
	s = select_all(t, &p);
	assert_true(selection_keeps(s, fixture_node(t, "usr/bin/x")));
	assert_false(selection_keeps(s, fixture_node(t, "usr/bin/y")));
	assert_false(selection_keeps(s, fixture_node(t, "usr/share/x/data")));
	assert_true(selection_keeps(s, fixture_node(t, "etc/os-release")));
	assert_false(
	    selection_keeps(s, fixture_node(t, "usr/share/doc/x/README")));
	/* A drop rule takes no licence away. */
	assert_true(
	    selection_keeps(s, fixture_node(t, "usr/share/doc/x/copyright")));
	status = &s->nodes[fixture_node(t, "var/lib/dpkg/status")->number];
	assert_int_equal(status->reason, SELECTION_DATABASE);
	assert_non_null(strstr(status->content, "Package: x"));
	assert_null(strstr(status->content, "Package: y"));
	selection_plan_layer(s, 0, &plan);
	for (i = 0; i < plan->count; i++) {
		const struct layer_entry *entry = &plan->entries[i];

		if (strcmp(entry->path, "var/lib/dpkg/status") != 0)
			continue;
		assert_int_equal(entry->size, status->content_len);
		assert_int_equal(entry->ordinal, LAYER_NO_ORDINAL);
		assert_memory_equal(
		    entry->content, status->content, status->content_len);
	}
	layer_index_free(plan);
	clear_policy(&p);
	fixture_free_layer(layer);
}

/* An rpm database stays as far as rules name it, and the report says so. */
static void
test_rpm(void **state)
{
	static const struct fixture_entry files[] = {
	    {.path = "usr/bin/x"}, {.path = "var/lib/rpm/rpmdb.sqlite"}};
	static const char *const keep[][MAX_RULES] = {
	    {"/usr/bin/x"}, {"/usr/bin/x", "/var/lib/rpm/**"}};
	static const char *const drop[MAX_RULES] = {NULL};
	struct layer_index *layer = fixture_layer(files, COUNT(files));
	auto_tree struct tree *t = fixture_tree(layer);
	struct policy p;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(keep); i++) {
		auto_selection struct selection *s = NULL;

		make_policy(&p, keep[i], drop);
		s = select_all(t, &p);
		assert_int_equal(
		    selection_keeps(
			s, fixture_node(t, "var/lib/rpm/rpmdb.sqlite")),
		    i == 1);
		assert_int_equal(s->warning_count, 1);
		assert_non_null(strstr(s->warnings[0], "an rpm database"));
		clear_policy(&p);
	}
	fixture_free_layer(layer);
}

/* One line per entry: type, mode, path, and where a link leads. */
static void
write_plan(const struct selection *s, uint32_t layer, struct strbuf *out)
{
	struct layer_index *plan;
	uint32_t i;

	strbuf_reset(out);
	selection_plan_layer(s, layer, &plan);
	for (i = 0; i < plan->count; i++) {
		const struct layer_entry *entry = &plan->entries[i];

		strbuf_add_format(out, "%s %o /%s",
		    entry_type_name(entry->type), entry->mode, entry->path);
		if (entry->link != NULL)
			strbuf_add_format(out, " -> %s", entry->link);
		if (entry->xattr_count > 0)
			strbuf_add_format(out, " %s", entry->xattrs[0].name);
		if (entry->ordinal != LAYER_NO_ORDINAL)
			strbuf_add_format(out, " #%u", entry->ordinal);
		strbuf_add_char(out, '\n');
	}
	layer_index_free(plan);
}

static const struct fixture_entry base_layer[] = {
    {.type = DIR, .path = "", .mode = 0711},
    {.type = DIR, .path = "a", .mode = 0700},
    {.path = "a/old"},
    {.path = "a/first"},
    {.path = "a/gone"},
    {.path = "a/b/link0"},
    {.type = ENTRY_HARDLINK, .path = "a/b/link1", .link = "a/b/link0"},
    {.type = ENTRY_HARDLINK, .path = "a/b/link2", .link = "a/b/link0"},
};
static const struct fixture_entry middle_layer[] = {
    {.path = "a/unused"},
};
static const struct fixture_entry top_layer[] = {
    {.type = DIR, .path = "a", .mode = 0750},
    {.path = "a/old", .mode = 0600, .xattr = "user.x"},
    {.type = ENTRY_WHITEOUT, .path = "a/gone"},
    {.type = DIR, .path = "z", .mode = 0500},
};

static void
test_plans(void **state)
{
	static const char *const keep[MAX_RULES] = {
	    "/a/{old,first,gone}", "/a/b/link[12]", "/z"};
	static const char *const drop[MAX_RULES] = {NULL};
	static char dir[] = "/a/c/d", *paths[] = {dir};
	static const struct selection_config dirs = {
	    .paths = paths, .count = 1};
	struct layer_index *layers[] = {
	    fixture_layer(base_layer, COUNT(base_layer)),
	    fixture_layer(middle_layer, COUNT(middle_layer)),
	    fixture_layer(top_layer, COUNT(top_layer))};
	auto_tree struct tree *t = tree_new();
	auto_selection struct selection *s = NULL;
	auto_strbuf struct strbuf out;
	struct policy p;
	struct err e;
	size_t i;

	(void)state;
	strbuf_init(&out, 10000);
	for (i = 0; i < COUNT(layers); i++)
		assert_int_equal(tree_add_layer(t, layers[i], &e), 0);
	tree_finish(t);
	make_policy(&p, keep, drop);
	assert_int_equal(selection_make(t, &p, &dirs, &s, &e), 0);
	/* The directory as it was then; one made for a/b. */
	write_plan(s, 0, &out);
	assert_string_equal(strbuf_string(&out),
	    "directory 711 /\ndirectory 700 /a\ndirectory 755 /a/b\n"
	    "file 644 /a/b/link1 #5\nhard link 644 /a/b/link2 -> a/b/link1\n"
	    "file 644 /a/first #3\n");
	write_plan(s, 1, &out);
	assert_string_equal(strbuf_string(&out), "");
	/* Made directories in their place. */
	write_plan(s, 2, &out);
	assert_string_equal(strbuf_string(&out),
	    "directory 711 /\ndirectory 750 /a\ndirectory 755 /a/c\n"
	    "directory 755 /a/c/d\nfile 600 /a/old user.x #1\n"
	    "directory 500 /z\n");
	clear_policy(&p);
	for (i = 0; i < COUNT(layers); i++)
		fixture_free_layer(layers[i]);
}

static const struct fixture_entry implying_layer[] = {
    {.path = "a/b/c/file"},
};
static const struct fixture_entry other_layer[] = {
    {.path = "x"},
};

/* A rule names a directory that no entry stands for. */
static void
test_plan_of_implied_directory(void **state)
{
	static const char *const keep[MAX_RULES] = {"/a/b", "/x"};
	static const char *const drop[MAX_RULES] = {NULL};
	struct layer_index *layers[] = {
	    fixture_layer(implying_layer, COUNT(implying_layer)),
	    fixture_layer(other_layer, COUNT(other_layer))};
	auto_tree struct tree *t = tree_new();
	auto_selection struct selection *s = NULL;
	auto_strbuf struct strbuf out;
	struct policy p;
	struct err e;
	size_t i;

	(void)state;
	strbuf_init(&out, 10000);
	for (i = 0; i < COUNT(layers); i++)
		assert_int_equal(tree_add_layer(t, layers[i], &e), 0);
	tree_finish(t);
	make_policy(&p, keep, drop);
	assert_int_equal(selection_make(t, &p, NULL, &s, &e), 0);
	write_plan(s, 0, &out);
	assert_string_equal(strbuf_string(&out),
	    "directory 755 /\ndirectory 755 /a\ndirectory 755 /a/b\n");
	write_plan(s, 1, &out);
	assert_string_equal(
	    strbuf_string(&out), "directory 755 /\nfile 644 /x #0\n");
	clear_policy(&p);
	for (i = 0; i < COUNT(layers); i++)
		fixture_free_layer(layers[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cases),
	    cmocka_unit_test(test_explain),
	    cmocka_unit_test(test_preload),
	    cmocka_unit_test(test_preload_file),
	    cmocka_unit_test(test_preload_file_unread),
	    cmocka_unit_test(test_preload_dropped),
	    cmocka_unit_test(test_packages),
	    cmocka_unit_test(test_rpm),
	    cmocka_unit_test(test_plans),
	    cmocka_unit_test(test_plan_of_implied_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
