/* image_job_internal: an image job as its parts see it (image_job*.c). */
#ifndef WINNOW_DAEMON_IMAGE_JOB_INTERNAL_H
#define WINNOW_DAEMON_IMAGE_JOB_INTERNAL_H

#include "image_job.h"
#include "layer_work.h"

enum image_state {
	IMAGE_FETCH,
	IMAGE_PLAN,
	IMAGE_EMIT,
	IMAGE_ASSEMBLE,
	IMAGE_DONE
};

struct image_job {
	struct job_env *env;
	enum image_state state;
	struct upstream *upstream;
	char *repository;
	char *base_name;
	struct digest digest; /* of the source manifest */
	struct oci_manifest *manifest;
	int manifest_fd;
	int policy_fd;
	struct blob_fetch *config_fetch;
	struct blob_fetch_user config_user;
	struct layer_work *layers;
	struct layer_work **by_size; /* the layers, largest first */
	bool *dropped; /* per layer: its plan is empty */
	size_t layer_count;
	size_t pending; /* layers (and config) of this state to come */
	struct worker_job *worker;
	int plan_fd;
	struct section config;
	struct section report;
	int out_fd;
	struct event *finish; /* ends the job from the loop */
	struct err error;
	struct image_result result;
	image_job_cb cb;
	void *arg;
};

#endif
