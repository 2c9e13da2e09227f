#include "config.h"

#include "winnow/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "winnow/auto.h"

/*
 * Landlock's rights by version of its interface; older headers do not know
 * all of them.  Handling a right without a rule that grants it denies it.
 */
#define FS_RIGHTS_1 ((UINT64_C(1) << 13) - 1)
#define FS_RIGHT_REFER (UINT64_C(1) << 13)
#define FS_RIGHT_TRUNCATE (UINT64_C(1) << 14)
#define FS_RIGHT_IOCTL_DEV (UINT64_C(1) << 15)
#define NET_RIGHTS_TCP UINT64_C(3) /* bind and connect */
#define SCOPES UINT64_C(3) /* abstract Unix sockets and signals */

/* struct landlock_ruleset_attr of version 6 */
struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

#ifdef SANITIZERS
static const bool is_sanitized = true;
#else
static const bool is_sanitized = false;
#endif

static sandbox_denied_fn denied_fn;

/* The version of the kernel's Landlock; 0 where there is none. */
static int
landlock_version(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	return version > 0 ? (int)version : 0;
}

/* Denies all that this kernel's Landlock can deny. */
static int
enter_landlock(struct err *e)
{
	int version = landlock_version();
	struct ruleset rules = {.fs = FS_RIGHTS_1};
	size_t size = sizeof(rules.fs);
	auto_fd int fd = -1;

	if (version == 0)
		return 0;
	if (version >= 2)
		rules.fs |= FS_RIGHT_REFER;
	if (version >= 3)
		rules.fs |= FS_RIGHT_TRUNCATE;
	if (version >= 5)
		rules.fs |= FS_RIGHT_IOCTL_DEV;
	if (version >= 4) {
		rules.net = NET_RIGHTS_TCP;
		size += sizeof(rules.net);
	}
	if (version >= 6) {
		rules.scoped = SCOPES;
		size += sizeof(rules.scoped);
	}
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
	if (fd == -1)
		return err_set_errno(e, "cannot make Landlock's rules");
	if (syscall(SYS_landlock_restrict_self, fd, 0) == -1)
		return err_set_errno(e, "cannot impose Landlock's rules");
	return 0;
}

/* Whatever their arguments. */
static const int allowed[] = {
    /* contents */
    SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(pwrite64),
    SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(lseek), SCMP_SYS(fstat),
    SCMP_SYS(ftruncate), SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(close),
    /* the second on POWER and 32-bit ARM */
    SCMP_SYS(sync_file_range), SCMP_SYS(sync_file_range2),
    /* the channel, and the progress of a download */
    SCMP_SYS(sendmsg), SCMP_SYS(recvmsg), SCMP_SYS(poll), SCMP_SYS(ppoll),
    /* memory */
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
    /* time, chance, the machine's memory (for qsort) */
    SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(getrandom),
    SCMP_SYS(sysinfo),
    /* the C library's locks, abort() and the end */
    SCMP_SYS(futex), SCMP_SYS(getpid), SCMP_SYS(gettid),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group)};

/* Those that are harmless with some arguments only. */
static int
allow_some(scmp_filter_ctx ctx)
{
	int r;

	r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
	    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
		    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	/* Its own limits: a hard one can only be lowered. */
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64),
		    1, SCMP_A0(SCMP_CMP_EQ, 0, 0));
	/* abort() */
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 2,
		    SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0),
		    SCMP_A2(SCMP_CMP_EQ, SIGABRT, 0));
	return r;
}

static int
fill_filter(scmp_filter_ctx ctx)
{
	size_t i;
	int r = 0;

	for (i = 0; i < sizeof(allowed) / sizeof(allowed[0]) && r == 0; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
	return r == 0 ? allow_some(ctx) : r;
}

static void
on_denied(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	if (denied_fn != NULL)
		denied_fn(info->si_syscall);
	_exit(SANDBOX_EXIT_STATUS);
}

/*
 * A system call that is not allowed is not made, and raises SIGSYS: that is
 * how the process can say which one it was.  Code that has taken the process
 * over may catch the signal, and gets nothing by it.
 */
static int
enter_seccomp(struct err *e)
{
	struct sigaction action = {
	    .sa_sigaction = on_denied, .sa_flags = SA_SIGINFO};
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRAP);
	int r = -ENOMEM;

	sigaction(SIGSYS, &action, NULL);
	if (ctx != NULL)
		r = fill_filter(ctx);
	if (r == 0)
		r = seccomp_load(ctx);
	if (ctx != NULL)
		seccomp_release(ctx);
	if (r != 0) {
		errno = -r;
		return err_set_errno(e, "cannot impose the seccomp filter");
	}
	return 0;
}

int
sandbox_enter(sandbox_denied_fn denied, struct err *e)
{
	struct rlimit none = {0, 0};

	denied_fn = denied;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1 ||
	    setrlimit(RLIMIT_CORE, &none) == -1)
		return err_set_errno(e, "cannot give up privileges");
	if (is_sanitized)
		return 0;
	if (enter_landlock(e) == -1)
		return -1;
	return enter_seccomp(e);
}

const char *
sandbox_describe(void)
{
	static char text[40];
	int version = landlock_version();

	if (is_sanitized)
		return "none: built with sanitizers";
	if (version == 0)
		return "seccomp";
	snprintf(text, sizeof(text), "seccomp, Landlock %d", version);
	return text;
}
