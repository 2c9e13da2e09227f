/*
 * spool: contents of files of one source layer, kept for emitting, in an
 * unlinked file.  Contents are named by the ordinal of their layer entry.
 * A table behind the contents lets another process load it.
 */
#ifndef WINNOW_SPOOL_H
#define WINNOW_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "winnow/auto.h"
#include "winnow/err.h"

struct spool;

/* A new spool that writes to `fd` (borrowed) from offset 0. */
struct spool *spool_new(int fd);

/* Reads the table of a finished spool.  ERR_INVALID when it is not one. */
int spool_load(int fd, struct spool **out, struct err *e);
void spool_free(struct spool *s);

AUTO_DEFINE(spool, spool_free)
#define auto_spool __attribute__((cleanup(auto_spool_cleanup)))

/*
 * One content at a time: begin it, append its bytes, read back what was written
 * so far, then keep it under `ordinal` or drop it.  Of how many bytes it will
 * be decides only how they are written.
 */
void spool_begin(struct spool *s, uint64_t size);
int spool_append(struct spool *s, const void *data, size_t len, struct err *e);
/* Zeros (a hole of a sparse file). */
int spool_append_hole(struct spool *s, uint64_t len, struct err *e);
/* A read-only map of the content being written; spool_unmap() it. */
int spool_map(struct spool *s, const void **data, size_t *len, struct err *e);
void spool_unmap(struct spool *s);
void spool_keep(struct spool *s, uint32_t ordinal);
void spool_drop(struct spool *s);

/* Writes the table; nothing may be appended afterwards. */
int spool_finish(struct spool *s, struct err *e);

/* Where the content of `ordinal` lies in the file; false when not kept. */
bool spool_find(
    const struct spool *s, uint32_t ordinal, uint64_t *offset, uint64_t *size);
int spool_fd(const struct spool *s);

#endif
