/*
 * forget: has the store forget, in small portions, what was evicted or unused
 * for longer than forget_after (doc/internals/store.md).  Core only.
 */
#ifndef WINNOW_DAEMON_FORGET_H
#define WINNOW_DAEMON_FORGET_H

#include "context.h"

struct forget;

struct forget *forget_new(struct context *context);
void forget_free(struct forget *f);

#endif
