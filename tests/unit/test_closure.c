/* closure: what loaders open, told from ELF facts made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <elf.h>

#include "ldcache_image.h"
#include "winnow/closure.h"
#include "winnow/mem.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MAX_FILES 16
#define GLIBC "/lib64/ld-linux-x86-64.so.2"
#define DEBIAN "usr/lib/x86_64-linux-gnu/"
#define MUSL "/lib/ld-musl-x86_64.so.1"

/* One entry of a tree: an ELF file, a link, or a file with contents. */
struct file {
	const char *path;
	const char *needed; /* separated by spaces */
	const char *interpreter;
	const char *rpath;
	const char *runpath;
	const char *soname;
	const char *dlopen; /* one entry: "PRIORITY soname soname" */
	const char *link;
	const char *content;
	const char *cache; /* of an ld.so.cache: "NAME=PATH NAME=PATH" */
	uint16_t machine; /* 0: x86-64 */
	uint8_t bits; /* 0: 64 */
	bool big_endian;
	bool nodefaultlib;
	uint32_t mode;
};

/* A Debian, a Fedora and an Alpine, as far as loaders look. */
static const struct file debian[] = {{.path = "lib", .link = "usr/lib"},
    {.path = "lib64", .link = "usr/lib64"},
    {.path = "usr/lib64/ld-linux-x86-64.so.2",
	.link = "../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"},
    {.path = DEBIAN "ld-linux-x86-64.so.2", .soname = "ld-linux-x86-64.so.2"},
    {.path = DEBIAN "libc.so.6",
	.soname = "libc.so.6",
	.needed = "ld-linux-x86-64.so.2",
	.interpreter = GLIBC},
    {.path = "etc/ld.so.conf", .content = "include /etc/ld.so.conf.d/*.conf"},
    {.path = "etc/ld.so.conf.d/libc.conf",
	.content = "# default\n/usr/local/lib # here\n"},
    {.path = "etc/ld.so.conf.d/x.conf",
	.content = "/lib/x86_64-linux-gnu/\n /usr/lib/x86_64-linux-gnu"},
    {.path = "etc/ld.so.conf.d/not", .content = "/not"}, {NULL}};
static const struct file fedora[] = {{.path = "lib64", .link = "usr/lib64"},
    {.path = "usr/lib64/ld-linux-x86-64.so.2",
	.soname = "ld-linux-x86-64.so.2"},
    {NULL}};
static const struct file copied[] = {
    {.path = "lib64/ld-linux-x86-64.so.2"}, {NULL}};
static const struct file alpine[] = {{.path = "lib/ld-musl-x86_64.so.1"},
    {.path = "lib/libc.musl-x86_64.so.1", .link = "ld-musl-x86_64.so.1"},
    {NULL}};
static const struct file empty[] = {{NULL}};

struct test_case {
	const char *name;
	const struct file *base;
	struct file files[MAX_FILES]; /* the first is where the run starts */
	const char *expected;
};

struct env_case {
	struct test_case test;
	struct closure_env env;
};

static char **
split(const char *words, size_t *count)
{
	char **list = mem_zalloc(64, sizeof(*list));

	*count = 0;
	while (words != NULL && *words != '\0') {
		size_t len = strcspn(words, " ");

		list[(*count)++] = mem_strndup(words, len);
		words += len + (words[len] == ' ');
	}
	return list;
}

static struct elf_facts *
make_facts(const struct file *f)
{
	struct elf_facts *facts = mem_zalloc(1, sizeof(*facts));

	facts->bits = f->bits == 0 ? 64 : f->bits;
	facts->machine = f->machine == 0 ? EM_X86_64 : f->machine;
	facts->big_endian = f->big_endian;
	facts->type = ET_DYN;
	facts->dynamic = true;
	facts->interpreter = mem_strdup_optional(f->interpreter);
	facts->soname = mem_strdup_optional(f->soname);
	facts->rpath = mem_strdup_optional(f->rpath);
	facts->runpath = mem_strdup_optional(f->runpath);
	facts->nodefaultlib = f->nodefaultlib;
	facts->needed = split(f->needed, &facts->needed_count);
	if (f->dlopen != NULL) {
		struct elf_dlopen *d = mem_zalloc(1, sizeof(*d));

		facts->dlopens = d;
		facts->dlopen_count = 1;
		d->priority =
		    f->dlopen[0] == 'q' ? ELF_REQUIRED : ELF_SUGGESTED;
		d->sonames = split(f->dlopen + 2, &d->count);
	}
	return facts;
}

