#include "startup.h"

#include <ctype.h>
#include <string.h>

#include "image_config.h"
#include "winnow/closure.h"
#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

/* What runtimes use when the config sets no PATH. */
#define DEFAULT_PATH \
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
/* Linux gives up after as many scripts that interpret scripts. */
#define SCRIPT_DEPTH 5

struct startup {
	const struct selection *selection;
	const struct tree *tree;
	const json_t *config;
	struct closure *closure;
};

/* A program as it was looked for, and what was found. */
struct program {
	const char *name; /* as the config or a script says it */
	const struct tree_node *node; /* kept and executable, or NULL */
	const struct tree_node *lost; /* there, but not kept, or NULL */
};

/* Whether a resolution passes through kept nodes only. */
struct walk {
	const struct selection *selection;
	bool kept;
};

static void
visit_kept(void *arg, struct tree_node *n)
{
	struct walk *w = arg;

	if (!selection_keeps(w->selection, n))
		w->kept = false;
}

static bool
is_executable(const struct tree_node *n)
{
	return tree_node_type(n) == ENTRY_FILE && (n->entry->mode & 0111) != 0;
}

/* Tries one path; true when it settles the search. */
static bool
try_path(const struct startup *s, const char *path, struct program *p)
{
	struct walk w = {.selection = s->selection, .kept = true};
	const struct tree_node *n =
	    tree_resolve(s->tree, NULL, path, 0, visit_kept, &w);

	if (n == NULL || !is_executable(n))
		return false;
	if (!w.kept) {
		if (p->lost == NULL)
			p->lost = n;
		return false;
	}
	p->node = n;
	return true;
}

/* Looks for p->name as execvp(3) in the working directory would. */
static void
find_program(const struct startup *s, struct program *p)
{
	const char *dirs = image_config_env(s->config, "PATH");
	const char *workdir = image_config_string(s->config, "WorkingDir");
	auto_strbuf struct strbuf path;

	strbuf_init(&path, 2 * LIMIT_PATH);
	if (strchr(p->name, '/') != NULL) {
		if (*p->name != '/')
			strbuf_add_format(&path, "/%s/", workdir);
		strbuf_add_string(&path, p->name);
		if (!path.overflow)
			try_path(s, strbuf_string(&path), p);
		return;
	}
	if (dirs == NULL)
		dirs = DEFAULT_PATH;
	while (*p->name != '\0') {
		size_t len = strcspn(dirs, ":");

		strbuf_reset(&path);
		if (len == 0 || *dirs != '/')
			strbuf_add_format(&path, "/%s/", workdir);
		strbuf_add(&path, dirs, len);
		strbuf_add_format(&path, "/%s", p->name);
		if (!path.overflow && try_path(s, strbuf_string(&path), p))
			return;
		if (dirs[len] == '\0')
			return;
		dirs += len + 1;
	}
}

/* The next word of a script's first line, or NULL. */
static char *
next_word(const char **cursor)
{
	const char *start;

	while (**cursor == ' ' || **cursor == '\t')
		++*cursor;
	start = *cursor;
	while (**cursor != '\0' && !isspace((unsigned char)**cursor))
		++*cursor;
	return *cursor == start ? NULL
				: mem_strndup(start, (size_t)(*cursor - start));
}

/*
 * The program that a script's "#!" line names; for env(1) the one that env
 * would start.  NULL when the line is empty.
 */
static char *
script_program(const char *line)
{
	auto_free char *first = next_word(&line);
	char *word;

	if (first == NULL)
		return NULL;
	if (strcmp(first, "/usr/bin/env") != 0 &&
	    strcmp(first, "/bin/env") != 0)
		return steal(&first);
	while ((word = next_word(&line)) != NULL) {
		if (*word != '-' && strchr(word, '=') == NULL)
			return word;
		free(word);
	}
	return steal(&first);
}

/* The first word of the line when it is env(1), which must be kept as well. */
static char *
script_env(const char *line)
{
	auto_free char *first = next_word(&line);

	if (first == NULL ||
	    (strcmp(first, "/usr/bin/env") != 0 &&
		strcmp(first, "/bin/env") != 0))
		return NULL;
	return steal(&first);
}

static int
fail_not_kept(const char *what, const struct program *p, struct err *e)
{
	auto_strbuf struct strbuf path;

	strbuf_init(&path, LIMIT_PATH + 1);
	if (p->lost == NULL)
		return err_set(e, ERR_POLICY,
		    "%s %.200s is not an executable file of the image", what,
		    p->name);
	tree_node_path(p->lost, &path);
	return err_set(e, ERR_POLICY,
	    "%s %.200s is not kept: add \"keep: [/%.300s]\", or set "
	    "config.entrypoint to another program",
	    what, p->name, strbuf_string(&path));
}

