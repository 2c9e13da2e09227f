/*
 * core: the process that owns the store and talks to upstreams.  It starts
 * the servers and workers and answers the servers' questions.
 */
#ifndef WINNOW_DAEMON_CORE_H
#define WINNOW_DAEMON_CORE_H

#include <stdbool.h>

/*
 * Runs core with the configuration file at `path` until a signal ends it.
 * Returns the exit status.
 */
int core_main(const char *path);

/*
 * Checks configuration and policies; with `print`, prints the former, else
 * checks also the files and directories that it names.
 */
int core_check(const char *path, bool print);

#endif
