/*
 * reference: an image as people name it, NAME[:TAG|@DIGEST], without the
 * address of the proxy: in `warm:`, and in the commands of an admin.
 */
#ifndef WINNOW_DAEMON_REFERENCE_H
#define WINNOW_DAEMON_REFERENCE_H

#include "winnow/err.h"

/* The tag of a name without one. */
#define REFERENCE_DEFAULT "latest"

/*
 * Splits it; *first is the tag or digest, or NULL.  The caller frees both.
 * The name is not looked at.
 */
int reference_split(
    const char *text, char **repository, char **first, struct err *e);

/* Whether it can be split. */
int reference_check(const char *text, struct err *e);

#endif
