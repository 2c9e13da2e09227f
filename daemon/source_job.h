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
#include "winnow/oci.h"

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

/*
 * Reads and parses a manifest that is in the store; the caller frees *data, its
 * bytes.
 */
int source_load_manifest(struct job_env *env, const struct digest *digest,
    char **data, size_t *len, struct oci_manifest **out, struct err *e);

/*
 * Then the blob is in the store, verified.  While its bytes come, but once they
 * do, `w->ready` is called; also for a waiter that joins then.
 */
void source_get_blob(struct job_env *env, const struct source *s,
    const struct digest *digest, uint64_t size, struct flight_waiter *w);

/*
 * For a waiter of source_get_blob() that has been told `ready`: the file that
 * the blob's bytes go to, read-only (borrowed), and a pipe that becomes
 * readable with them and ends when all are there (the caller closes it).
 * Nobody has verified the bytes before the flight ends.  False when the file
 * cannot be watched: wait for the end.
 */
bool source_watch_blob(const struct flight_waiter *w, int *fd, int *progress);

/* Now, in milliseconds of the wall clock, as tags remember it. */
int64_t source_now_ms(void);

#endif
