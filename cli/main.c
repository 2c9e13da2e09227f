/* winnow: the command line. */
#include "config.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *arguments;
	const char *summary;
} commands[] = {
    {"audit", command_audit, "[--platform P] oci:DIR[:TAG]",
	"list what in an image helps an intruder"},
    {"check", command_check, "[--sets DIR] FILE...",
	"find the mistakes in policies"},
    {"explain", command_explain,
	"--policy FILE [--sets DIR] [--platform P] [--json] "
	"oci:DIR[:TAG] PATH...",
	"say why files are kept, or are not"},
    {"strip", command_strip,
	"--policy FILE [--sets DIR] [--platform P] [--report FILE] "
	"oci:DIR[:TAG] oci:DIR[:TAG]",
	"make the distroless variant of an image"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct command *
find_command(const char *name)
{
	size_t i;

	for (i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
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
	    "\nwinnow COMMAND --help prints the arguments; see "
	    "winnow(1).\n");
}

int
cli_usage(const char *name)
{
	const struct command *command = find_command(name);

	if (command != NULL)
		fprintf(stderr, "usage: winnow %s %s\n", command->name,
		    command->arguments);
	return CLI_USAGE;
}

int
cli_fail(const char *command, const struct err *e)
{
	fprintf(stderr, "winnow %s: %s\n", command, e->message);
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
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return CLI_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("winnow %s\n", PACKAGE_VERSION);
		return CLI_OK;
	}
	command = find_command(argv[1]);
	if (command == NULL) {
		fprintf(stderr, "winnow: \"%s\" is not a command\n", argv[1]);
		print_help(stderr);
		return CLI_USAGE;
	}
	if (argc == 3 && strcmp(argv[2], "--help") == 0) {
		printf("usage: winnow %s %s\n%s\n", command->name,
		    command->arguments, command->summary);
		return CLI_OK;
	}
	return command->run(argc - 1, argv + 1);
}
