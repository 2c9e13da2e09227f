/*
 * misses: what upstreams lately did not have, so that a client that asks
 * again and again for a tag that does not exist does not ask them each time.
 * Core only.
 */
#ifndef WINNOW_DAEMON_MISSES_H
#define WINNOW_DAEMON_MISSES_H

#include <stdbool.h>
#include <stdint.h>

#include "winnow/err.h"

struct misses;

struct misses *misses_new(void);
void misses_free(struct misses *m);

/* Remembers for `ttl_ms` that `e` was the answer about `key`. */
void misses_add(
    struct misses *m, const char *key, uint64_t ttl_ms, const struct err *e);
/* True when it is remembered: then *e is that answer. */
bool misses_find(struct misses *m, const char *key, struct err *e);
void misses_forget_all(struct misses *m);

#endif
