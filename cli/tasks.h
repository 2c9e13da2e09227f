/*
 * tasks: parts of a command's work, shared between as many processes as there
 * are processors, the largest first.
 *
 * The processes are in the sandbox (winnow/sandbox.h), with what `start` opened
 * for them.  The order in which tasks end has no influence on what comes out.
 */
#ifndef WINNOW_CLI_TASKS_H
#define WINNOW_CLI_TASKS_H

#include <stddef.h>
#include <stdint.h>

#include "winnow/err.h"

/* The processors that this process may use. */
size_t tasks_processors(void);

struct tasks {
	size_t count;
	const uint64_t *sizes; /* by task, in whatever unit */
	void *arg;
	/* In this process, for all tasks before any runs: opens what they
	 * need.  1: there is nothing to do. */
	int (*start)(void *arg, size_t i, struct err *e);
	/* In one of the others: leaves the result in files or shared
	 * memory. */
	int (*run)(void *arg, size_t i, struct err *e);
	/* In this process, once the others run; or NULL. */
	int (*meanwhile)(void *arg, struct err *e);
	/* In this process, while others run on: takes the result. */
	int (*finish)(void *arg, size_t i, struct err *e);
};

/*
 * Runs all tasks.  -1 and the error of the first one that fails or whose
 * process ends before it, or of `meanwhile`; the others are ended then.
 */
int tasks_run(const struct tasks *t, struct err *e);

#endif
