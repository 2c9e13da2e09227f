/*
 * access: who may pull what.
 *
 * Rules speak of the names that clients ask for, written in full: the host,
 * the repository, and the original prefix in front where it was asked for
 * (docker.io/library/postgres, original/docker.io/library/postgres).  Every
 * short or mirror form of a name means the same.  Core writes the settings,
 * servers read and apply them, before anything else is looked up: the answer
 * to who may not pull does not depend on what there is.
 */
#ifndef WINNOW_DAEMON_ACCESS_H
#define WINNOW_DAEMON_ACCESS_H

#include <stdbool.h>

#include "winnow/err.h"
#include "winnow/json.h"

struct access;

/* Reads the settings that access_settings() made. */
int access_new(const json_t *settings, struct access **out, struct err *e);
void access_free(struct access *a);

/* Whether clients can say who they are, and that they can by a password. */
bool access_authenticates(const struct access *a);
bool access_has_passwords(const struct access *a);

/* Whether there is anything to check at all. */
bool access_is_open(const struct access *a);

/*
 * True when `user` (NULL: nobody in particular) may pull the repository
 * `name`, as it stands in the URL, with the query's `ns` or "".
 */
bool access_may_pull(
    const struct access *a, const char *user, const char *name, const char *ns);

/* True when there is something that anybody may pull. */
bool access_admits_anybody(const struct access *a);

/*
 * The full form of a name or of a pattern for names; the caller frees it.
 * NULL when it cannot be one.
 */
char *access_full_name(const char *name, const char *ns,
    const char *default_upstream, const char *original_prefix);

/* ERR_INVALID when it is no pattern for names. */
int access_check_pattern(const char *pattern, const char *default_upstream,
    const char *original_prefix, struct err *e);

#endif
