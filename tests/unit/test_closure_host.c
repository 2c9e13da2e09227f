/* closure: this machine's programs, compared with what its loader says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <fts.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "winnow/closure.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

#define LOADER "/lib64/ld-linux-x86-64.so.2"
#define PROGRAMS "usr/bin"
/* Keeps the test under some seconds on a machine with many programs. */
#define MAX_PROGRAMS 300
#define MAX_ENV_PROGRAMS 50

struct path_list {
	char **paths;
	size_t count;
	size_t capacity;
};

static void
add_path(struct path_list *list, const char *path, size_t len)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (strlen(list->paths[i]) == len &&
		    memcmp(list->paths[i], path, len) == 0)
			return;
	list->paths = mem_grow(
	    list->paths, list->count, &list->capacity, sizeof(*list->paths));
	list->paths[list->count++] = mem_strndup(path, len);
}

static void
clear_paths(struct path_list *list)
{
	while (list->count > 0)
		free(list->paths[--list->count]);
	free(list->paths);
	memset(list, 0, sizeof(*list));
}

static bool
holds(const struct path_list *list, const char *path)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (strcmp(list->paths[i], path) == 0)
			return true;
	return false;
}

/* Reads the ELF facts of a file, or its contents if it configures ld.so. */
static void
read_file(
    struct layer_index *index, struct layer_entry *entry, const char *path)
{
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	struct err e;
	void *image;

	if (fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0)
		return;
	image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (image == MAP_FAILED)
		return;
	if (strncmp(path, "/etc/", 5) == 0) {
		entry->size = entry->content_len = (uint64_t)st.st_size;
		entry->content =
		    arena_strndup(index->arena, image, (size_t)st.st_size);
	} else if (elf_is_magic(image, (size_t)st.st_size) &&
	    elf_read(image, (size_t)st.st_size, &entry->elf, &e) != 0) {
		entry->elf = NULL;
	}
	/* ld.so --list does not open what programs open by themselves. */
	if (entry->elf != NULL)
		entry->elf->dlopen_count = 0;
	munmap(image, (size_t)st.st_size);
}

static void
add_host_file(struct layer_index *index, const FTSENT *f)
{
	struct layer_entry *entry;
	char target[LIMIT_PATH];
	ssize_t len;

	if (f->fts_info != FTS_F && f->fts_info != FTS_SL &&
	    f->fts_info != FTS_SLNONE)
		return;
	entry = layer_index_add(index);
	entry->path = arena_strndup(
	    index->arena, f->fts_path + 1, strlen(f->fts_path) - 1);
	if (f->fts_info == FTS_F) {
		if (strncmp(f->fts_path, "/etc/", 5) == 0 ||
		    strncmp(f->fts_path, "/usr/bin/", 9) == 0 ||
		    strstr(f->fts_name, ".so") != NULL)
			read_file(index, entry, f->fts_path);
		return;
	}
	len = readlink(f->fts_path, target, sizeof(target));
	assert_in_range(len, 1, sizeof(target) - 1);
	entry->type = ENTRY_SYMLINK;
	entry->link = arena_strndup(index->arena, target, (size_t)len);
}

