/* store_internal: what the two halves of the store share. */
#ifndef WINNOW_DAEMON_STORE_INTERNAL_H
#define WINNOW_DAEMON_STORE_INTERNAL_H

#include "digest_set.h"
#include "store.h"

struct store_db;

struct store {
	struct store_db *db;
	char *dir;
	int lock_fd;
	int blobs_fd; /* blobs/sha256 */
	int index_fd; /* index */
	struct store_usage usage;
	struct digest_set *used; /* since store_flush_uses() */
};

/* At the start: forgets rows without files, removes files without rows. */
void store_sweep(struct store *s);

/* Remove the file of a blob, or of a layer's index. */
void store_unlink_blob(struct store *s, const struct digest *digest);
void store_unlink_index(struct store *s, const struct digest *layer);

int store_db_open(const char *path, struct store_db **out, struct err *e);
void store_db_close(struct store_db *db);

/*
 * The disk took no write, or (NULL) took one: logged when that changes.
 * store_db_refusal() is why the last one was refused, or NULL.
 */
void store_db_note_refusal(struct store_db *db, const struct err *e);
const struct err *store_db_refusal(const struct store_db *db);

/* The rows of blob files. */
int store_db_put_blob(struct store_db *db, const struct digest *digest,
    uint64_t size, struct err *e);
bool store_db_get_blob(
    struct store_db *db, const struct digest *digest, uint64_t *size);
void store_db_use_blob(
    struct store_db *db, const struct digest *digest, int64_t now);
/* Part of a transaction. */
void store_db_drop_blob(struct store_db *db, const struct digest *digest);
int store_db_put_index(
    struct store_db *db, const struct digest *layer, struct err *e);
void store_db_drop_index(struct store_db *db, const struct digest *layer);
bool store_db_get_index(struct store_db *db, const struct digest *layer);
void store_db_use_index(struct store_db *db, const struct digest *layer);
/* Rows of indexes that another version of winnow wrote. */
void store_db_drop_foreign_indexes(struct store_db *db);

/* Calls `visit` with every blob that has a row, in order of digests. */
void store_db_each_blob(struct store_db *db,
    void (*visit)(void *arg, const struct digest *digest, uint64_t size),
    void *arg);

#endif
