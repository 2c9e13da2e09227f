/*
 * list_closure BLOB...: the closure of each ELF file of an image whose layers
 * are these blobs (named by their SHA-256), lowest first.  One line each:
 *
 *	elf PATH		the file that the next lines are about
 *	need NAME PATH		it, or what it needs, loads NAME from PATH
 *	missing NAME		it, or what it needs, does not find NAME
 *
 * separated by tabs, names escaped.  What programs open by themselves is left
 * out: a loader does not list it.
 */
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "winnow/closure.h"
#include "winnow/err.h"
#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/path.h"

static void
die(const char *blob, const struct err *e)
{
	fprintf(stderr, "list_closure: %s: %s\n", blob, e->message);
	exit(1);
}

static void
print_field(const char *prefix, const char *text)
{
	auto_strbuf struct strbuf escaped;

	strbuf_init(&escaped, SIZE_MAX);
	path_escape(text, &escaped);
	printf("%s%s", prefix, strbuf_string(&escaped));
}

static void
need(void *arg, const struct tree_node *by, struct tree_node *needed,
    const char *path, const char *name)
{
	(void)arg;
	(void)by;
	(void)needed;
	print_field("need\t", name);
	print_field("\t", path);
	putchar('\n');
}

static void
missing(void *arg, const struct tree_node *by, const char *name, bool required)
{
	(void)arg;
	(void)by;
	(void)required;
	print_field("missing\t", name);
	putchar('\n');
}

/* The loader says of what it does not find that it ignores it. */
static void
preload(void *arg, const struct closure_preload *p)
{
	if (p->needed != NULL)
		need(arg, p->by, p->needed, p->path, p->name);
}

static void
print_closures(const struct tree *t)
{
	static const struct closure_callbacks callbacks = {
	    .need = need, .missing = missing, .preload = preload};
	struct closure_env env = {0};
	struct closure *c;
	auto_strbuf struct strbuf path;
	size_t len = 0;
	uint32_t i;

	env.preload_file = tree_content(t, CLOSURE_PRELOAD_FILE, &len);
	c = closure_new(t, &env);
	strbuf_init(&path, LIMIT_PATH);
	for (i = 0; i < tree_count(t); i++) {
		struct tree_node *n = tree_at(t, i);

		if (tree_node_type(n) != ENTRY_FILE || n->entry->elf == NULL)
			continue;
		tree_node_path(n, &path);
		print_field("elf\t/", strbuf_string(&path));
		putchar('\n');
		closure_run(c, n, &callbacks);
	}
	closure_free(c);
}

static struct layer_index *
read_layer(const char *blob)
{
	auto_fd int fd = open(blob, O_RDONLY | O_CLOEXEC);
	struct blob_source source = {.fd = fd, .progress_fd = -1};
	struct layer_index *index;
	struct stat st;
	struct err e;
	uint32_t i;
	auto_free char *digest = mem_printf("sha256:%s", path_base(blob));

	if (fd == -1 || fstat(fd, &st) == -1) {
		perror(blob);
		exit(1);
	}
	source.size = (uint64_t)st.st_size;
	if (digest_parse(digest, &source.digest, &e) == -1 ||
	    layer_index_read(&source, NULL, NULL, &index, &e) == -1)
		die(blob, &e);
	for (i = 0; i < index->count; i++)
		if (index->entries[i].elf != NULL)
			index->entries[i].elf->dlopen_count = 0;
	return index;
}

int
main(int argc, char **argv)
{
	auto_free struct layer_index **layers =
	    mem_zalloc((size_t)argc, sizeof(*layers));
	struct tree *t = tree_new();
	struct err e;
	int i;

	setlocale(LC_CTYPE, "C.UTF-8");
	for (i = 1; i < argc; i++) {
		layers[i] = read_layer(argv[i]);
		if (tree_add_layer(t, layers[i], &e) == -1)
			die(argv[i], &e);
	}
	tree_finish(t);
	print_closures(t);
	tree_free(t);
	for (i = 1; i < argc; i++)
		layer_index_free(layers[i]);
	return 0;
}
