#include "startup.h"

#include <ctype.h>
#include <string.h>

#include "image_config.h"
#include "lookup.h"
#include "script.h"
#include "script_calls.h"
#include "winnow/audit.h"
#include "winnow/closure.h"
#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

/* Linux gives up after as many scripts that interpret scripts. */
#define SCRIPT_DEPTH 5

struct startup {
	const struct selection *selection;
	const struct tree *tree;
	const json_t *config;
	struct closure *closure;
	struct lookup lookup;
};

/* What is checked, and what else than keeping it would help. */
struct subject {
	const char *what; /* "entrypoint" */
	const char *remedy;
	const char *without_shell; /* of a script */
};

static char *
node_text(const struct tree_node *n)
{
	auto_strbuf struct strbuf path;

	strbuf_init(&path, LIMIT_PATH + 1);
	tree_node_path(n, &path);
	return mem_strdup(strbuf_string(&path));
}

/*
 * Fails because of `name`, which is part of "entrypoint NAME is not kept":
 * what the image has is a line for `keep:` away.  Links that lead to a
 * program are kept with it when the rule names the path by which it is found.
 */
static int
fail_not_kept(const char *what, const struct lookup_result *found,
    const char *remedy, struct err *e)
{
	auto_free char *real = node_text(found->lost);
	const char *path = found->lost_path;
	auto_strbuf struct strbuf rule;

	strbuf_init(&rule, 4 * LIMIT_PATH);
	/* Patterns have no "..". */
	if (strstr(path, "..") != NULL)
		path = real;
	policy_format_keep(path, &rule);
	return err_set(e, ERR_POLICY,
	    "%s is not kept: %s, or add under keep: %.400s", what, remedy,
	    strbuf_string(&rule));
}

static int
fail_program(const struct subject *subject, const char *name,
    const struct lookup_result *found, struct err *e)
{
	bool is_script =
	    found->lost != NULL && found->lost->entry->script != NULL;
	auto_free char *text = mem_printf(
	    "%s %.200s%s", subject->what, name, is_script ? ", a script," : "");

	if (found->lost != NULL)
		return fail_not_kept(text, found, subject->remedy, e);
	return err_set(e, ERR_POLICY,
	    "%s is not an executable file of the image: %s", text,
	    subject->remedy);
}

/* A script, and whose; for messages. */
struct script {
	const struct subject *subject;
	char *text; /* "entrypoint start.sh" */
};

/*
 * True when the audit would refuse a variant with this shell, by the file and
 * by the name that leads to it.
 */
static bool
is_forbidden_shell(const struct startup *s, const char *name,
    const struct lookup_result *found)
{
	const struct policy *p = s->selection->policy;
	const struct tree_node *link = tree_resolve(
	    s->tree, NULL, found->lost_path, TREE_NOFOLLOW, NULL, NULL);

	return script_is_shell(name) &&
	    audit_forbids(s->tree, p, AUDIT_SHELL, found->lost) &&
	    audit_forbids(s->tree, p, AUDIT_SHELL, link);
}

