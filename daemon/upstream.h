/*
 * upstream: where sources come from: a registry over HTTP(S), or an OCI image
 * layout directory.  Core only.  Calls return at once; the callback comes
 * from the event loop, exactly once, unless the request is cancelled.
 */
#ifndef WINNOW_DAEMON_UPSTREAM_H
#define WINNOW_DAEMON_UPSTREAM_H

#include <event2/event.h>
#include <jansson.h>

#include "config.h"
#include "http_client.h"
#include "winnow/digest.h"
#include "winnow/err.h"

struct upstream;
struct upstream_request;

/* A new upstream of either kind, by the URL.  Copies what it needs. */
int upstream_new(struct event_base *base, struct http_client *client,
    const struct config *config, const struct config_upstream *cu,
    struct upstream **out, struct err *e);
void upstream_free(struct upstream *u);

/* What a reference stands for. */
struct upstream_manifest {
	struct digest digest; /* computed from the bytes, when there are any */
	char *media_type;
	char *data; /* NULL after upstream_head() */
	size_t len;
};
typedef void (*upstream_manifest_cb)(
    void *arg, const struct upstream_manifest *m, const struct err *e);

/*
 * Asks which manifest a tag stands for, without fetching it (HEAD; falls back
 * to a GET where HEAD is refused or lacks the digest: then data is set).
 * `m` is borrowed during the callback.  Errors: ERR_NOT_FOUND, ERR_DENIED,
 * ERR_UNAUTHORIZED, ERR_RATE_LIMIT, ERR_TIMEOUT, ERR_UPSTREAM.
 */
struct upstream_request *
upstream_head(struct upstream *u, const char *repository, const char *tag,
    upstream_manifest_cb cb, void *arg);

/*
 * Fetches a manifest by tag or digest, at most LIMIT_MANIFEST_SIZE bytes.
 * Bytes that differ from the digest asked for, or from the registry's
 * Docker-Content-Digest, are ERR_DIGEST.
 */
struct upstream_request *
upstream_get_manifest(struct upstream *u, const char *repository,
    const char *reference, upstream_manifest_cb cb, void *arg);

struct upstream_blob_callbacks {
	/* More bytes are in the file. */
	void (*on_progress)(void *arg, uint64_t total);
	/* The end.  `fd` (borrowed) holds the blob: `tmp_fd`, or for a layout
	 * the layout's own file, read-only.  Size is checked, the digest is
	 * not: the reader hashes. */
	void (*on_done)(void *arg, int fd, const struct err *e);
	void *arg;
};

/*
 * Fetches a blob of `size` bytes into `tmp_fd` (borrowed).  Dropped
 * connections are resumed by Range up to three times.
 */
struct upstream_request *upstream_get_blob(struct upstream *u,
    const char *repository, const struct digest *digest, uint64_t size,
    int tmp_fd, const struct upstream_blob_callbacks *cb);

/*
 * Fetches a whole list, of however many pages: the tags of a repository
 * (strings), or, when `subject` is not NULL, what refers to that manifest
 * (descriptors; none where the upstream has no such list).  `items` is
 * borrowed and in the upstream's order.  Errors as for upstream_head(), and
 * ERR_LIMIT.
 */
typedef void (*upstream_list_cb)(void *arg, json_t *items, const struct err *e);
struct upstream_request *
upstream_list(struct upstream *u, const char *repository,
    const struct digest *subject, upstream_list_cb cb, void *arg);

void upstream_request_cancel(struct upstream_request *r);

/* The kinds; only upstream.c calls these. */
struct upstream_ops {
	struct upstream_request *(*head)(struct upstream *u,
	    const char *repository, const char *tag, upstream_manifest_cb cb,
	    void *arg);
	struct upstream_request *(*get_manifest)(struct upstream *u,
	    const char *repository, const char *reference,
	    upstream_manifest_cb cb, void *arg);
	struct upstream_request *(*get_blob)(struct upstream *u,
	    const char *repository, const struct digest *digest, uint64_t size,
	    int tmp_fd, const struct upstream_blob_callbacks *cb);
	struct upstream_request *(*list)(struct upstream *u,
	    const char *repository, const struct digest *subject,
	    upstream_list_cb cb, void *arg);
	void (*cancel)(struct upstream_request *r);
	void (*free)(struct upstream *u);
};
/*
 * An upstream that says when to come back (Retry-After) is not asked for the
 * same thing before, up to so long: longer, and who has got a higher limit
 * meanwhile would be shut out.
 */
#define UPSTREAM_RETRY_MAX_S 300

/* How an upstream has behaved, for `winnow status` and the metrics. */
struct upstream_state {
	uint64_t requests; /* that have ended */
	uint64_t errors[ERR_CODES];
	int64_t succeeded; /* seconds of the wall clock; 0: never */
	int64_t failed;
	struct err error; /* of the last failure; a 404 is none */
	/* From its headers, unless -1. */
	int64_t rate_limit;
	int64_t rate_remaining;
	uint64_t retry_at_ms; /* of the monotonic clock; the latest */
};

/* Every implementation's structs start with these. */
struct upstream {
	const struct upstream_ops *ops;
	struct event_base *base;
	char *host;
	struct upstream_state state;
};

/* A request has ended, well (`e` NULL) or not; the implementations'. */
void upstream_note(struct upstream *u, const struct err *e);
/* The rate-limit headers of an answer. */
void upstream_note_rate(struct upstream *u, const struct http_response *r);
/* It has asked, about one thing, to come back after so long. */
void upstream_note_retry(struct upstream *u, uint64_t seconds);
/* The seconds until all such times are over; 0 when none is left. */
uint64_t upstream_retry_after(const struct upstream *u);

struct upstream_request {
	struct upstream *upstream;
};
/*
 * The media type that a manifest gives itself, or that its members mean; the
 * caller frees it.
 */
int upstream_guess_media_type(
    const char *text, size_t len, char **out, struct err *e);
int upstream_registry_new(struct event_base *base, struct http_client *client,
    const struct config *config, const struct config_upstream *cu,
    struct upstream **out, struct err *e);
int upstream_layout_new(struct event_base *base,
    const struct config_upstream *cu, struct upstream **out, struct err *e);

#endif