static int
fail_script(const char *what, const char *script, const struct program *p,
    struct err *e)
{
	auto_strbuf struct strbuf path;

	strbuf_init(&path, LIMIT_PATH + 1);
	if (p->lost == NULL)
		return err_set(e, ERR_POLICY,
		    "%s %.200s is a script that needs %.200s, which the image "
		    "does not have: set config.entrypoint to a program",
		    what, script, p->name);
	tree_node_path(p->lost, &path);
	return err_set(e, ERR_POLICY,
	    "%s %.200s is a script that needs %.200s, which is not kept: set "
	    "config.entrypoint to a program, or add \"keep: [/%.300s]\"",
	    what, script, p->name, strbuf_string(&path));
}

/* What closure_run() finds wrong with a program. */
struct libraries {
	const struct selection *selection;
	const struct tree_node *by;
	char *name; /* the first library that is missing or not kept */
};

static void
need_library(void *arg, const struct tree_node *by, struct tree_node *needed,
    const char *path, const char *name)
{
	struct libraries *l = arg;

	(void)path;
	if (l->name != NULL || selection_keeps(l->selection, needed))
		return;
	l->by = by;
	l->name = mem_strdup(name);
}

static void
miss_library(
    void *arg, const struct tree_node *by, const char *name, bool required)
{
	struct libraries *l = arg;

	if (l->name != NULL || !required)
		return;
	l->by = by;
	l->name = mem_strdup(name);
}

/* Checks that everything the ELF file loads is kept. */
static int
check_libraries(const struct startup *s, const char *what,
    const struct tree_node *n, struct err *e)
{
	struct libraries l = {.selection = s->selection};
	const struct closure_callbacks callbacks = {
	    .need = need_library, .missing = miss_library, .arg = &l};
	auto_strbuf struct strbuf program, by;
	auto_free char *name = NULL;

	strbuf_init(&program, LIMIT_PATH + 1);
	strbuf_init(&by, LIMIT_PATH + 1);
	closure_run(s->closure, tree_at(s->tree, n->number), &callbacks);
	if (l.name == NULL)
		return 0;
	name = l.name;
	tree_node_path(n, &program);
	tree_node_path(l.by, &by);
	return err_set(e, ERR_POLICY,
	    "%s %.200s cannot load %.100s, which %.200s needs: the library is "
	    "not in the variant",
	    what, strbuf_string(&program), name, strbuf_string(&by));
}

/*
 * From the script *p to the program that runs it.  *interpreter owns the
 * name of that and is replaced.
 */
static int
follow_script(const struct startup *s, const char *what, struct program *p,
    char **interpreter, struct err *e)
{
	auto_free char *env = script_env(p->node->entry->script);
	auto_free char *name = script_program(p->node->entry->script);
	struct program by_env = {.name = env}, next = {.name = name};

	if (name == NULL)
		return err_set(e, ERR_POLICY,
		    "%s %.200s is a script that names no interpreter", what,
		    p->name);
	if (env != NULL)
		find_program(s, &by_env);
	if (env != NULL && by_env.node == NULL)
		return fail_script(what, p->name, &by_env, e);
	find_program(s, &next);
	if (next.node == NULL)
		return fail_script(what, p->name, &next, e);
	free(*interpreter);
	*interpreter = steal(&name);
	*p = next;
	return 0;
}

/*
 * Checks one program and, while it is a script, the program that runs it.
 * *out is what the name leads to.
 */
static int
check_program(const struct startup *s, const char *what, const char *name,
    struct program *out, struct err *e)
{
	auto_free char *interpreter = NULL;
	struct program p = {.name = name};
	int depth;

	find_program(s, &p);
	if (p.node == NULL)
		return fail_not_kept(what, &p, e);
	*out = p;
	for (depth = 0; p.node->entry->script != NULL; depth++) {
		if (depth == SCRIPT_DEPTH)
			return err_set(e, ERR_POLICY,
			    "%s %.200s is a script that is run by a script, "
			    "more than %d times",
			    what, name, SCRIPT_DEPTH);
		if (follow_script(s, what, &p, &interpreter, e) == -1)
			return -1;
	}
	return check_libraries(s, what, p.node, e);
}