static void
free_list(char **list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		free(list[i]);
	free(list);
}

static void
free_facts(struct elf_facts *facts)
{
	if (facts == NULL)
		return;
	free(facts->interpreter);
	free(facts->soname);
	free(facts->rpath);
	free(facts->runpath);
	free_list(facts->needed, facts->needed_count);
	if (facts->dlopens != NULL)
		free_list(facts->dlopens->sonames, facts->dlopens->count);
	free(facts->dlopens);
	free(facts);
}

static void
add_cache(
    struct layer_index *index, struct layer_entry *entry, const char *words)
{
	static const struct ldcache_image form = {.old_form = true};
	auto_strbuf struct strbuf bytes;

	strbuf_init(&bytes, 4096);
	ldcache_image_add(&bytes, &form, words);
	entry->size = entry->content_len = bytes.len;
	entry->content = arena_strndup(index->arena, bytes.data, bytes.len);
}

static void
add_file(struct layer_index *index, const struct file *f)
{
	struct layer_entry *entry = layer_index_add(index);

	entry->path = arena_strndup(index->arena, f->path, strlen(f->path));
	entry->mode = f->mode;
	if (f->link != NULL) {
		entry->type = ENTRY_SYMLINK;
		entry->link =
		    arena_strndup(index->arena, f->link, strlen(f->link));
	} else if (f->cache != NULL) {
		add_cache(index, entry, f->cache);
	} else if (f->content != NULL) {
		entry->size = entry->content_len = strlen(f->content);
		entry->content =
		    arena_strndup(index->arena, f->content, strlen(f->content));
	} else {
		entry->elf = make_facts(f);
	}
}

/* Writes what is reported, one line each. */
static void
write_need(void *arg, const struct tree_node *by, struct tree_node *needed,
    const char *path, const char *name)
{
	auto_strbuf struct strbuf real;

	(void)name;
	strbuf_init(&real, 1000);
	tree_node_path(needed, &real);
	strbuf_add_format(arg, "%.*s: %s", (int)by->name_len, by->name, path);
	if (strcmp(strbuf_string(&real), path + 1) != 0)
		strbuf_add_format(arg, " = %s", strbuf_string(&real));
	strbuf_add_char(arg, '\n');
}

static void
write_preload(void *arg, const struct closure_preload *p)
{
	strbuf_add_string(
	    arg, p->origin[0] == '/' ? "file preload " : "preload ");
	if (p->needed != NULL)
		write_need(arg, p->by, p->needed, p->path, p->name);
	else
		strbuf_add_format(arg, "%.*s: no %s\n", (int)p->by->name_len,
		    p->by->name, p->name);
}

static void
write_missing(
    void *arg, const struct tree_node *by, const char *name, bool required)
{
	strbuf_add_format(arg, "%.*s: no %s%s\n", (int)by->name_len, by->name,
	    name, required ? "" : "?");
}

/* Runs the closure of the first file over all; the report as text. */
static char *
run(const struct test_case *test, const struct closure_env *env)
{
	const struct file *base = test->base, *files = test->files;
	const char *root = files->path;
	struct layer_index *index = layer_index_new();
	struct tree *t = tree_new();
	struct closure *c;
	struct strbuf out;
	struct closure_callbacks callbacks = {
	    write_need, write_missing, write_preload, &out};
	struct err e;
	uint32_t i;

	for (; base->path != NULL; base++)
		add_file(index, base);
	for (; files->path != NULL; files++)
		add_file(index, files);
	assert_int_equal(tree_add_layer(t, index, &e), 0);
	tree_finish(t);
	c = closure_new(t, env);
	strbuf_init(&out, 10000);
	closure_run(c, tree_resolve(t, NULL, root, 0, NULL, NULL), &callbacks);
	strbuf_add_string(&out, "");
	closure_free(c);
	tree_free(t);
	for (i = 0; i < index->count; i++)
		free_facts(index->entries[i].elf);
	layer_index_free(index);
	return strbuf_steal(&out);
}

