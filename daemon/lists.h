/*
 * lists: what upstreams list (tags, referrers), kept in memory for as long as
 * a tag is trusted, and asked for once however many clients wait.
 *
 * Core only.  Bounded by count and bytes; the least recently used go first.
 */
#ifndef WINNOW_DAEMON_LISTS_H
#define WINNOW_DAEMON_LISTS_H

#include <jansson.h>

#include "source_job.h"

struct lists;

struct lists *lists_new(void);
void lists_free(struct lists *all);

/*
 * The list, or NULL: tags when `subject` is NULL, else what refers to it.
 * Borrowed until the next fetch.  *checked_ms says when upstream gave it.
 */
const json_t *lists_get(struct lists *all, const struct source *s,
    const struct digest *subject, int64_t *checked_ms);

/* Joins the fetching of that list, or begins it; then lists_get() has it. */
void lists_fetch(struct job_env *env, const struct source *s,
    const struct digest *subject, struct flight_waiter *w);

#endif
