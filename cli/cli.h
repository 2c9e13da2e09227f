/*
 * cli: the commands of winnow(1), one file each.
 */
#ifndef WINNOW_CLI_H
#define WINNOW_CLI_H

#include "winnow/err.h"
#include "winnow/policy.h"

/* Exit statuses, as winnow(1) lists them. */
enum cli_status {
	CLI_OK = 0,
	CLI_FAILED = 1, /* the work could not be done; says why */
	CLI_USAGE = 2, /* a wrong command line */
	CLI_FINDINGS = 3 /* audit: the image is not distroless */
};

/* argv[0] is the command's name.  Each returns an exit status. */
int command_audit(int argc, char **argv);
int command_check(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_strip(int argc, char **argv);

/*
 * The directory of sets that goes with a policy file, or with a directory of
 * them: sets.d beside the directory, else the installed one.  The caller frees.
 */
char *cli_find_sets(const char *policy);

/*
 * Loads a policy with the sets of `sets_dir` (NULL: those that go with it);
 * prints all its mistakes to standard error when there are any.
 */
int cli_load_policy(
    const char *path, const char *sets_dir, struct policy **out, struct err *e);

/* Prints the command's usage line to standard error: CLI_USAGE. */
int cli_usage(const char *command);

/* Prints "winnow COMMAND: MESSAGE" to standard error: CLI_FAILED. */
int cli_fail(const char *command, const struct err *e);

#endif
