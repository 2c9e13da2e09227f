/*
 * progress: how much of the layers is read, as one line on a terminal that
 * is overwritten while it grows and gone at the end.  Nothing is shown where
 * standard error is no terminal.
 *
 * The counter is shared with children and threads: whoever reads a layer
 * counts, and one of them draws.
 */
#ifndef WINNOW_CLI_PROGRESS_H
#define WINNOW_CLI_PROGRESS_H

#include <stdint.h>

#include "winnow/auto.h"

struct progress;

/* Of `total` bytes; `what` is what is done with them ("reading").  NULL, which
 * the other functions accept, where standard error is no terminal. */
struct progress *progress_new(const char *what, uint64_t total);

/* Takes the line away. */
void progress_free(struct progress *p);

AUTO_DEFINE(progress, progress_free)
#define auto_progress __attribute__((cleanup(auto_progress_cleanup)))

/* More bytes were read; `arg` is the struct progress. */
void progress_add(void *arg, uint64_t bytes);

#endif
