/*
 * builds: how the making of variants and the fetching of originals ends:
 * counts for the metrics, and the last failures for `winnow status`.  Core
 * only; lives in memory.
 */
#ifndef WINNOW_DAEMON_BUILDS_H
#define WINNOW_DAEMON_BUILDS_H

#include <stddef.h>
#include <stdint.h>

#include "winnow/err.h"

/* Failures that are remembered. */
#define BUILDS_FAILURES 16
/* Upper bounds of the histogram, in seconds. */
#define BUILDS_BUCKETS 10
extern const unsigned builds_bounds[BUILDS_BUCKETS];
/* Repository and digest; the longer is cut. */
#define BUILDS_WHAT 400

struct build_failure {
	int64_t when; /* seconds of the wall clock */
	char what[BUILDS_WHAT];
	struct err error;
};

/* All zero at first. */
struct builds {
	uint64_t built;
	uint64_t failed[ERR_CODES];
	uint64_t buckets[BUILDS_BUCKETS + 1]; /* the last: longer than all */
	uint64_t total_ms;
	struct build_failure failures[BUILDS_FAILURES]; /* a ring */
	size_t failure_count; /* so far */
};

/* A variant is made, or (with `e`) is not. */
void builds_note(
    struct builds *b, const char *what, uint64_t ms, const struct err *e);
/* Something else has failed that an admin should see. */
void
builds_note_failure(struct builds *b, const char *what, const struct err *e);

/* The i-th last failure, or NULL. */
const struct build_failure *builds_failure(const struct builds *b, size_t i);

#endif
