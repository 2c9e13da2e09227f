/*
 * spawn: a new process with descriptors of the caller's choice, and no signal
 * blocked, whatever the caller blocks.  All else that is open has to be
 * close-on-exec.
 */
#ifndef WINNOW_DAEMON_SPAWN_H
#define WINNOW_DAEMON_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

struct spawn_fd {
	int from;
	int to; /* as the process has it */
};

struct spawn_program {
	const char *file; /* searched for in PATH unless it has a slash */
	char *const *argv;
	char *const *envp;
	const struct spawn_fd *fds;
	size_t fd_count;
};

/* 0, or -1 with errno. */
int spawn_start(const struct spawn_program *p, pid_t *pid);

#endif