static const struct test_case cases[] = {
    {"static", debian, {{.path = "bin/x"}}, ""},
    {"interpreter, default directory, loader by its soname", debian,
	{{.path = "bin/x", .needed = "libc.so.6", .interpreter = GLIBC}},
	"x: " GLIBC " = " DEBIAN "ld-linux-x86-64.so.2\n"
	"x: /lib/x86_64-linux-gnu/libc.so.6 = " DEBIAN "libc.so.6\n"
	"libc.so.6: " GLIBC " = " DEBIAN "ld-linux-x86-64.so.2\n"},
    {"missing interpreter and library", empty,
	{{.path = "bin/x", .needed = "libz.so.1", .interpreter = GLIBC}},
	"x: no " GLIBC "\nx: no libz.so.1\n"},
    {"ld.so.conf before the default, only cached names there", debian,
	{{.path = "bin/x", .needed = "libz.so.1 z.so"},
	    {.path = "usr/local/lib/libz.so.1"}, {.path = DEBIAN "libz.so.1"},
	    {.path = "usr/local/lib/z.so"}, {.path = "usr/lib/z.so"}},
	"x: /usr/local/lib/libz.so.1\nx: /lib/z.so = usr/lib/z.so\n"},
    {"ld.so.cache: what it names, not what ld.so.conf does", debian,
	{{.path = "bin/x",
	     .needed = "liba.so libb.so libc.so.6",
	     .interpreter = GLIBC},
	    {.path = "usr/local/lib/libb.so"}, {.path = "opt/liba.so"},
	    {.path = "etc/ld.so.cache",
		.cache = "liba.so=/gone/liba.so liba.so=/opt/liba.so "
			 "libc.so.6=/lib/x86_64-linux-gnu/libc.so.6"}},
	"x: " GLIBC " = " DEBIAN "ld-linux-x86-64.so.2\n"
	"x: /opt/liba.so\nx: /etc/ld.so.cache\nx: no libb.so\n"
	"x: /lib/x86_64-linux-gnu/libc.so.6 = " DEBIAN "libc.so.6\n"
	"libc.so.6: " GLIBC " = " DEBIAN "ld-linux-x86-64.so.2\n"},
    {"ld.so.cache: variants and the first for every CPU", debian,
	{{.path = "bin/x", .needed = "liba.so libz.so", .interpreter = GLIBC},
	    {.path = "usr/lib/liba.so"}, {.path = "b/liba.so"},
	    {.path = "b/glibc-hwcaps/x86-64-v3/liba.so"},
	    {.path = "usr/lib/libz.so"},
	    {.path = "etc/ld.so.cache",
		.cache = "liba.so=/b/glibc-hwcaps/x86-64-v3/liba.so? "
			 "liba.so=/b/liba.so liba.so=/usr/lib/liba.so"}},
	"x: " GLIBC " = " DEBIAN "ld-linux-x86-64.so.2\n"
	"x: /b/liba.so\nx: /b/glibc-hwcaps/x86-64-v3/liba.so\n"
	"x: /etc/ld.so.cache\nx: /lib/libz.so = usr/lib/libz.so\n"},
    {"ld.so.cache: not in built-in directories with nodefaultlib", debian,
	{{.path = "bin/x",
	     .needed = "liba.so libb.so",
	     .nodefaultlib = true,
	     .interpreter = GLIBC},
	    {.path = "usr/lib/liba.so"}, {.path = "b/libb.so"},
	    {.path = "etc/ld.so.cache",
		.cache = "liba.so=/usr/lib/liba.so libb.so=/b/libb.so"}},
	"x: " GLIBC " = " DEBIAN "ld-linux-x86-64.so.2\n"
	"x: no liba.so\nx: /b/libb.so\nx: /etc/ld.so.cache\n"},
    {"ld.so.conf: only *.conf; multiarch before /usr/lib", debian,
	{{.path = "bin/x", .needed = "libn.so libm.so"},
	    {.path = "not/libn.so"}, {.path = "usr/lib/libm.so"},
	    {.path = DEBIAN "libm.so"}},
	"x: no libn.so\n"
	"x: /lib/x86_64-linux-gnu/libm.so = " DEBIAN "libm.so\n"},
    {"ld.so.conf: order of includes, loops, comments, old forms", empty,
	{{.path = "bin/x", .needed = "liba.so libb.so libc.so libd.so"},
	    {.path = "etc/ld.so.conf",
		.content = "include  d/b.conf\td/[a].conf no/*.conf\n"
			   "include ld.so.conf\nhwcap 1 /d\n\n"
			   "  /c/=libc6 # /d\n# /d\nrelative\n"},
	    {.path = "etc/d/a.conf", .content = "/a\n"},
	    {.path = "etc/d/b.conf", .content = "/b"}, {.path = "a/liba.so"},
	    {.path = "b/liba.so"}, {.path = "a/libb.so"}, {.path = "c/libb.so"},
	    {.path = "c/libc.so"}, {.path = "d/libd.so"}},
	"x: /b/liba.so\nx: /a/libb.so\nx: /c/libc.so\nx: no libd.so\n"},
    {"lib64 where the interpreter lies, not lib", fedora,
	{{.path = "bin/x", .needed = "liba.so libb.so"},
	    {.path = "usr/lib64/liba.so"}, {.path = "usr/lib/libb.so"}},
	"x: /lib64/liba.so = usr/lib64/liba.so\nx: no libb.so\n"},
    {"a Debian loader copied to lib64 is told by its libraries", copied,
	{{.path = "x", .needed = "liba.so", .interpreter = GLIBC},
	    {.path = "lib/x86_64-linux-gnu/liba.so"}},
	"x: /lib64/ld-linux-x86-64.so.2\n"
	"x: /lib/x86_64-linux-gnu/liba.so\n"},
    {"rpath is inherited", empty,
	{{.path = "bin/x", .needed = "liba.so", .rpath = "/opt/a:/opt/b"},
	    {.path = "opt/a/liba.so", .needed = "libb.so"},
	    {.path = "opt/b/libb.so"}},
	"x: /opt/a/liba.so\nliba.so: /opt/b/libb.so\n"},
    {"runpath is not inherited", empty,
	{{.path = "bin/x", .needed = "liba.so", .runpath = "/opt/a:/opt/b"},
	    {.path = "opt/a/liba.so", .needed = "libb.so"},
	    {.path = "opt/b/libb.so"}},
	"x: /opt/a/liba.so\nliba.so: no libb.so\n"},
    {"a runpath hides rpaths, its own and inherited ones", empty,
	{{.path = "bin/x", .needed = "liba.so", .rpath = "/opt/a:/opt/b"},
	    {.path = "opt/a/liba.so",
		.needed = "libb.so libc.so",
		.rpath = "/opt/b",
		.runpath = "/opt/c"},
	    {.path = "opt/b/libb.so"}, {.path = "opt/c/libc.so"}},
	"x: /opt/a/liba.so\nliba.so: no libb.so\nliba.so: /opt/c/libc.so\n"},
    {"the nearest rpath wins, any rpath wins over the default", empty,
	{{.path = "bin/x", .needed = "liba.so", .rpath = "/opt/a"},
	    {.path = "opt/a/liba.so", .needed = "libb.so", .rpath = "/opt/b"},
	    {.path = "opt/a/libb.so"}, {.path = "opt/b/libb.so"},
	    {.path = "lib/libb.so"}},
	"x: /opt/a/liba.so\nliba.so: /opt/b/libb.so\n"},
    {"what is loaded is not searched again", empty,
	{{.path = "bin/x", .needed = "liba.so libb.so", .runpath = "/opt"},
	    {.path = "opt/liba.so", .needed = "libb.so libb.so.1 liba.so"},
	    {.path = "opt/libb.so", .soname = "libb.so.1", .needed = "liba.so"},
	    {.path = "lib/libb.so"}},
	"x: /opt/liba.so\nx: /opt/libb.so\nliba.so: /opt/libb.so\n"
	"libb.so: /opt/liba.so\n"},
    {"$ORIGIN is where a library was opened", debian,
	{{.path = "opt/x/bin/x",
	     .needed = "liba.so",
	     .runpath = "relative::$ORIGIN/../lib"},
	    {.path = "opt/x/lib", .link = "/opt/real"},
	    {.path = "opt/real/liba.so",
		.needed = "libb.so",
		.rpath = "${ORIGIN}/b"},
	    {.path = "opt/real/b/libb.so"}},
	"x: /opt/x/bin/../lib/liba.so = opt/real/liba.so\n"
	"liba.so: /opt/x/bin/../lib/b/libb.so = opt/real/b/libb.so\n"},
    {"$LIB and $PLATFORM", debian,
	{{.path = "bin/x",
	     .needed = "liba.so libb.so libc.so",
	     .runpath = "/opt/$LIB:/opt/${PLATFORM}/:/opt/$LIBS"},
	    {.path = "opt/lib/x86_64-linux-gnu/liba.so"},
	    {.path = "opt/x86_64/libb.so"},
	    {.path = "opt/lib/x86_64-linux-gnuS/libc.so"}},
	"x: /opt/lib/x86_64-linux-gnu/liba.so\nx: /opt/x86_64/libb.so\n"
	"x: no libc.so\n"},
    {"$LIB of Fedora", fedora,
	{{.path = "bin/x", .needed = "liba.so", .runpath = "/opt/$LIB"},
	    {.path = "opt/lib64/liba.so"}},
	"x: /opt/lib64/liba.so\n"},
    {"hwcaps variants with the library for every CPU", debian,
	{{.path = "bin/x", .needed = "liba.so libb.so", .runpath = "/opt"},
	    {.path = "opt/glibc-hwcaps/x86-64-v3/liba.so", .needed = "libc.so"},
	    {.path = "opt/glibc-hwcaps/x86-64-v9/liba.so"},
	    {.path = "opt/liba.so"},
	    {.path = "usr/local/lib/glibc-hwcaps/x86-64-v4/liba.so"},
	    {.path = DEBIAN "glibc-hwcaps/x86-64-v2/libb.so"},
	    {.path = "usr/local/lib/libb.so"}, {.path = "opt/libc.so"},
	    {.path = "usr/lib/libc.so"}},
	"x: /opt/liba.so\nx: /opt/glibc-hwcaps/x86-64-v3/liba.so\n"
	"x: /usr/local/lib/libb.so\n"
	"x: /lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v2/libb.so = " DEBIAN
	"glibc-hwcaps/x86-64-v2/libb.so\n"
	"liba.so: /lib/libc.so = usr/lib/libc.so\n"},
    {"other machines, classes and byte orders are skipped", empty,
	{{.path = "bin/x", .needed = "liba.so", .runpath = "/1:/2:/3:/4:/5"},
	    {.path = "1/liba.so", .bits = 32, .machine = EM_386},
	    {.path = "2/liba.so", .machine = EM_AARCH64},
	    {.path = "3/liba.so", .content = "GROUP ( libc.so.6 )"},
	    {.path = "4/liba.so", .big_endian = true}, {.path = "5/liba.so"}},
	"x: /5/liba.so\n"},
    {"big-endian, multiarch guessed", empty,
	{{.path = "bin/x",
	     .needed = "liba.so",
	     .machine = EM_S390,
	     .big_endian = true},
	    {.path = "lib/s390x-linux-gnu/liba.so",
		.machine = EM_S390,
		.big_endian = true}},
	"x: /lib/s390x-linux-gnu/liba.so\n"},
    {"a name with a slash is a path", empty,
	{{.path = "opt/x",
	     .needed = "/opt/liba.so $ORIGIN/libb.so",
	     .rpath = "/lib"},
	    {.path = "opt/liba.so"}, {.path = "opt/libb.so"}},
	"x: /opt/liba.so\nx: /opt/libb.so\n"},
    {"no default libraries", debian,
	{{.path = "bin/x",
	     .needed = "liba.so libb.so z.so",
	     .nodefaultlib = true},
	    {.path = "usr/lib/liba.so"}, {.path = "usr/local/lib/libb.so"},
	    {.path = "usr/lib/z.so"}},
	"x: no liba.so\nx: /usr/local/lib/libb.so\nx: no z.so\n"},
    {"one file by two names is loaded once", empty,
	{{.path = "bin/x", .needed = "liba.so libb.so"},
	    {.path = "lib/liba.so", .needed = "libd.so"},
	    {.path = "lib/libb.so", .link = "liba.so"}},
	"x: /lib/liba.so\nx: /lib/libb.so = lib/liba.so\nliba.so: no "
	"libd.so\n"},
    {"dlopen notes: the first that is there, after all that is needed", empty,
	{{.path = "bin/x", .needed = "liba.so", .dlopen = "s libz.so libd.so"},
	    {.path = "lib/liba.so", .needed = "libb.so", .dlopen = "q libn.so"},
	    {.path = "lib/libb.so", .dlopen = "s libn.so libm.so"},
	    {.path = "lib/libd.so", .needed = "liba.so"}},
	"x: /lib/liba.so\nliba.so: /lib/libb.so\nx: /lib/libd.so\n"
	"libd.so: /lib/liba.so\nliba.so: no libn.so\nlibb.so: no libn.so?\n"},
    {"musl: own names, its directories", alpine,
	{{.path = "bin/x",
	     .needed = "libc.musl-x86_64.so.1 libz.so libm.so",
	     .interpreter = MUSL},
	    {.path = "usr/local/lib/libz.so"}, {.path = "usr/lib/libz.so"}},
	"x: " MUSL "\nx: /usr/local/lib/libz.so\n"},
    {"musl: the path file", alpine,
	{{.path = "bin/x", .needed = "liba.so libb.so", .interpreter = MUSL},
	    {.path = "etc/ld-musl-x86_64.path", .content = "/a\n/b:/c\n"},
	    {.path = "lib/liba.so"}, {.path = "c/libb.so"}},
	"x: " MUSL "\nx: no liba.so\nx: /c/libb.so\n"
	"x: /etc/ld-musl-x86_64.path\n"},
    {"musl: a runpath is inherited, a runpath goes before an rpath", alpine,
	{{.path = "opt/x",
	     .needed = "liba.so",
	     .interpreter = MUSL,
	     .rpath = "/not",
	     .runpath = "$ORIGIN/lib"},
	    {.path = "opt/lib/liba.so", .needed = "libb.so", .runpath = "/c"},
	    {.path = "opt/lib/libb.so"}},
	"x: " MUSL "\nx: /opt/lib/liba.so\nliba.so: /opt/lib/libb.so\n"},
    {"musl: sonames and $LIB mean nothing", alpine,
	{{.path = "bin/x",
	     .needed = "liba.so libb.so",
	     .interpreter = MUSL,
	     .runpath = "/$LIB/x"},
	    {.path = "lib/liba.so", .soname = "libb.so"},
	    {.path = "lib/x/libb.so"}},
	"x: " MUSL "\nx: /lib/liba.so\nx: no libb.so\n"},
    {"musl: a library opened at run time", alpine,
	{{.path = "opt/x.so", .needed = "liba.so libc.musl-x86_64.so.1"},
	    {.path = "lib/liba.so", .needed = "libc.so"}},
	"x.so: /lib/liba.so\nx.so: " MUSL "\nliba.so: " MUSL "\n"},
    {"glibc: a library opened at run time", debian,
	{{.path = "opt/x.so", .needed = "libc.so.6"}},
	"x.so: /lib/x86_64-linux-gnu/libc.so.6 = " DEBIAN "libc.so.6\n"
	"libc.so.6: " GLIBC " = " DEBIAN "ld-linux-x86-64.so.2\n"},
};

