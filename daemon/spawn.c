#include "spawn.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>

int
spawn_start(const struct spawn_program *p, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	int result;
	size_t i;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	for (i = 0; i < p->fd_count; i++)
		posix_spawn_file_actions_adddup2(
		    &actions, p->fds[i].from, p->fds[i].to);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attr, &none);
	result = posix_spawnp(pid, p->file, &actions, &attr, p->argv, p->envp);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	errno = result;
	return result == 0 ? 0 : -1;
}
