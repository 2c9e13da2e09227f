/*
 * upstream_registry: a registry over HTTP(S) as an upstream (distribution
 * specification, "Pull").  What its parts share; core only.
 */
#ifndef WINNOW_DAEMON_UPSTREAM_REGISTRY_H
#define WINNOW_DAEMON_UPSTREAM_REGISTRY_H

#include <sys/queue.h>

#include "upstream.h"
#include "upstream_auth.h"

struct blob_request;
TAILQ_HEAD(blob_list, blob_request);

struct registry {
	struct upstream upstream; /* first */
	struct http_client *client;
	struct upstream_auth *auth;
	char *base_url; /* without a slash at its end */
	char *ca_file; /* or NULL */
	uint64_t connect_timeout_ms;
	uint64_t idle_timeout_ms;
	/* Blobs are fetched so many at a time, others wait in their order.
	 * Manifests do not wait: a tag must not queue behind layers. */
	uint64_t blobs_max;
	uint64_t blobs_running;
	struct blob_list blobs_waiting;
};

/* The blob operations of struct upstream_ops (upstream_blob.c). */
struct upstream_request *registry_get_blob(struct upstream *u,
    const char *repository, const struct digest *digest, uint64_t size,
    int tmp_fd, const struct upstream_blob_callbacks *cb);
void registry_blob_cancel(struct upstream_request *r);

/*
 * Every request to a registry starts with this; the operations differ by
 * `cancel`.
 */
struct registry_request {
	struct upstream_request request; /* first */
	void (*cancel)(struct upstream_request *r);
};

#endif
