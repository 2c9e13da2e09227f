/*
 * digest_set: a set of digests, in the order in which they last came.
 */
#ifndef WINNOW_DAEMON_DIGEST_SET_H
#define WINNOW_DAEMON_DIGEST_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "winnow/digest.h"

struct digest_set;

struct digest_set *digest_set_new(void);
void digest_set_free(struct digest_set *s);

/* Puts it at the end; false when it was there already. */
bool digest_set_add(struct digest_set *s, const struct digest *d);
size_t digest_set_count(const struct digest_set *s);

/* Calls `visit` with each, in order, and empties the set. */
void digest_set_drain(struct digest_set *s,
    void (*visit)(void *arg, const struct digest *d), void *arg);

#endif
