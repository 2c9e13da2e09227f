/*
 * access_log: the file that the servers append the access log to.  Core opens
 * it, since servers open no files, and again on a reload, for who rotates it.
 */
#ifndef WINNOW_DAEMON_ACCESS_LOG_H
#define WINNOW_DAEMON_ACCESS_LOG_H

#include "config.h"

/* *fd is -1 when the lines go to standard error, or nowhere. */
int access_log_open(const struct config *c, int *fd, struct err *e);

/* Whether access_log_open() would succeed; makes no file. */
int access_log_check(const struct config *c, struct err *e);

#endif
