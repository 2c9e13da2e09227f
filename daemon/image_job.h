/*
 * image_job: rewrites one image (one platform): fetches its config and
 * layers, has workers index, plan and emit them, and stores the result's
 * blobs.  Rows that make them reachable are the caller's.
 *
 * Core only.  States: FETCH (config and layer indexes) -> PLAN -> EMIT ->
 * ASSEMBLE -> the callback.  Any failure ends the job with the first reason.
 */
#ifndef WINNOW_DAEMON_IMAGE_JOB_H
#define WINNOW_DAEMON_IMAGE_JOB_H

#include "image_result.h"
#include "job_env.h"

struct image_job;

struct image_source {
	struct upstream *upstream;
	const char *host; /* borrowed, as are all strings */
	const char *repository;
	const struct digest *digest; /* of the manifest */
	const char *manifest; /* its bytes, verified */
	size_t manifest_len;
	const char *policy; /* policy_format() */
	size_t policy_len;
};

/* `r` is borrowed during the callback; the job is freed after it. */
typedef void (*image_job_cb)(
    void *arg, const struct image_result *r, const struct err *e);

int image_job_start(struct job_env *env, const struct image_source *source,
    image_job_cb cb, void *arg, struct image_job **out, struct err *e);
/* Appends what it does at present, and what it waits for. */
void image_job_describe(const struct image_job *j, struct strbuf *out);

void image_job_cancel(struct image_job *j);

#endif
