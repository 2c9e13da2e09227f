/*
 * upstream_registry: a registry over HTTP(S) as an upstream (distribution
 * specification, "Pull").  What its parts share; core only.
 */
#ifndef WINNOW_DAEMON_UPSTREAM_REGISTRY_H
#define WINNOW_DAEMON_UPSTREAM_REGISTRY_H

#include <sys/queue.h>

#include "http_url.h"
#include "upstream.h"
#include "upstream_auth.h"

struct blob_request;
TAILQ_HEAD(blob_list, blob_request);

/* Another host that the registry redirects to, and that wants a token too. */
struct registry_mirror {
	struct http_url origin;
	struct upstream_auth *auth; /* without a user name */
};
/* registry.k8s.io has some thirty of them, of which a site sees a few. */
#define REGISTRY_MIRRORS_MAX 16

/* One address of the registry: its own, or one of its fallbacks. */
struct registry_endpoint {
	char *base_url; /* without a slash at its end */
	struct upstream_auth *auth;
	/* Until then it is not asked where another is left, and why. */
	uint64_t down_until_ms;
	struct err down;
};

struct registry {
	struct upstream upstream; /* first */
	struct http_client *client;
	struct http_access access;
	struct credential *credential;
	struct registry_endpoint *endpoints; /* in the order of asking */
	size_t endpoint_count;
	/* Blobs are fetched so many at a time, others wait in their order.
	 * Manifests do not wait: a tag must not queue behind layers. */
	uint64_t blobs_max;
	uint64_t blobs_running;
	struct blob_list blobs_waiting;
	/* What it refused with Retry-After, by path, and how. */
	struct misses *held;
	struct registry_mirror mirrors[REGISTRY_MIRRORS_MAX];
	size_t mirror_count;
};

/*
 * What lets winnow in, anonymously, at the host of `url`, which the registry
 * redirects to; NULL when there are too many such hosts.
 */
struct upstream_auth *registry_mirror_auth(struct registry *g, const char *url);

/* The blob operation of struct upstream_ops (upstream_blob.c). */
struct upstream_request *registry_get_blob(struct upstream *u,
    const char *repository, const struct digest *digest, uint64_t size,
    int tmp_fd, const struct upstream_blob_callbacks *cb);

/* The list operation (upstream_list.c). */
struct upstream_request *
registry_list(struct upstream *u, const char *repository,
    const struct digest *subject, upstream_list_cb cb, void *arg);

/*
 * Every request to a registry starts with this; the operations differ by
 * `cancel`.
 */
struct registry_request {
	struct upstream_request request; /* first */
	void (*cancel)(struct upstream_request *r);
};

#endif