/* The part of this machine where programs and libraries are. */
static struct layer_index *
read_host(void)
{
	static char paths[][32] = {"/bin", "/lib", "/lib32", "/lib64",
	    "/libx32", "/etc/ld.so.cache", "/etc/ld.so.conf",
	    "/etc/ld.so.conf.d", "/etc/alternatives", "/usr/bin", "/usr/lib",
	    "/usr/lib32", "/usr/lib64", "/usr/libx32", "/usr/local/lib"};
	char *list[sizeof(paths) / sizeof(paths[0]) + 1] = {NULL};
	struct layer_index *index = layer_index_new();
	FTSENT *f;
	FTS *fts;
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		list[i] = paths[i];
	fts = fts_open(list, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	assert_non_null(fts);
	while ((f = fts_read(fts)) != NULL)
		add_host_file(index, f);
	fts_close(fts);
	return index;
}

/* Everything that the loader prints; false when it cannot say. */
static bool
run_loader(
    const char *program, const struct closure_env *env, struct strbuf *out)
{
	char loader[] = LOADER, list[] = "--list";
	auto_free char *path = mem_strdup(program);
	auto_free char *dirs = mem_printf("LD_LIBRARY_PATH=%s",
	    env->library_path == NULL ? "" : env->library_path);
	auto_free char *preload = mem_printf(
	    "LD_PRELOAD=%s", env->preload == NULL ? "" : env->preload);
	char *argv[] = {loader, list, path, NULL};
	char *envp[] = {dirs, preload, NULL};
	posix_spawn_file_actions_t actions;
	char bytes[4096];
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(
	    &actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	assert_int_equal(
	    posix_spawn(&pid, LOADER, &actions, NULL, argv, envp), 0);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	while ((n = read(fds[0], bytes, sizeof(bytes))) > 0)
		strbuf_add(out, bytes, (size_t)n);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/*
 * Adds a path that was loaded.  A variant for this CPU stands for the plain
 * library, of which this test cannot tell whether the CPU would use it.
 */
static void
add_loaded(struct path_list *list, const char *path, size_t len)
{
	static const char below[] = "/glibc-hwcaps/";
	auto_free char *copy = mem_strndup(path, len);
	auto_free char *plain = NULL;
	const char *caps = strstr(copy, below), *rest;

	if (strcmp(copy, LOADER) == 0)
		return;
	if (caps == NULL) {
		add_path(list, copy, len);
		return;
	}
	rest = strchr(caps + strlen(below), '/');
	assert_non_null(rest);
	plain = mem_printf("%.*s%s", (int)(caps - copy), copy, rest);
	add_path(list, plain, strlen(plain));
}

/* "\tNAME => PATH (ADDRESS)", "\tPATH (ADDRESS)" or "\tNAME => not found". */
static void
parse_list(const char *text, struct path_list *out)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		auto_free char *line = mem_strndup(text, len);
		const char *arrow = strstr(line, " => "), *end;
		const char *path = arrow == NULL ? line + 1 : arrow + 4;

		end = strstr(path, " (0x");
		if (path[0] == '/' && end != NULL)
			add_loaded(out, path, (size_t)(end - path));
		else if (arrow != NULL)
			add_path(out, line + 1, (size_t)(arrow - line) - 1);
		text += len + (text[len] == '\n');
	}
}

struct host_run {
	struct path_list paths;
	bool *seen; /* by node number */
};

static void
need(void *arg, const struct tree_node *by, struct tree_node *needed,
    const char *path, const char *name)
{
	struct host_run *run = arg;

	(void)by;
	(void)name;
	if (run->seen[needed->number])
		return;
	run->seen[needed->number] = true;
	add_loaded(&run->paths, path, strlen(path));
}

static void
missing(void *arg, const struct tree_node *by, const char *name, bool required)
{
	struct host_run *run = arg;

	(void)by;
	(void)required;
	add_path(&run->paths, name, strlen(name));
}

/* What is not found is not listed. */
static void
preload(void *arg, const struct closure_preload *p)
{
	if (p->needed != NULL)
		need(arg, p->by, p->needed, p->path, p->name);
}

/* Prints what only one of the two names; returns how many. */
static size_t
print_differences(const char *program, const char *who,
    const struct path_list *a, const struct path_list *b)
{
	size_t i, count = 0;

	for (i = 0; i < a->count; i++) {
		if (holds(b, a->paths[i]))
			continue;
		print_error(
		    "%s: only %s names %s\n", program, who, a->paths[i]);
		count++;
	}
	return count;
}

static size_t
compare_program(const struct tree *t, const struct closure_env *env,
    struct closure *c, struct tree_node *n)
{
	auto_free char *program =
	    mem_printf("/" PROGRAMS "/%.*s", (int)n->name_len, n->name);
	auto_free bool *seen = mem_zalloc(tree_count(t), sizeof(bool));
	struct host_run run = {.seen = seen};
	struct closure_callbacks callbacks = {need, missing, preload, &run};
	struct path_list listed = {NULL, 0, 0};
	auto_strbuf struct strbuf out;
	size_t differences = 0;

	strbuf_init(&out, 1u << 20);
	if (run_loader(program, env, &out)) {
		parse_list(strbuf_string(&out), &listed);
		closure_run(c, n, &callbacks);
		differences =
		    print_differences(program, "winnow", &run.paths, &listed) +
		    print_differences(program, "ld.so", &listed, &run.paths);
	}
	clear_paths(&run.paths);
	clear_paths(&listed);
	return differences;
}

static bool
is_program(const struct tree_node *n)
{
	return n->name[0] >= 'g' && n->name[0] <= 'p' &&
	    tree_node_type(n) == ENTRY_FILE && n->entry->elf != NULL &&
	    n->entry->elf->interpreter != NULL &&
	    strcmp(n->entry->elf->interpreter, LOADER) == 0;
}

/* Compares up to `max` programs; returns how many, adds to *differences. */
static size_t
compare_programs(const struct tree *t, const struct closure_env *env,
    size_t max, size_t *differences)
{
	auto_closure struct closure *c = closure_new(t, env);
	struct tree_node *n = tree_resolve(t, NULL, PROGRAMS, 0, NULL, NULL);
	size_t programs = 0;

	assert_non_null(n);
	for (n = n->first; n != NULL && programs < max; n = n->next) {
		/* --list lists for setuid programs what they would ignore. */
		if (!is_program(n) || (n->entry->mode & 06000) != 0)
			continue;
		programs++;
		*differences += compare_program(t, env, c, n);
	}
	return programs;
}

static void
test_host(void **state)
{
	static const struct closure_env none = {NULL, NULL, NULL};
	/* Libraries of the default directories, now found by other paths. */
	static const struct closure_env set = {
	    .library_path = ":/not:/usr/lib/$LIB;/usr/$LIB/;rel:$ORIGIN",
	    .preload = " libm.so.6:/lib/$LIB/gone.so "
		       "/usr/bin/../$LIB/libz.so.1 libgone.so"};
	struct layer_index *index;
	struct tree *t;
	struct err e;
	size_t programs = 0, differences = 0;
	uint32_t i;

	(void)state;
	if (access(LOADER, X_OK) != 0)
		skip();
	index = read_host();
	t = tree_new();
	assert_int_equal(tree_add_layer(t, index, &e), 0);
	tree_finish(t);
	programs = compare_programs(t, &none, MAX_PROGRAMS, &differences) +
	    compare_programs(t, &set, MAX_ENV_PROGRAMS, &differences);
	print_message("%zu programs compared\n", programs);
	assert_true(programs > 0);
	assert_int_equal(differences, 0);
	tree_free(t);
	for (i = 0; i < index->count; i++)
		if (index->entries[i].elf != NULL)
			elf_facts_free(index->entries[i].elf);
	layer_index_free(index);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
