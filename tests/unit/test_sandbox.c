/* sandbox: what a process in it can do, and what it cannot. */
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"

#include "winnow/digest.h"
#include "winnow/fsutil.h"
#include "winnow/mem.h"
#include "winnow/sandbox.h"

/* Where a child says which system call was denied. */
static int denied_fd;

static void
tell(int system_call)
{
	if (write(denied_fd, &system_call, sizeof(system_call)) == -1)
		_exit(99);
}

/*
 * Runs `body` in a sandboxed child; its status as from waitpid(2), and the
 * system call that was denied, or -1.
 */
static int
run(void (*body)(void), int *denied)
{
	int ends[2], status = 0;
	struct err e;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		denied_fd = ends[1];
		hash_free(hash_new());
		if (sandbox_enter(tell, &e) == -1) {
			fprintf(stderr, "%s\n", e.message);
			_exit(98);
		}
		body();
		_exit(0);
	}
	close(ends[1]);
	*denied = -1;
	if (read(ends[0], denied, sizeof(*denied)) == -1)
		*denied = -2;
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
try_open(void)
{
	open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static void
try_create(void)
{
	mkdirat(AT_FDCWD, "/tmp/winnow-test-sandbox", 0700);
}

static void
try_stat(void)
{
	struct stat st;

	stat("/", &st);
}

static void
try_unlink(void)
{
	unlinkat(AT_FDCWD, "/tmp/winnow-test-sandbox", 0);
}

static void
try_socket(void)
{
	socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void
try_socketpair(void)
{
	int fds[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
}

static void
try_exec(void)
{
	char name[] = "/bin/true", *argv[] = {name, NULL};

	execve(name, argv, NULL);
}

/* Not by fork(3): glibc 2.41 blocks the handler's signal meanwhile. */
static void
try_fork(void)
{
	syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static void
try_ptrace(void)
{
	ptrace(PTRACE_ATTACH, 1, NULL, NULL);
}

static void
try_trace_me(void)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static void
try_kill(void)
{
	kill(1, 0);
}

/* Any signal but SIGABRT, to itself. */
static void
try_signal(void)
{
	syscall(SYS_tgkill, getpid(), gettid(), SIGTERM);
}

static void
try_memfd(void)
{
	memfd_create("x", MFD_CLOEXEC);
}

static void
try_execute_memory(void)
{
	mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	    0);
}

static void
try_make_executable(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static void
try_namespace(void)
{
	unshare(CLONE_NEWUSER);
}

static void
try_limits_of_others(void)
{
	struct rlimit limit;

	prlimit(1, RLIMIT_CPU, NULL, &limit);
}

static void
try_duplicate(void)
{
	dup(0);
}

static void
test_denied(void **state)
{
	static const struct {
		const char *name;
		void (*body)(void);
		int system_call;
	} rows[] = {
	    {"open", try_open, SYS_openat},
	    {"mkdirat", try_create, SYS_mkdirat},
	    {"stat", try_stat, SYS_newfstatat},
	    {"unlinkat", try_unlink, SYS_unlinkat},
	    {"socket", try_socket, SYS_socket},
	    {"socketpair", try_socketpair, SYS_socketpair},
	    {"execve", try_exec, SYS_execve},
	    {"fork", try_fork, SYS_clone},
	    {"ptrace", try_ptrace, SYS_ptrace},
	    {"ptrace me", try_trace_me, SYS_ptrace},
	    {"kill", try_kill, SYS_kill},
	    {"tgkill", try_signal, SYS_tgkill},
	    {"memfd_create", try_memfd, SYS_memfd_create},
	    {"mmap executable", try_execute_memory, SYS_mmap},
	    {"mprotect executable", try_make_executable, SYS_mprotect},
	    {"unshare", try_namespace, SYS_unshare},
	    {"prlimit of another", try_limits_of_others, SYS_prlimit64},
	    {"dup", try_duplicate, SYS_dup},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int denied, status = run(rows[i].body, &denied);

		if (!WIFEXITED(status) ||
		    WEXITSTATUS(status) != SANDBOX_EXIT_STATUS ||
		    denied != rows[i].system_call)
			fail_msg("%s: status %#x, denied %d", rows[i].name,
			    (unsigned)status, denied);
	}
}

/* Memory that grows past every threshold of the allocator, and shrinks. */
static void
grow_memory(void)
{
	char *p = NULL;
	size_t size;

	for (size = 1; size < (64u << 20); size *= 3) {
		p = mem_realloc(p, size, 1);
		memset(p, 1, size);
	}
	p = mem_realloc(p, 1000, 1);
	free(p);
}

static int file_fd;

static void
use_descriptors(void)
{
	uint64_t size = 0;
	char byte = 0;
	struct err e;
	void *map;

	if (fsutil_pwrite_all(file_fd, "abc", 3, 0, &e) == -1 ||
	    fsutil_pread_all(file_fd, &byte, 1, 2, &e) == -1 ||
	    fsutil_size(file_fd, &size, &e) == -1 || byte != 'c' || size != 3)
		_exit(1);
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file_fd, 0);
	if (map == MAP_FAILED || memcmp(map, "abc", 3) != 0 ||
	    munmap(map, 4096) == -1 || ftruncate(file_fd, 1) == -1 ||
	    fdatasync(file_fd) == -1 || lseek(file_fd, 0, SEEK_SET) != 0 ||
	    close(file_fd) == -1)
		_exit(2);
}

static void
lower_limits(void)
{
	struct rlimit limit = {100, 100};

	if (setrlimit(RLIMIT_CPU, &limit) == -1)
		_exit(1);
}

static void
compute_digest(void)
{
	struct digest digest;

	digest_of("abc", 3, &digest);
	if (digest.bytes[0] != 0xba)
		_exit(1);
}

static void
test_allowed(void **state)
{
	static void (*const bodies[])(void) = {
	    grow_memory, use_descriptors, lower_limits, compute_digest};
	struct err e;
	size_t i;

	(void)state;
	assert_int_equal(fsutil_open_unlinked("/tmp", &file_fd, &e), 0);
	for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		int denied, status = run(bodies[i], &denied);

		if (status != 0 || denied != -1)
			fail_msg("%zu: status %#x, denied %d", i,
			    (unsigned)status, denied);
	}
	close(file_fd);
}

/* What the stack protector and assert() end in is said by its signal. */
static void
test_abort(void **state)
{
	int denied, status = run(abort, &denied);

	(void)state;
	assert_int_equal(denied, -1);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_denied),
	    cmocka_unit_test(test_allowed),
	    cmocka_unit_test(test_abort),
	};

#ifdef SANITIZERS
	/* There is no filter in such a build. */
	return 77;
#endif
	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
