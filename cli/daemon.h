/*
 * daemon: commands to a winnowd that runs, over its admin socket
 * (doc/internals/admin.md).
 */
#ifndef WINNOW_CLI_DAEMON_H
#define WINNOW_CLI_DAEMON_H

#include <jansson.h>

#include "winnow/err.h"

/*
 * Sends a command (its reference is taken) to the socket at `path` and reads
 * until its end.  `on_line` gets every line before the last and may be NULL.
 * *result is the last line; the caller releases it.  -1 when the daemon cannot
 * be reached, or says that the command failed.
 */
int daemon_command(const char *path, json_t *command,
    void (*on_line)(const void *arg, const json_t *line), const void *arg,
    json_t **result, struct err *e);

/* Prints a string of the daemon's, with what could move a terminal escaped. */
void daemon_print(const char *text);

/* The member as a number or text; 0 or "" where it is not there. */
json_int_t daemon_number(const json_t *object, const char *key);
const char *daemon_string(const json_t *object, const char *key);

#endif
