/*
 * store: what winnow keeps under its state directory (DESIGN section 5).
 *
 *	blobs/sha256/ab/HEX	immutable blobs, by digest
 *	index/ab/HEX		layer indexes, by the source layer's digest
 *	winnow.db		SQLite: what refers to what
 *	lock			held by the one core that owns the store
 *
 * Core only; the only module that includes SQLite.  A row is written after
 * its file is durable; a file without a row is swept at start; files are only
 * ever linked and unlinked, so a reader with an open descriptor is safe.
 *
 * A *scope* is a repository as it is served: "docker.io/library/postgres"
 * for its variants, "original:docker.io/library/postgres" for its source,
 * "pass:docker.io/library/postgres" for what passes since no policy speaks of
 * it.
 * A manifest or blob is answered in a scope only if a row says so.
 */
#ifndef WINNOW_DAEMON_STORE_H
#define WINNOW_DAEMON_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "winnow/digest.h"
#include "winnow/err.h"

struct store;

/*
 * Opens or makes the store in `dir`; sweeps what an interrupted run left.
 * ERR_BUSY when another process holds it.
 */
int store_open(const char *dir, struct store **out, struct err *e);
void store_close(struct store *s);

/* A new unlinked file beside the blobs, to become one by store_add_blob(). */
int store_open_unlinked(struct store *s, int *fd, struct err *e);

/* What the blobs take. */
struct store_usage {
	uint64_t blobs;
	uint64_t bytes;
	uint64_t evicted_blobs; /* so far */
	uint64_t evicted_bytes;
};
void store_get_usage(const struct store *s, struct store_usage *out);

/* The directory blobs/sha256, for servers; borrowed. */
int store_blobs_fd(const struct store *s);

/*
 * Gives the unlinked file `fd` its name.  The caller has verified the digest
 * and synced the contents.  Adding a blob that is there does nothing.
 */
int store_add_blob(struct store *s, int fd, const struct digest *digest,
    uint64_t size, struct err *e);
/* The same for small contents in memory: writes, syncs, adds. */
int store_add_bytes(struct store *s, const void *data, size_t len,
    struct digest *digest, struct err *e);
/*
 * True when the blob is in the store, its file whole as far as its size
 * tells; *size may be NULL.  A blob whose file is gone or cut is forgotten.
 */
bool
store_has_blob(struct store *s, const struct digest *digest, uint64_t *size);
/* Opens a blob for reading; ERR_NOT_FOUND. */
int store_open_blob(
    struct store *s, const struct digest *digest, int *fd, struct err *e);
/* Forgets a blob whose file is damaged or gone; on a disk that takes writes. */
void store_drop_blob(struct store *s, const struct digest *digest);

/*
 * Uses: a blob's row has when it was last used, by store_now().
 * Uses are collected and written together; with a manifest, all that it holds
 * counts as used at that very moment.  Blobs that core finds or opens count by
 * themselves.
 */
/* Microseconds of the wall clock. */
int64_t store_now(void);
void store_note_use(struct store *s, const struct digest *digest);
void store_flush_uses(struct store *s);

struct store_blob {
	struct digest digest;
	uint64_t size;
	int64_t used;
};
/* The blobs longest unused, at most `max`; the caller frees *out. */
void store_list_unused(struct store *s, int64_t before, size_t max,
    struct store_blob **out, size_t *count);
/*
 * Removes blobs; what refers to them stays, so that they can be had again.
 * A reader that has one open goes on reading.
 */
int store_evict(struct store *s, const struct store_blob *blobs, size_t count,
    struct err *e);

/* Why the disk took the last write not, or NULL when it did. */
const struct err *store_refusal(const struct store *s);

/* A manifest or index holds a blob or manifest: they are used together. */
void store_put_holds(struct store *s, const struct digest *manifest,
    const struct digest *digest);

/* Layer indexes, of the current LAYER_INDEX_VERSION. */
int store_add_index(
    struct store *s, int fd, const struct digest *layer, struct err *e);
int store_open_index(
    struct store *s, const struct digest *layer, int *fd, struct err *e);

/*
 * Rows.  The put functions replace; the get functions return true when the row
 * is there.  Those without a struct err belong between store_begin() and
 * store_commit(), which says whether the disk took them.  A database that
 * cannot be read is fatal to core: it logs and exits, and the service manager
 * starts it anew from what is durable.
 */
struct store_tag {
	struct digest source;
	int64_t checked_ms; /* wall clock of the last check upstream */
};
int store_put_tag(struct store *s, const char *scope, const char *tag,
    const struct store_tag *row, struct err *e);
bool store_get_tag(
    struct store *s, const char *scope, const char *tag, struct store_tag *row);