static const struct env_case env_cases[] = {
    {{"LD_LIBRARY_PATH: after an rpath", copied,
	 {{.path = "bin/x",
	      .needed = "liba.so libb.so",
	      .interpreter = GLIBC,
	      .rpath = "/r"},
	     {.path = "r/liba.so"}, {.path = "e/liba.so"},
	     {.path = "e/libb.so"}, {.path = "lib64/libb.so"}},
	 "x: " GLIBC "\nx: /r/liba.so\nx: /e/libb.so\n"},
	{.library_path = "/e"}},
    {{"LD_LIBRARY_PATH: before a runpath, which hides no such path", copied,
	 {{.path = "bin/x",
	      .needed = "liba.so",
	      .interpreter = GLIBC,
	      .runpath = "/r"},
	     {.path = "r/liba.so"}, {.path = "e/liba.so", .needed = "libb.so"},
	     {.path = "e/libb.so"}},
	 "x: " GLIBC "\nx: /e/liba.so\nliba.so: /e/libb.so\n"},
	{.library_path = "/e"}},
    {{"LD_LIBRARY_PATH: before ld.so.cache, which is not needed then", copied,
	 {{.path = "bin/x", .needed = "liba.so", .interpreter = GLIBC},
	     {.path = "c/liba.so"}, {.path = "e/liba.so"},
	     {.path = "etc/ld.so.cache", .cache = "liba.so=/c/liba.so"}},
	 "x: " GLIBC "\nx: /e/liba.so\n"},
	{.library_path = "/e"}},
    {{"LD_LIBRARY_PATH: hwcaps", copied,
	 {{.path = "bin/x", .needed = "liba.so", .interpreter = GLIBC},
	     {.path = "e/glibc-hwcaps/x86-64-v3/liba.so"},
	     {.path = "e/liba.so"}},
	 "x: " GLIBC "\nx: /e/liba.so\n"
	 "x: /e/glibc-hwcaps/x86-64-v3/liba.so\n"},
	{.library_path = "/e"}},
    {{"LD_LIBRARY_PATH: separators, empty and relative elements, tokens",
	 copied,
	 {{.path = "opt/bin/x",
	      .needed = "liba.so libb.so libc.so libd.so",
	      .interpreter = GLIBC},
	     {.path = "liba.so"}, {.path = "rel/liba.so"},
	     {.path = "e/libb.so"}, {.path = "opt/lib/libc.so"},
	     {.path = "p/x86_64/libd.so"}},
	 "x: " GLIBC "\nx: no liba.so\nx: /e/libb.so\n"
	 "x: /opt/bin/../lib/libc.so = opt/lib/libc.so\n"
	 "x: /p/x86_64/libd.so\n"},
	{.library_path = ":rel;/e/::$ORIGIN/../lib;/p/$PLATFORM:"}},
    {{"setuid: neither LD_LIBRARY_PATH nor LD_PRELOAD", copied,
	 {{.path = "bin/x",
	      .needed = "liba.so",
	      .interpreter = GLIBC,
	      .mode = 04755},
	     {.path = "e/liba.so"}, {.path = "lib64/libp.so"}},
	 "x: " GLIBC "\nx: no liba.so\n"},
	{.library_path = "/e", .preload = "libp.so"}},
    {{"setgid: neither", copied,
	 {{.path = "bin/x",
	      .needed = "liba.so",
	      .interpreter = GLIBC,
	      .mode = 02755},
	     {.path = "e/liba.so"}, {.path = "lib64/libp.so"}},
	 "x: " GLIBC "\nx: no liba.so\n"},
	{.library_path = "/e", .preload = "libp.so"}},
    {{"a library: LD_LIBRARY_PATH but for $ORIGIN, no LD_PRELOAD", copied,
	 {{.path = "opt/x.so", .needed = "liba.so libb.so"},
	     {.path = "e/liba.so"}, {.path = "opt/libb.so"},
	     {.path = "lib64/libp.so"}},
	 "x.so: /e/liba.so\nx.so: no libb.so\n"},
	{.library_path = "$ORIGIN:/e", .preload = "libp.so"}},
    {{"LD_PRELOAD: paths and names, first, what it needs, what is missing",
	 copied,
	 {{.path = "bin/x",
	      .needed = "liba.so libq.so",
	      .interpreter = GLIBC,
	      .runpath = "/r"},
	     {.path = "opt/libp.so", .needed = "libn.so"},
	     {.path = "r/libq.so", .soname = "liba.so"},
	     {.path = "lib64/libn.so"}, {.path = "lib64/liba.so"}},
	 "x: " GLIBC "\npreload x: /opt/libp.so\npreload x: /r/libq.so\n"
	 "preload x: no libz.so\npreload x: no /gone/z.so\n"
	 "libp.so: /lib64/libn.so\n"},
	{.preload = " /opt/libp.so:libq.so  libz.so :/gone/z.so"}},
    {{"LD_PRELOAD: found by LD_LIBRARY_PATH, another class is not", copied,
	 {{.path = "bin/x", .interpreter = GLIBC}, {.path = "e/libp.so"},
	     {.path = "opt/libq.so", .bits = 32, .machine = EM_386}},
	 "x: " GLIBC "\npreload x: /e/libp.so\npreload x: no /opt/libq.so\n"},
	{.library_path = "/e", .preload = "libp.so:/opt/libq.so"}},
    {{"ld.so.preload: after LD_PRELOAD, separators, comments, tokens", copied,
	 {{.path = "bin/x", .needed = "liba.so", .interpreter = GLIBC},
	     {.path = "opt/libp.so", .needed = "libn.so"},
	     {.path = "lib64/libn.so"}, {.path = "lib64/liba.so"},
	     {.path = "lib64/libq.so"}, {.path = "lib64/libr.so"},
	     {.path = "lib64/libc.so"}},
	 "x: " GLIBC "\npreload x: /lib64/libr.so\n"
	 "file preload x: /opt/libp.so\nfile preload x: /lib64/libq.so\n"
	 "file preload x: no libs.so\nx: /lib64/liba.so\n"
	 "libp.so: /lib64/libn.so\n"},
	{.preload = "libr.so",
	    .preload_file = "\n/opt/libp.so\t:/$LIB/libq.so\n"
			    "libr.so libs.so#libc.so"}},
    {{"ld.so.preload: comments in the second half are none for glibc", copied,
	 {{.path = "bin/x", .interpreter = GLIBC}, {.path = "lib64/liba.so"},
	     {.path = "lib64/libc.so"}},
	 "x: " GLIBC "\nfile preload x: /lib64/liba.so\n"
	 "file preload x: no #\nfile preload x: /lib64/libc.so\n"},
	{.preload_file = "liba.so # libc.so\nliba.so # libc.so\n"}},
    {{"ld.so.preload: setuid programs too", copied,
	 {{.path = "bin/x", .interpreter = GLIBC, .mode = 04755},
	     {.path = "opt/libp.so"}},
	 "x: " GLIBC "\nfile preload x: /opt/libp.so\n"},
	{.preload_file = "/opt/libp.so\n"}},
    {{"ld.so.preload: not for a library on its own", copied,
	 {{.path = "opt/x.so"}, {.path = "opt/libp.so"}}, ""},
	{.preload_file = "/opt/libp.so\n"}},
    {{"ld.so.preload: musl does not read it", alpine,
	 {{.path = "bin/x", .interpreter = MUSL}, {.path = "opt/libp.so"}},
	 "x: " MUSL "\n"},
	{.preload_file = "/opt/libp.so\n"}},
    {{"musl: LD_LIBRARY_PATH before RPATHs, without tokens", alpine,
	 {{.path = "bin/x",
	      .needed = "liba.so libb.so libd.so libf.so",
	      .interpreter = MUSL,
	      .rpath = "/r"},
	     {.path = "r/liba.so"}, {.path = "e/liba.so"},
	     {.path = "r/libb.so"}, {.path = "bin/libb.so"},
	     {.path = "f;/g/libd.so"}, {.path = "f/libf.so"}},
	 "x: " MUSL "\nx: /e/liba.so\nx: /r/libb.so\n"
	 "x: /f;/g/libd.so\nx: no libf.so\n"},
	{.library_path = "$ORIGIN:/e:/f;/g"}},
    {{"musl: LD_PRELOAD, not by the program's RPATH", alpine,
	 {{.path = "bin/x", .interpreter = MUSL, .rpath = "/r"},
	     {.path = "r/libp.so"}, {.path = "usr/lib/libq.so"},
	     {.path = "usr/lib/libr.so"}},
	 "x: " MUSL "\npreload x: no libp.so\npreload x: /usr/lib/libq.so\n"
	 "preload x: /usr/lib/libr.so\n"},
	{.preload = "libp.so:libq.so\tlibr.so"}},
};

