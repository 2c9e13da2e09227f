/*
 * warm: brings an image into the cache as a client would that pulls it by
 * this reference, for the configured platforms: resolves it, has the variant
 * built or the original's blobs fetched.  Core only.
 */
#ifndef WINNOW_DAEMON_WARM_H
#define WINNOW_DAEMON_WARM_H

#include "context.h"

struct warm;

/*
 * Begins.  ERR_INVALID when `reference` ("postgres:16", "ghcr.io/a/b@sha256:
 * ...", "original/redis") is none.  `done` is called from the loop, once; the
 * warm is freed after it.
 */
int warm_start(struct context *context, const char *reference,
    void (*done)(void *arg, struct warm *w, const struct err *e), void *arg,
    struct warm **out, struct err *e);

/* No call to `done` any more; the work goes on. */
void warm_disown(struct warm *w);

/* What is under way; borrowed. */
const char *warm_reference(const struct warm *w);
void warm_describe(const struct warm *w, struct strbuf *out);

/* The next of those under way, or NULL. */
const struct warm *warm_next(const struct warm *w);

/*
 * The references of the configuration: at once, then every warm_interval;
 * warm_schedule_now() after a reload.
 */
struct warm_schedule;
struct warm_schedule *warm_schedule_new(struct context *context);
void warm_schedule_now(struct warm_schedule *s);
void warm_schedule_free(struct warm_schedule *s);

/* Ends all that are under way. */
void warm_cancel_all(struct context *context);

#endif