/* Fails for the program `name` that a script needs. */
static int
fail_script(const struct startup *s, const struct script *script,
    const char *name, const struct lookup_result *found, struct err *e)
{
	auto_free char *text = mem_printf(
	    "%s is a script that needs %.200s, which", script->text, name);

	if (found->lost != NULL && is_forbidden_shell(s, name, found))
		return err_set(e, ERR_POLICY, "%s audit.fail_on forbids: %s",
		    text, script->subject->without_shell);
	if (found->lost != NULL)
		return fail_not_kept(text, found, script->subject->remedy, e);
	return err_set(e, ERR_POLICY, "%s the image does not have: %s", text,
	    script->subject->remedy);
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

/* Without what is to be preloaded, the loader warns and goes on. */
static void
preload_library(void *arg, const struct closure_preload *p)
{
	if (p->needed != NULL)
		need_library(arg, p->by, p->needed, p->path, p->name);
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
	const struct closure_callbacks callbacks = {.need = need_library,
	    .missing = miss_library,
	    .preload = preload_library,
	    .arg = &l};
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

/* Looks for one of the programs that a script needs. */
static int
find_for_script(const struct startup *s, const struct script *script,
    const char *name, const struct tree_node **out, struct err *e)
{
	struct lookup_result found;
	int r = 0;

	lookup_program(&s->lookup, name, &found);
	*out = found.node;
	if (found.node == NULL)
		r = fail_script(s, script, name, &found, e);
	lookup_clear(&found);
	return r;
}

/*
 * From the script *n to the program that runs it.  script->text is that of
 * the next then.
 */
static int
follow_script(const struct startup *s, struct script *script,
    const struct tree_node **n, struct err *e)
{
	auto_free char *env = script_env((*n)->entry->script);
	auto_free char *name = script_program((*n)->entry->script);
	const struct tree_node *by_env;

	if (name == NULL)
		return err_set(e, ERR_POLICY,
		    "%s is a script that names no interpreter", script->text);
	if (env != NULL && find_for_script(s, script, env, &by_env, e) == -1)
		return -1;
	if (find_for_script(s, script, name, n, e) == -1)
		return -1;
	free(script->text);
	script->text = mem_printf("%s %.200s", script->subject->what, name);
	return 0;
}

/* From `n`, as long as it is a script, to the program that runs it. */
static int
follow_scripts(const struct startup *s, const struct subject *subject,
    const char *name, const struct tree_node **n, struct err *e)
{
	struct script script = {.subject = subject};
	int depth, r = 0;

	script.text = mem_printf("%s %.200s", subject->what, name);
	for (depth = 0; r == 0 && (*n)->entry->script != NULL; depth++) {
		if (depth < SCRIPT_DEPTH)
			r = follow_script(s, &script, n, e);
		else
			r = err_set(e, ERR_POLICY,
			    "%s %.200s is a script that is run by a script, "
			    "more than %d times",
			    subject->what, name, SCRIPT_DEPTH);
	}
	free(script.text);
	return r;
}

/*
 * Checks one program and, while it is a script, the program that runs it.
 * *out is what the name leads to.
 */
static int
check_program(const struct startup *s, const struct subject *subject,
    const char *name, const struct tree_node **out, struct err *e)
{
	const struct tree_node *n;
	struct lookup_result found;
	int r = 0;

	lookup_program(&s->lookup, name, &found);
	*out = n = found.node;
	if (n == NULL)
		r = fail_program(subject, name, &found, e);
	lookup_clear(&found);
	if (r == -1 || follow_scripts(s, subject, name, &n, e) == -1)
		return -1;
	return check_libraries(s, subject->what, n, e);
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

/* The first file that the words behind the program name and that is lost. */
static const struct tree_node *
find_lost_word(const struct startup *s, const json_t *command, size_t *at)
{
	const struct tree_node *workdir = tree_resolve(s->tree, NULL,
	    image_config_string(s->config, "WorkingDir"), 0, NULL, NULL);
	size_t count = json_array_size(command);

	for (*at = 1; *at < count; (*at)++) {
		const char *word =
		    json_string_value(json_array_get(command, *at));
		const struct tree_node *n =
		    tree_resolve(s->tree, workdir, word, 0, NULL, NULL);

		if (n != NULL && tree_node_type(n) == ENTRY_FILE &&
		    !selection_keeps(s->selection, n))
			return n;
	}
	return NULL;
}

/*
 * A program starts without the script or the configuration that it is to read,
 * and does not get far.
 */
static void
warn_lost_word(const struct startup *s, const struct subject *subject,
    const json_t *command, json_t *warnings)
{
	size_t at;
	const struct tree_node *n = find_lost_word(s, command, &at);
	auto_free char *path = NULL, *text = NULL;
	auto_strbuf struct strbuf rule;

	strbuf_init(&rule, 4 * LIMIT_PATH);
	if (n == NULL)
		return;
	path = node_text(n);
	policy_format_keep(path, &rule);
	text = mem_printf(
	    "%s: its argument %.200s is a file that is not kept: add under "
	    "keep: %.400s",
	    subject->what, json_string_value(json_array_get(command, at)),
	    strbuf_string(&rule));
	json_push(warnings, json_escaped(text));
}

static int
check_command(
    const struct startup *s, json_t *report, json_t *warnings, struct err *e)
{
	json_t *command = make_command(s->config);
	auto_strbuf struct strbuf path;
	const struct tree_node *program = NULL;
	struct subject subject = {"cmd", "set config.cmd to another program",
	    "set config.cmd to the program that the script starts"};

	strbuf_init(&path, LIMIT_PATH + 1);
	json_put(report, "command", command);
	if (json_array_size(command) == 0)
		return 0;
	if (image_config_list(s->config, "Entrypoint") != NULL)
		subject = (struct subject){"entrypoint",
		    "set config.entrypoint to another program",
		    "set config.entrypoint to the program that the script "
		    "starts"};
	if (check_program(s, &subject,
		json_string_value(json_array_get(command, 0)), &program,
		e) == -1)
		return -1;
	tree_node_path(program, &path);
	json_put(report, "program", json_escaped(strbuf_string(&path)));
	if (program->entry->script == NULL && program->entry->elf == NULL)
		return err_set(e, ERR_POLICY,
		    "%s /%.300s is neither a usable ELF file nor a script: "
		    "%s",
		    subject.what, strbuf_string(&path), subject.remedy);
	warn_lost_word(s, &subject, command, warnings);
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
	static const char remedy[] = "set config.healthcheck to none";
	static const struct subject subject = {"healthcheck", remedy, remedy};
	const struct tree_node *program;
	const char *name = NULL;
	auto_free char *text = NULL;
	struct err why;

	if (kind != NULL && strcmp(kind, "CMD") == 0)
		name = json_string_value(json_array_get(test, 1));
	else if (kind != NULL && strcmp(kind, "CMD-SHELL") == 0)
		name = shell == NULL
		    ? "/bin/sh"
		    : json_string_value(json_array_get(shell, 0));
	if (name == NULL ||
	    check_program(s, &subject, name, &program, &why) == 0)
		return;
	text = mem_printf("the health check cannot run: %s", why.message);
	json_push(warnings, json_escaped(text));
}

/* Checks that a name is in a kept file of accounts; numbers always pass. */
static int
check_account(const struct startup *s, const char *file, const char *name,
    size_t name_len, struct err *e)
{
	const char *text;
	size_t len = 0;

	if (name_len == 0 || isdigit((unsigned char)*name))
		return 0;
	text = tree_content(s->tree, file, &len);
	if (text == NULL)
		return err_set(e, ERR_POLICY,
		    "user %.100s is a name, and the image has no /%s: set "
		    "config.user to a number",
		    image_config_string(s->config, "User"), file);
	if (!selection_keeps_path(s->selection, file))
		return err_set(e, ERR_POLICY,
		    "user %.100s is a name, and /%s is not kept: set "
		    "config.user to a number, or add under keep: - /%s",
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

/* The working directory is made when the image lacks it, but a file stays. */
static int
check_workdir(const struct startup *s, struct err *e)
{
	const char *workdir = image_config_string(s->config, "WorkingDir");
	const struct tree_node *n =
	    tree_resolve(s->tree, NULL, workdir, 0, NULL, NULL);

	if (n == NULL || tree_node_type(n) == ENTRY_DIRECTORY)
		return 0;
	return err_set(e, ERR_POLICY,
	    "working directory %.300s is not a directory: set config.workdir",
	    workdir);
}

int
startup_check(const struct selection *selection,
    const struct image_configs *configs, json_t *report, json_t *warnings,
    struct err *e)
{
	const json_t *config = configs->variant;
	const struct closure_env variables = image_config_closure_env(config);
	const struct closure_env env =
	    selection_closure_env(selection, &variables);
	auto_closure struct closure *closure =
	    closure_new(selection->tree, &env);
	const struct startup s = {.selection = selection,
	    .tree = selection->tree,
	    .config = config,
	    .closure = closure,
	    .lookup = image_config_lookup(config, selection)};

	image_config_warn(
	    configs, selection->tree, selection->policy->config, warnings);
	if (check_command(&s, report, warnings, e) == -1 ||
	    check_workdir(&s, e) == -1 || check_user(&s, report, e) == -1)
		return -1;
	check_health(&s, warnings);
	return 0;
}