/* The tags of a scope, in ASCII order; the caller frees each and *tags. */
void store_list_tags(
    struct store *s, const char *scope, char ***tags, size_t *count);

#define STORE_MEDIA_TYPE_MAX 256
struct store_manifest {
	char media_type[STORE_MEDIA_TYPE_MAX];
	uint64_t size;
};
void store_put_manifest(struct store *s, const char *scope,
    const struct digest *digest, const struct store_manifest *row);
bool store_get_manifest(struct store *s, const char *scope,
    const struct digest *digest, struct store_manifest *row);

/*
 * Also when its rows are forgotten and only its digest is known: has been
 * served, and can be had again.
 */
bool store_knows_manifest(
    struct store *s, const char *scope, const struct digest *digest);

/* Blobs that a manifest of the scope refers to, here or still upstream. */
void store_put_reach(struct store *s, const char *scope,
    const struct digest *digest, uint64_t size);
bool store_get_reach(struct store *s, const char *scope,
    const struct digest *digest, uint64_t *size);

/* Manifests that an index of the scope lists, here or still upstream. */
void store_put_child(
    struct store *s, const char *scope, const struct digest *digest);
bool store_has_child(
    struct store *s, const char *scope, const struct digest *digest);

/* Which variant manifest stands for a source manifest in a scope. */
void store_put_map(struct store *s, const char *scope,
    const struct digest *source, const struct digest *variant);
bool store_get_map(struct store *s, const char *scope,
    const struct digest *source, struct digest *variant);
/* And back: a source that this variant stands for. */
bool store_get_map_source(struct store *s, const char *scope,
    const struct digest *variant, struct digest *source);

/* A finished variant under its key, with the recipe to build it again. */
struct store_variant {
	struct digest digest; /* of its index or manifest */
	struct digest source;
	const char *recipe; /* JSON; borrowed, not filled by get */
	/* The text of its policy, or NULL; likewise.  It is kept once for all
	 * variants that were made with it. */
	const char *policy;
};
void store_put_variant(struct store *s, const struct digest *key,
    const char *scope, const struct store_variant *row);
bool store_get_variant(struct store *s, const struct digest *key,
    const char *scope, struct store_variant *row);

/* A variant as it is remembered; store_holder_clear() releases it. */
struct store_holder {
	struct digest key;
	struct digest digest;
	struct digest source;
	char *recipe;
	char *policy; /* or NULL */
};
/*
 * Shows `visit` the variants of the scope that hold this manifest or blob, or
 * are it, until it returns true; so does this then.  It must not use the store.
 */
bool store_find_holder(struct store *s, const char *scope,
    const struct digest *digest,
    bool (*visit)(void *arg, const struct store_holder *variant), void *arg);
void store_holder_clear(struct store_holder *h);

#define auto_store_holder __attribute__((cleanup(store_holder_clear)))

struct store_derived {
	struct digest digest;
	uint64_t size;
	struct digest diff_id;
	uint64_t tar_size;
};
int store_put_derived(struct store *s, const struct digest *key,
    const struct store_derived *row, struct err *e);
bool store_get_derived(
    struct store *s, const struct digest *key, struct store_derived *row);

/* Forgets the variants of a scope: they are built again when asked for. */
int store_forget_variants(struct store *s, const char *scope, struct err *e);

/*
 * Forgets what was evicted, unused or unchecked since `before_us`
 * (store_now()), at most `max` of each kind: what comes back with its manifest
 * always, and the manifest's digest unless `keeps` says that it must stay
 * known.  That is asked about each variant that the manifest is of, or once
 * with NULL; it must not use the store.
 */
struct store_forget {
	int64_t before_us;
	size_t max;
	bool (*keeps)(
	    void *arg, const char *scope, const struct store_holder *variant);
	void *arg;
};
/* True when there is more. */
bool store_forget(struct store *s, const struct store_forget *f);

/* Forgets a tag, all tags of a scope (`tag` NULL), or all (both NULL). */
int store_drop_tags(
    struct store *s, const char *scope, const char *tag, struct err *e);

/* What is to be purged: with a NULL scope everything. */
struct store_purge {
	const char *scope;
	/* NULL: all of the scope; else a manifest, and the variants made of
	 * this source. */
	const struct digest *digest;
	bool variants; /* only those */
};
/*
 * The blobs of it that were not used since `before` and that nothing else
 * holds; the caller frees *out.
 */
void store_list_purged(struct store *s, const struct store_purge *p,
    int64_t before, struct store_blob **out, size_t *count);

/* Several puts that become durable together, or (-1) none of them. */
void store_begin(struct store *s);
int store_commit(struct store *s, struct err *e);

#endif
