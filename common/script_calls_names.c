#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "script.h"
#include "script_calls_private.h"
#include "winnow/auto.h"
#include "winnow/path.h"

/* Of POSIX, bash, dash, BusyBox and ksh.  Sorted. */
static const char *const builtins[] = {".", ":", "[", "alias", "bg", "bind",
    "break", "builtin", "caller", "cd", "chdir", "command", "compgen",
    "complete", "compopt", "continue", "declare", "dirs", "disown", "echo",
    "enable", "eval", "exec", "exit", "export", "false", "fc", "fg", "getopts",
    "hash", "help", "history", "jobs", "kill", "let", "local", "logout",
    "mapfile", "popd", "print", "printf", "pushd", "pwd", "read", "readarray",
    "readonly", "return", "set", "shift", "shopt", "source", "suspend", "test",
    "times", "trap", "true", "type", "typeset", "ulimit", "umask", "unalias",
    "unset", "wait", "whence"};

/* Sorted. */
static const struct script_wrapper wrappers[] = {
    {"command", "", 0, true},
    {"dumb-init", "", 0, false},
    {"env", "uCS", 0, false},
    {"exec", "a", 0, false},
    {"gosu", "", 1, false},
    {"ionice", "cnp", 0, false},
    {"nice", "n", 0, false},
    {"nohup", "", 0, false},
    {"setsid", "", 0, false},
    {"stdbuf", "ioe", 0, false},
    {"su-exec", "", 1, false},
    {"timeout", "ks", 1, false},
    {"tini", "epn", 0, false},
    {"xargs", "adEILnPs", 0, false},
};

static const char *const shells[] = {
    "ash", "bash", "dash", "ksh", "ksh93", "mksh", "rbash", "sh", "yash"};

struct name {
	const char *text;
	size_t len;
};

static int
compare(const struct name *name, const char *other)
{
	int order = strncmp(name->text, other, name->len);

	return order != 0 || other[name->len] == '\0' ? order : -1;
}

static int
compare_name(const void *key, const void *item)
{
	return compare(key, *(const char *const *)item);
}

static int
compare_wrapper(const void *key, const void *item)
{
	return compare(key, ((const struct script_wrapper *)item)->name);
}

#define FIND(name, table, order)                                 \
	bsearch(name, table, sizeof(table) / sizeof((table)[0]), \
	    sizeof((table)[0]), order)

bool
script_is_builtin(const char *name, size_t len)
{
	const struct name key = {name, len};

	return FIND(&key, builtins, compare_name) != NULL;
}

const struct script_wrapper *
script_find_wrapper(const char *name, size_t len)
{
	const struct name key = {name, len};

	return FIND(&key, wrappers, compare_wrapper);
}

bool
script_is_call(const char *name, size_t len)
{
	bool has_letter = false, is_path = len > 0 && name[0] == '/';
	size_t i;

	if (len == 0 || len > LIMIT_SCRIPT_CALL || name[0] == '-')
		return false;
	for (i = 0; i < len; i++) {
		char c = name[i];

		if (isalpha((unsigned char)c))
			has_letter = true;
		else if (!isdigit((unsigned char)c) && !(is_path && c == '/') &&
		    (c == '\0' || strchr("_.+-", c) == NULL))
			return false;
	}
	return has_letter;
}

static bool
is_shell_name(const char *name)
{
	const struct name key = {name, strlen(name)};

	return FIND(&key, shells, compare_name) != NULL;
}

bool
script_is_shell(const char *line)
{
	auto_free char *program = script_program(line);
	const char *base, *applet;
	size_t len;

	if (program == NULL)
		return false;
	base = path_base(program);
	if (is_shell_name(base))
		return true;
	if (strcmp(base, "busybox") != 0)
		return false;
	applet = strstr(line, program) + strlen(program);
	applet += strspn(applet, " \t");
	len = strcspn(applet, " \t");
	return (len == 2 && memcmp(applet, "sh", len) == 0) ||
	    (len == 3 && memcmp(applet, "ash", len) == 0);
}
