/*
 * layer_work: what an image job does with one layer: get its index, and
 * later its derived layer, from the store or else through fetch and workers.
 *
 * Core only.  States: NEW -> INDEXING -> INDEXED -> EMITTING -> DONE.
 */
#ifndef WINNOW_DAEMON_LAYER_WORK_H
#define WINNOW_DAEMON_LAYER_WORK_H

#include "job_env.h"
#include "section.h"
#include "winnow/oci.h"

enum layer_work_state {
	LAYER_NEW,
	LAYER_INDEXING,
	LAYER_INDEXED,
	LAYER_EMITTING,
	LAYER_DONE
};

struct layer_work {
	struct job_env *env;
	const struct oci_descriptor *layer; /* borrowed */
	struct upstream *upstream;
	const char *repository; /* borrowed */
	uint64_t turn; /* of the image (worker_pool.h) */
	int policy_fd; /* borrowed */
	/* Called at INDEXED and at DONE, or with the reason; must not clear
	 * the layer before it returns to the loop. */
	void (*on_step)(void *arg, struct layer_work *l, const struct err *e);
	void *arg;

	enum layer_work_state state;
	struct blob_fetch *fetch; /* kept for emitting */
	struct blob_fetch_user user;
	struct worker_job *worker;
	struct event *soon; /* on_step from the loop */
	int index_fd;
	int spool_fd;
	int out_fd;
	bool streaming;
	bool emit_waits; /* for the fetch */
	int plan_fd; /* borrowed */
	struct section plan;
	struct digest key;
	struct store_derived derived; /* at DONE */
};

/* Fill the first block of members before. */
void layer_work_init(struct layer_work *l);
void layer_work_clear(struct layer_work *l);

/* NEW -> INDEXED: then index_fd holds the index. */
void layer_work_index(struct layer_work *l);

/* INDEXED -> DONE, with the plan at a section of `plan_fd`. */
void
layer_work_emit(struct layer_work *l, int plan_fd, const struct section *plan);

#endif
