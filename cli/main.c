/* winnow: the command line. */
#include "config.h"

#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

/* Some 40 lines for an image of Debian: two screens. */
#define PLAN_DEPTH 4
/* A policy over an image. */
#define POLICY (OPTION_POLICY | OPTION_SETS | OPTION_PLATFORM)

static const struct command commands[] = {
    {.name = "audit",
	.run = command_audit,
	.takes = POLICY | OPTION_JSON | OPTION_ALL | OPTION_NO_CACHE,
	.policies = {0, 1},
	.operands = {1, 1},
	.arguments = "IMAGE",
	.summary = "List what in an image helps an intruder.",
	.status =
	    "the image is not distroless, or holds what the policy forbids"},
    {.name = "check",
	.run = command_check,
	.takes = OPTION_SETS | OPTION_JSON,
	.operands = {1, INT_MAX},
	.arguments = "FILE...",
	.summary = "Find the mistakes in policies."},
    {.name = "diff",
	.run = command_diff,
	.takes = POLICY | OPTION_DEPTH | OPTION_JSON | OPTION_NO_CACHE,
	.policies = {0, 2},
	.operands = {1, 2},
	.depth = PLAN_DEPTH,
	.arguments = "IMAGE [IMAGE]",
	.summary = "Show in what images, or what policies keep, differ.",
	.status = "they differ"},
    {.name = "explain",
	.run = command_explain,
	.takes = POLICY | OPTION_JSON | OPTION_NO_CACHE,
	.policies = {1, 1},
	.operands = {2, INT_MAX},
	.arguments = "IMAGE PATH...",
	.summary = "Say why files are kept, or are not."},
    {.name = "plan",
	.run = command_plan,
	.takes = POLICY | OPTION_DEPTH | OPTION_JSON | OPTION_NO_CACHE,
	.policies = {1, 1},
	.operands = {1, INT_MAX},
	.depth = PLAN_DEPTH,
	.arguments = "IMAGE [PATH...]",
	.summary =
	    "Show what a policy keeps of an image, and what it removes."},
    {.name = "purge",
	.run = command_purge,
	.takes = OPTION_SOCKET | OPTION_ALL,
	.operands = {0, INT_MAX},
	.arguments = "[REFERENCE...]",
	.summary = "Remove images from winnowd's cache."},
    {.name = "reload",
	.run = command_reload,
	.takes = OPTION_SOCKET,
	.arguments = "",
	.summary = "Have winnowd read its files again."},
    {.name = "status",
	.run = command_status,
	.takes = OPTION_SOCKET | OPTION_JSON,
	.arguments = "",
	.summary = "Show what winnowd is doing."},
    {.name = "strip",
	.run = command_strip,
	.takes = POLICY | OPTION_REPORT | OPTION_JSON,
	.policies = {1, 1},
	.operands = {2, 2},
	.arguments = "SOURCE DESTINATION",
	.summary = "Make the distroless variant of an image."},
    {.name = "warm",
	.run = command_warm,
	.takes = OPTION_SOCKET | OPTION_WAIT | OPTION_JSON,
	.operands = {1, INT_MAX},
	.arguments = "REFERENCE...",
	.summary = "Bring images into winnowd's cache."},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct command *
find_command(const char *name)
{
	size_t i;

	for (i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	fprintf(
	    stderr, "winnow: \"%s\" is no command: see winnow help\n", name);
	return NULL;
}

static void
print_help(FILE *to)
{
	size_t i;

	fprintf(to, "usage: winnow COMMAND [ARGUMENT...]\n\n");
	for (i = 0; i < COMMANDS; i++)
		fprintf(
		    to, "  %-8s %s\n", commands[i].name, commands[i].summary);
	fprintf(to,
	    "\nAn IMAGE is oci:DIR[:TAG], or docker-archive:FILE[:NAME:TAG] to "
	    "read.\n"
	    "winnow help COMMAND prints its options; see winnow(1).\n");
}

/* winnow help [COMMAND]. */
static int
help(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2) {
		print_help(stdout);
		return CLI_OK;
	}
	command = find_command(argv[1]);
	if (command == NULL)
		return CLI_USAGE;
	options_print_help(command, stdout);
	return CLI_OK;
}

static int
run_command(const struct command *command, int argc, char **argv)
{
	struct options options;
	struct err e;

	switch (options_parse(command, argc, argv, &options, &e)) {
	case OPTIONS_OK:
		return command->run(&options);
	case OPTIONS_HELP:
		options_print_help(command, stdout);
		return CLI_OK;
	case OPTIONS_WRONG:
		break;
	}
	cli_fail(command->name, &e);
	options_print_usage(command, stderr);
	return CLI_USAGE;
}

/* What was printed must have arrived: a full disk is a failure. */
static int
finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "winnow: cannot write to standard output\n");
	return CLI_FAILED;
}

int
main(int argc, char **argv)
{
	const struct command *command;

	/* libarchive needs a UTF-8 locale to pass names through. */
	setlocale(LC_CTYPE, "C.UTF-8");
	if (argc < 2) {
		print_help(stderr);
		return CLI_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
		return finish(help(argc - 1, argv + 1));
	if (strcmp(argv[1], "--version") == 0) {
		printf("winnow %s\n", PACKAGE_VERSION);
		return finish(CLI_OK);
	}
	command = find_command(argv[1]);
	if (command == NULL)
		return CLI_USAGE;
	return finish(run_command(command, argc - 1, argv + 1));
}
