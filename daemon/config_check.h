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

/*
 * Adds to `mistakes` every reference of `warm` that cannot be had, since no
 * upstream or no policy lets it, or that stands there twice.
 */
struct yaml_mistakes;
void config_check_warm_names(const struct config *c,
    const struct policy_set *policies, const char *path,
    struct yaml_mistakes *mistakes);

#endif