/* The command of a container: entrypoint, then cmd; a new reference. */
static json_t *
make_command(const json_t *config)
{
	json_t *command = json_array(), *item;
	size_t i;

	json_array_foreach(image_config_list(config, "Entrypoint"), i, item)
	    json_push(command, json_incref(item));
	json_array_foreach(image_config_list(config, "Cmd"), i, item)
	    json_push(command, json_incref(item));
	return command;
}

static int
check_command(
    const struct startup *s, json_t *report, json_t *warnings, struct err *e)
{
	json_t *command = make_command(s->config);
	auto_strbuf struct strbuf path;
	struct program p = {0};
	const char *what = "cmd";

	strbuf_init(&path, LIMIT_PATH + 1);
	json_put(report, "command", command);
	if (json_array_size(command) == 0) {
		json_push(warnings,
		    json_string("the image has neither entrypoint nor cmd: "
				"it starts only with a command given"));
		return 0;
	}
	if (image_config_list(s->config, "Entrypoint") != NULL)
		what = "entrypoint";
	if (check_program(s, what,
		json_string_value(json_array_get(command, 0)), &p, e) == -1)
		return -1;
	tree_node_path(p.node, &path);
	json_put(report, "program", json_escaped(strbuf_string(&path)));
	if (p.node->entry->script == NULL && p.node->entry->elf == NULL)
		return err_set(e, ERR_POLICY,
		    "%s /%.300s is neither a usable ELF file nor a script: "
		    "set config.%s to a program",
		    what, strbuf_string(&path), what);
	return 0;
}

/* A health check that cannot run is reported; the container starts anyway. */
static void
check_health(const struct startup *s, json_t *warnings)
{
	const json_t *test = json_object_get(
	    json_object_get(
		json_object_get(s->config, "config"), "Healthcheck"),
	    "Test");
	const json_t *shell = image_config_list(s->config, "Shell");
	const char *kind = json_string_value(json_array_get(test, 0));
	const char *name = NULL;
	auto_free char *text = NULL;
	struct program p = {0};

	if (kind != NULL && strcmp(kind, "CMD") == 0)
		name = json_string_value(json_array_get(test, 1));
	else if (kind != NULL && strcmp(kind, "CMD-SHELL") == 0)
		name = shell == NULL
		    ? "/bin/sh"
		    : json_string_value(json_array_get(shell, 0));
	if (name == NULL)
		return;
	p.name = name;
	find_program(s, &p);
	if (p.node != NULL)
		return;
	text = mem_printf("the health check needs %s, which is not kept: set "
			  "config.healthcheck, or keep it",
	    name);
	json_push(warnings, json_escaped(text));
}

/* Checks that a name is in a kept file of accounts; numbers always pass. */
static int
check_account(const struct startup *s, const char *file, const char *name,
    size_t name_len, struct err *e)
{
	struct walk w = {.selection = s->selection, .kept = true};
	const char *text;
	size_t len = 0;

	if (name_len == 0 || isdigit((unsigned char)*name))
		return 0;
	tree_resolve(s->tree, NULL, file, 0, visit_kept, &w);
	text = tree_content(s->tree, file, &len);
	if (text == NULL || !w.kept)
		return err_set(e, ERR_POLICY,
		    "user %.100s is a name, and /%s is not kept: add \"keep: "
		    "[/%s]\", or set config.user to a number",
		    image_config_string(s->config, "User"), file, file);
	if (image_config_account(text, len, name, name_len) == NULL)
		return err_set(e, ERR_POLICY,
		    "config.user: \"%.*s\" is not in the image's /%s",
		    (int)name_len, name, file);
	return 0;
}

static int
check_user(const struct startup *s, json_t *report, struct err *e)
{
	const char *user = image_config_string(s->config, "User");
	size_t len = strcspn(user, ":");

	json_put(report, "user", json_escaped(user));
	if (check_account(s, "etc/passwd", user, len, e) == -1)
		return -1;
	if (user[len] == '\0')
		return 0;
	return check_account(
	    s, "etc/group", user + len + 1, strlen(user + len + 1), e);
}

int
startup_check(const struct selection *selection, const json_t *config,
    json_t *report, json_t *warnings, struct err *e)
{
	auto_closure struct closure *closure = closure_new(selection->tree);
	const struct startup s = {.selection = selection,
	    .tree = selection->tree,
	    .config = config,
	    .closure = closure};

	if (check_command(&s, report, warnings, e) == -1 ||
	    check_user(&s, report, e) == -1)
		return -1;
	check_health(&s, warnings);
	return 0;
}
