/*
 * access_settings: what servers need to know of who may pull what, out of the
 * configuration (access.h).  Core only.
 */
#ifndef WINNOW_DAEMON_ACCESS_SETTINGS_H
#define WINNOW_DAEMON_ACCESS_SETTINGS_H

#include "config.h"
#include "winnow/err.h"

/* A sealed file in memory with the settings as JSON. */
int access_settings_write(const struct config *c, int *out, struct err *e);

#endif
