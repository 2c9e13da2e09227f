/*
 * glob: path patterns of policies.
 *
 * `?` is one byte and `*` any bytes of a component, `[a-z]` and `[!a-z]` one
 * byte of a set, `{a,b}` either, `**` as a whole component any number of
 * components, `\` takes the next byte literally.  A pattern is absolute:
 * it starts with a slash.
 *
 * `**` at the end is one component or more: behind a directory it matches
 * everything below, but not the directory itself.  In the middle it may be
 * none: `a`, `**` and `b` match a/b too.  Nothing matches the root.
 */
#ifndef WINNOW_GLOB_H
#define WINNOW_GLOB_H

#include <stdbool.h>
#include <stddef.h>

#include "winnow/auto.h"
#include "winnow/err.h"

struct glob;

/*
 * Compiles a pattern.  ERR_INVALID says what is wrong, and *column (if given)
 * at which byte, from 0: relative, empty component, `.` or `..`, `**` beside
 * other bytes, unclosed bracket or brace, a brace without a comma, a
 * backwards range, a class like [:alpha:], or more than 256 alternatives.
 * ERR_LIMIT for more than LIMIT_PATH bytes.
 */
int glob_compile(
    const char *pattern, struct glob **out, size_t *column, struct err *e);
void glob_free(struct glob *g);

AUTO_DEFINE(glob, glob_free)
#define auto_glob __attribute__((cleanup(auto_glob_cleanup)))

/*
 * True when the whole normalized path matches, without regard to symbolic
 * links.  Time is bounded by pattern length times path length.
 */
bool glob_match(const struct glob *g, const char *path);

/*
 * True when something below the directory `path` could match: lets a walk
 * skip whole directories.
 */
bool glob_match_below(const struct glob *g, const char *path);

/*
 * The leading components of each alternative that hold no special
 * characters, unescaped and normalized ("" when none); `count` alternatives.
 */
size_t glob_alternatives(const struct glob *g);
const char *glob_literal_prefix(const struct glob *g, size_t alternative);

/*
 * The pattern's alternative as a glob of its own without its literal prefix,
 * to be matched against paths relative to what the prefix resolves to; NULL
 * when the alternative is literal throughout.  Borrowed.  A rest never
 * matches "".
 */
const struct glob *glob_rest(const struct glob *g, size_t alternative);

/*
 * A glob for names without slashes, like tags and repository parts.  A name
 * with a slash, and a malformed pattern, never match.
 */
bool glob_match_name(const char *pattern, const char *name);

#endif
