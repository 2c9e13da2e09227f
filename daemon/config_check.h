/*
 * config_check: whether what the configuration names is there and may be used,
 * for winnowd -n.  Changes nothing, and takes no lock: a winnowd that runs
 * with the same store is not disturbed.
 */
#ifndef WINNOW_DAEMON_CONFIG_CHECK_H
#define WINNOW_DAEMON_CONFIG_CHECK_H

#include "config.h"

/*
 * Prints to `out` a line for every mistake, with the configuration's `path`,
 * the key and what to do.  Returns their number.
 */
unsigned
config_check_files(const struct config *c, const char *path, FILE *out);

#endif
