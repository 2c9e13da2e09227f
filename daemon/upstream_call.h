/*
 * upstream_call: one HTTP request to a registry, with credentials: asks for
 * them first, and once more when they are refused.  Core only.
 */
#ifndef WINNOW_DAEMON_UPSTREAM_CALL_H
#define WINNOW_DAEMON_UPSTREAM_CALL_H

#include "upstream_registry.h"

struct upstream_call;

/* Borrowed until the call is started. */
struct upstream_call_options {
	const char *method;
	const char *repository;
	const char *kind; /* "manifests", "blobs", "tags" or "referrers" */
	const char *reference;
	const char *query; /* or NULL */
	const char *const *headers; /* these must outlive the call */
	uint64_t range_from;
};

/*
 * Starts a call; it never calls back before it returns.  on_headers and
 * on_data are called for a success (2xx) only.  on_done gets an error for
 * everything else, which names upstream, repository and reference.  When an
 * address of the registry is out of order the next one is asked.
 */
struct upstream_call *upstream_call_start(struct registry *g,
    const struct upstream_call_options *o, const struct http_callbacks *cb);

/* Ends a call without calling back; at any moment but in its on_done. */
void upstream_call_cancel(struct upstream_call *call);

#endif
