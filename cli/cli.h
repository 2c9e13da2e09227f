/*
 * cli: the commands of winnow(1), one file each.
 */
#ifndef WINNOW_CLI_H
#define WINNOW_CLI_H

#include <jansson.h>

#include "options.h"
#include "winnow/err.h"
#include "winnow/policy.h"

/* Exit statuses, as winnow(1) lists them. */
enum cli_status {
	CLI_OK = 0,
	CLI_FAILED = 1, /* the work could not be done; says why */
	CLI_USAGE = 2, /* a wrong command line */
	CLI_FINDINGS = 3 /* audit: not distroless, forbidden; diff:
			     they differ */
};

/* Each returns an exit status. */
int command_audit(const struct options *o);
int command_check(const struct options *o);
int command_diff(const struct options *o);
int command_explain(const struct options *o);
int command_plan(const struct options *o);
int command_purge(const struct options *o);
int command_reload(const struct options *o);
int command_status(const struct options *o);
int command_strip(const struct options *o);
int command_warm(const struct options *o);

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

/* An unlinked file in $TMPDIR or /var/tmp, for what may be large. */
int cli_open_scratch(int *fd, struct err *e);

/* Prints a value as one line. */
void cli_print_json(const json_t *value);

/* Prints "winnow COMMAND: MESSAGE" to standard error: CLI_FAILED. */
int cli_fail(const char *command, const struct err *e);

#endif
