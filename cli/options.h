/*
 * options: the commands of winnow(1), the options that each takes, and the
 * command line read by that.  Usage lines and --help come from the same
 * tables, and a test compares winnow(1) with them.
 */
#ifndef WINNOW_CLI_OPTIONS_H
#define WINNOW_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "winnow/err.h"

/* Bits, for the options that a command takes. */
enum option_bit {
	OPTION_POLICY = 1,
	OPTION_SETS = 2,
	OPTION_PLATFORM = 4,
	OPTION_REPORT = 8,
	OPTION_JSON = 16,
	OPTION_DEPTH = 32,
	OPTION_NO_CACHE = 64,
	OPTION_SOCKET = 128,
	OPTION_WAIT = 256,
	OPTION_ALL = 512
};

/* At most two policies: diff compares them. */
#define OPTIONS_POLICIES 2

struct options {
	const char *policies[OPTIONS_POLICIES];
	int policy_count;
	const char *sets_dir; /* NULL: that beside the policy */
	const char *platform; /* NULL: the policy's, or this machine's */
	const char *report; /* or NULL */
	unsigned depth; /* 0: all */
	bool json;
	bool no_cache;
	const char *socket; /* of winnowd */
	bool wait;
	bool all;
	char **operands;
	int operand_count;
};

struct command {
	const char *name;
	int (*run)(const struct options *o); /* an exit status (cli.h) */
	unsigned takes; /* enum option_bit, or'ed */
	int policies[2]; /* the least and the most */
	int operands[2]; /* the least and the most */
	unsigned depth; /* where --depth is not given */
	const char *arguments; /* the operands, for the usage line */
	const char *summary;
	const char *status; /* its own exit statuses, or NULL */
};

enum options_result { OPTIONS_OK, OPTIONS_HELP, OPTIONS_WRONG };

/*
 * Reads argv, whose first is the command's name; what it gives is borrowed
 * from argv.  OPTIONS_WRONG says in *e what is wrong.
 */
enum options_result options_parse(const struct command *command, int argc,
    char **argv, struct options *out, struct err *e);

/* "usage: winnow COMMAND ..." on one line or several. */
void options_print_usage(const struct command *command, FILE *to);

/* Usage, summary, and each option in a line. */
void options_print_help(const struct command *command, FILE *to);

#endif
