/*
 * blob_fetch: downloads of upstream blobs, one per blob however many want it.
 *
 * Core only.  A fetch fills an unlinked file in the store's directory; its
 * users may read it while it grows, told by a progress pipe.  Nobody has
 * compared the digest yet: whoever uses the bytes hashes them.
 */
#ifndef WINNOW_DAEMON_BLOB_FETCH_H
#define WINNOW_DAEMON_BLOB_FETCH_H

#include <sys/queue.h>

#include "store.h"
#include "upstream.h"

struct blob_fetches; /* all that are under way */
struct blob_fetch;

struct blob_fetches *blob_fetches_new(struct store *store);
void blob_fetches_free(struct blob_fetches *all);

/* One user of a fetch, embedded in the user's own struct. */
struct blob_fetch_user {
	/* Bytes are there, more are to come; may be NULL.  Called once, and not
	 * for a fetch that ends with its first bytes. */
	void (*on_ready)(void *arg);
	/* The end, well or not. */
	void (*on_done)(void *arg, const struct err *e);
	void *arg;
	/* blob_fetch's: */
	bool told; /* on_ready was called */
	TAILQ_ENTRY(blob_fetch_user) entry;
};

/*
 * Joins the fetch of this blob from this upstream, or starts it; a blob that
 * the store has is not fetched but read from there.  Callbacks
 * come from the loop.  Every join is ended by blob_fetch_leave(), also after
 * on_done: the file lives as long as somebody uses it.
 */
struct blob_fetch *blob_fetch_join(struct blob_fetches *all, struct upstream *u,
    const char *repository, const struct digest *digest, uint64_t size,
    struct blob_fetch_user *user);
void blob_fetch_leave(struct blob_fetch *f, struct blob_fetch_user *user);

/* The file, read-only; borrowed. */
int blob_fetch_fd(const struct blob_fetch *f);
/* Bytes that have come. */
uint64_t blob_fetch_received(const struct blob_fetch *f);
bool blob_fetch_complete(const struct blob_fetch *f);
/* True from the first bytes to the end: the file can be read while it grows. */
bool blob_fetch_growing(const struct blob_fetch *f);

/* True when the file is an unlinked one of the store's, ready to be added. */
bool blob_fetch_owns_file(const struct blob_fetch *f);

/*
 * A pipe to read progress from (see inflate.h); the caller closes it.  -1
 * when the fetch is complete, or no pipe could be had.
 */
int blob_fetch_open_progress(struct blob_fetch *f);

#endif
