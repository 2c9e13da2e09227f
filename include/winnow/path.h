/*
 * path: names inside an image, normalized: components separated by single
 * slashes, no leading or trailing slash, no `.` or `..`.  The root is "".
 * Names are bytes, not text.
 */
#ifndef WINNOW_PATH_H
#define WINNOW_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "winnow/err.h"
#include "winnow/strbuf.h"

/*
 * Appends the normalized form of `name` to `out`.  Leading slashes and `.`
 * vanish and `..` is clamped at the root, as docker and containerd unpack
 * (PROTOCOL 4.2).  ERR_INVALID for a NUL byte, ERR_LIMIT for a name longer
 * than LIMIT_PATH or a component longer than LIMIT_COMPONENT.
 */
int
path_normalize(const char *name, size_t len, struct strbuf *out, struct err *e);

/* The last component of a normalized path; "" for the root. */
const char *path_base(const char *path);

/*
 * The next component at *cursor, without copying: returns its start, puts
 * its length in *len and moves *cursor behind it; NULL at the end.
 */
const char *path_next(const char **cursor, size_t *len);

/* True when `path` is `dir` or lies below it; "" holds everything. */
bool path_is_below(const char *path, const char *dir);

/*
 * The canonical order: components compared as bytes, a directory directly
 * before what it holds.  As strcmp().
 */
int path_compare(const char *a, const char *b);

/* `path` for messages: bytes outside printable ASCII as \xNN. */
void path_escape(const char *path, struct strbuf *out);

#endif
