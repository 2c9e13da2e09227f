/*
 * script_calls: the programs that a shell script calls, as far as its text
 * says so: words where a command begins, outside of comments, single quotes
 * and here-documents, without builtins and the script's own functions.
 *
 * It is a guess for hints.  What is called by a variable, by `sh -c`, or in a
 * file that the script reads, is not seen; a command that never runs, is.
 */
#ifndef WINNOW_SCRIPT_CALLS_H
#define WINNOW_SCRIPT_CALLS_H

#include <stdbool.h>

#include "winnow/strbuf.h"

/*
 * True when a shell of the POSIX kind interprets the script; `line` is what
 * follows "#!".
 */
bool script_is_shell(const char *line);

/*
 * Appends the names and absolute paths to `out`, each once, in order of
 * appearance, with a blank between; nothing when there are none, and at most
 * LIMIT_SCRIPT_CALLS bytes.  The text is that of the script from its beginning,
 * of which no more than LIMIT_SCRIPT_SIZE bytes are read.
 */
void script_calls_read(const char *text, size_t len, struct strbuf *out);

/* True for what script_calls_read() may have appended. */
bool script_calls_are_valid(const char *calls);

#endif
