/*
 * sandbox: what a process that reads image content gives up.
 *
 * Entered once, by a process of one thread, after everything that needs the
 * rest of the system (locale, tables of libraries) and before the first byte
 * from outside.  What remains: the descriptors that are open or will be
 * received, memory, time.  See doc/internals/processes.md.
 */
#ifndef WINNOW_SANDBOX_H
#define WINNOW_SANDBOX_H

#include <stdbool.h>

#include "winnow/err.h"

/*
 * Called, in a signal handler, in place of a system call that the sandbox does
 * not allow; the process ends afterwards with SANDBOX_EXIT_STATUS.
 */
typedef void (*sandbox_denied_fn)(int system_call);

#define SANDBOX_EXIT_STATUS 77

/*
 * Forbids all system calls but those that work on open descriptors and memory
 * (seccomp), every right on files and sockets where the kernel knows Landlock,
 * new privileges and core files.  ERR_SYSTEM when the kernel refuses.  In a
 * build with sanitizers, which open and start things by themselves, nothing
 * but the last two.
 */
int sandbox_enter(sandbox_denied_fn denied, struct err *e);

/* What sandbox_enter() does here: "seccomp, Landlock 6"; for logs. */
const char *sandbox_describe(void);

#endif