static size_t
check_case(const struct test_case *test, const struct closure_env *env)
{
	auto_free char *got = run(test, env);

	if (strcmp(got, test->expected) == 0)
		return 0;
	print_error("%s:\n%s\nis not:\n%s\n", test->name, got, test->expected);
	return 1;
}

static void
test_cases(void **state)
{
	size_t i, failed = 0;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		failed += check_case(&cases[i], NULL);
	assert_int_equal(failed, 0);
}

static void
test_env(void **state)
{
	size_t i, failed = 0;

	(void)state;
	for (i = 0; i < COUNT(env_cases); i++)
		failed += check_case(&env_cases[i].test, &env_cases[i].env);
	assert_int_equal(failed, 0);
}

/* The second run must not know what the first one loaded. */
static void
test_runs_are_apart(void **state)
{
	static const struct file files[] = {
	    {.path = "bin/x", .needed = "liba.so", .runpath = "/opt"},
	    {.path = "bin/y", .needed = "liba.so"}, {.path = "opt/liba.so"},
	    {.path = "lib/liba.so"}, {NULL}};
	struct layer_index *index = layer_index_new();
	auto_tree struct tree *t = tree_new();
	struct closure *c;
	auto_strbuf struct strbuf out;
	struct closure_callbacks callbacks = {
	    write_need, write_missing, write_preload, &out};
	struct err e;
	uint32_t i;

	(void)state;
	strbuf_init(&out, 10000);
	for (i = 0; files[i].path != NULL; i++)
		add_file(index, &files[i]);
	assert_int_equal(tree_add_layer(t, index, &e), 0);
	tree_finish(t);
	c = closure_new(t, NULL);
	for (i = 0; i < 3; i++)
		closure_run(c,
		    tree_resolve(
			t, NULL, i == 1 ? "bin/y" : "bin/x", 0, NULL, NULL),
		    &callbacks);
	assert_string_equal(strbuf_string(&out),
	    "x: /opt/liba.so\ny: /lib/liba.so\nx: /opt/liba.so\n");
	closure_free(c);
	for (i = 0; i < index->count; i++)
		free_facts(index->entries[i].elf);
	layer_index_free(index);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cases),
	    cmocka_unit_test(test_env),
	    cmocka_unit_test(test_runs_are_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
