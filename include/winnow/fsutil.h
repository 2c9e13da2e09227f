/*
 * fsutil: files as winnow uses them: whole small ones, unlinked ones, and
 * complete writes.
 */
#ifndef WINNOW_FSUTIL_H
#define WINNOW_FSUTIL_H

#include <stdint.h>
#include <sys/types.h>

#include "winnow/err.h"

/*
 * Reads all of a file of at most `max` bytes.  *data is the caller's to free
 * and NUL-terminated (the NUL is not counted).  ERR_LIMIT names the file.
 * `fd` is read from offset 0, wherever it stands.
 */
int fsutil_read_file(int dirfd, const char *path, size_t max, char **data,
    size_t *len, struct err *e);
int fsutil_read_fd(int fd, const char *what, size_t max, char **data,
    size_t *len, struct err *e);

/* Writes all of `len` bytes at the descriptor's position, or at `offset`. */
int fsutil_write_all(int fd, const void *data, size_t len, struct err *e);
int fsutil_pwrite_all(
    int fd, const void *data, size_t len, off_t offset, struct err *e);

/* Reads exactly `len` bytes at `offset`; fewer is ERR_INVALID. */
int
fsutil_pread_all(int fd, void *data, size_t len, off_t offset, struct err *e);

/* The size of an open regular file. */
int fsutil_size(int fd, uint64_t *size, struct err *e);

/*
 * An unlinked read-write file in the directory `dir` (O_TMPFILE; close-on-
 * exec).  Gone when its last descriptor is closed.
 */
int fsutil_open_unlinked(const char *dir, int *fd, struct err *e);

/* The same in memory, for small contents and for tests. */
int fsutil_open_memory(const char *name, int *fd, struct err *e);

/* Nobody can change it any more, whoever has its descriptor. */
int fsutil_seal_memory(int fd, struct err *e);

/* The same open file for reading only, for who must not change it. */
int fsutil_reopen_read_only(int fd, int *out, struct err *e);

/* mkdir -p with mode 0755 for what is missing; `mode` for the last. */
int fsutil_make_dirs(const char *path, mode_t mode, struct err *e);

#endif
