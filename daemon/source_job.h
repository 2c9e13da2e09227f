/*
 * source_job: what is asked of upstreams on the way to an answer, each thing
 * once at a time: which manifest a tag stands for, a manifest, a blob.
 *
 * Core only.  Each function joins the work if it is under way, else begins
 * it; the waiter is told from the loop.  The outcome is in the store.
 */
#ifndef WINNOW_DAEMON_SOURCE_JOB_H
#define WINNOW_DAEMON_SOURCE_JOB_H

#include "job_env.h"

/* A repository of an upstream; all borrowed during the call. */
struct source {
	struct upstream *upstream;
	const char *host;
	const char *repository;
};

/* Then store_get_tag(HOST/REPOSITORY, tag) is fresh. */
void source_resolve(struct job_env *env, const struct source *s,
    const char *tag, struct flight_waiter *w);

/* Then the manifest's bytes are a blob of the store. */
void source_get_manifest(struct job_env *env, const struct source *s,
    const struct digest *digest, struct flight_waiter *w);

/* Then the blob is in the store, verified. */
void source_get_blob(struct job_env *env, const struct source *s,
    const struct digest *digest, uint64_t size, struct flight_waiter *w);

/* Now, in milliseconds of the wall clock, as tags remember it. */
int64_t source_now_ms(void);

#endif
