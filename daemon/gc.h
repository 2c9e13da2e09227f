/*
 * gc: keeps the store below max_size: what was unused the longest goes first,
 * whole variants and originals, since a manifest that is used takes along all
 * that it holds (store.h).  Rows that make things reachable stay: what is
 * evicted comes back when it is asked for, under the same digest.
 *
 * Core only.
 */
#ifndef WINNOW_DAEMON_GC_H
#define WINNOW_DAEMON_GC_H

#include "job_env.h"

struct gc;

struct gc *gc_new(struct job_env *env);
void gc_free(struct gc *g);

/*
 * Work under way may use any blob that it has touched: what was used since
 * this moment (store_now()) must stay; INT64_MAX while nothing is under way.
 */
int64_t gc_in_use_since(const struct job_env *env);

#endif
