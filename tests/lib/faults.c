/*
 * faults: makes writes to one filesystem fail, under a real winnowd.
 *
 *	LD_PRELOAD=libfaults.so FAULTS=FILE winnowd ...
 *
 * FILE holds a struct faults (tests/lib/store_faults.py writes it), mapped by
 * core and by all that core starts, so that one count goes through all
 * processes and the test arms and disarms it while they run.  It is mapped
 * before a worker enters its sandbox, and what is below the store is told by
 * the device number of the descriptor: nothing here needs another system
 * call than fstat().
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Environment entries that children get besides. */
#define ENVIRONMENT_MAX 64
#define PATH_BYTES 4096

struct faults {
	uint64_t device; /* st_dev of the store */
	uint64_t at; /* the call that fails, from 1; 0: none does */
	uint64_t error; /* errno; 0: only a part is written */
	uint64_t lasting; /* all calls after it fail, too */
	uint64_t part; /* the first write that fails writes half before */
	_Atomic uint64_t count; /* calls so far */
	_Atomic uint64_t failed; /* of them */
	char first[48]; /* the first of those */
};

static struct faults *faults;
static bool is_core = true;

/* The next definition of a function; ISO C has no such conversion. */
static void
find_next(const char *name, void *out)
{
	void *found = dlsym(RTLD_NEXT, name);

	memcpy(out, &found, sizeof(found));
}

#define NEXT(name)                               \
	static __typeof__(name) *next;           \
	do {                                     \
		if (next == NULL)                \
			find_next(#name, &next); \
	} while (0)

static void __attribute__((constructor)) map_faults(void)
{
	const char *path = getenv("FAULTS");
	struct faults *map;
	int fd;

	if (path == NULL)
		return;
	/* Children of core have one variable less. */
	is_core = getenv("FAULTS_CHILD") == NULL;
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	if (fd == -1)
		abort();
	map =
	    mmap(NULL, sizeof(*map), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		abort();
	faults = map;
}

static bool
is_store_fd(int fd)
{
	struct stat st;

	return faults != NULL && faults->at != 0 &&
	    syscall(SYS_fstat, fd, &st) == 0 && st.st_dev == faults->device;
}

/* The directory of a path, which need not exist itself, or the path. */
static bool
is_store_path(int dir_fd, const char *path, bool itself)
{
	char parent[PATH_BYTES];
	const char *slash = strrchr(path, '/');
	struct stat st;

	if (faults == NULL || faults->at == 0)
		return false;
	if (itself)
		snprintf(parent, sizeof(parent), "%s", path);
	else if (slash == NULL)
		snprintf(parent, sizeof(parent), ".");
	else
		snprintf(parent, sizeof(parent), "%.*s",
		    (int)(slash - path + 1), path);
	return fstatat(dir_fd, parent, &st, 0) == 0 &&
	    st.st_dev == faults->device;
}

static void
note_first(const char *what)
{
	snprintf(faults->first, sizeof(faults->first), "%s in %s", what,
	    is_core ? "core" : "a child");
}

/* Counts a call below the store; true when it is to fail. */
static bool
fails(const char *what)
{
	uint64_t n = atomic_fetch_add(&faults->count, 1) + 1;

	if (n < faults->at || (n > faults->at && !faults->lasting))
		return false;
	if (atomic_fetch_add(&faults->failed, 1) == 0)
		note_first(what);
	errno = (int)faults->error;
	return true;
}

/*
 * How much of `len` bytes to write: all, or a part, or (-1) nothing, with
 * errno.
 */
static ssize_t
allowed(const char *what, int fd, size_t len)
{
	bool counts = is_store_fd(fd) && len > 0;

	/* A part of one byte is all of it. */
	if (!counts || (faults->error == 0 && len == 1))
		return (ssize_t)len;
	if (!fails(what))
		return (ssize_t)len;
	if (faults->error == 0 ||
	    (faults->part && faults->failed == 1 && len > 1))
		return (ssize_t)(len / 2);
	return -1;
}

ssize_t
write(int fd, const void *data, size_t len)
{
	NEXT(write);
	ssize_t n = allowed("write", fd, len);

	return n == -1 ? -1 : next(fd, data, (size_t)n);
}

ssize_t
pwrite(int fd, const void *data, size_t len, off_t offset)
{
	NEXT(pwrite);
	ssize_t n = allowed("pwrite", fd, len);

	return n == -1 ? -1 : next(fd, data, (size_t)n, offset);
}

ssize_t
pwrite64(int fd, const void *data, size_t len, off64_t offset)
{
	NEXT(pwrite64);
	ssize_t n = allowed("pwrite64", fd, len);

	return n == -1 ? -1 : next(fd, data, (size_t)n, offset);
}

/* What fails as a whole, on a descriptor of the store. */
static bool
fails_on(const char *what, int fd)
{
	return is_store_fd(fd) && faults->error != 0 && fails(what);
}

ssize_t
writev(int fd, const struct iovec *v, int count)
{
	NEXT(writev);
	return fails_on("writev", fd) ? -1 : next(fd, v, count);
}

ssize_t
copy_file_range(
    int from, off64_t *at, int to, off64_t *to_at, size_t len, unsigned flags)
{
	NEXT(copy_file_range);
	ssize_t n = allowed("copy_file_range", to, len);

	return n == -1 ? -1 : next(from, at, to, to_at, (size_t)n, flags);
}

int
ftruncate(int fd, off_t len)
{
	NEXT(ftruncate);
	return fails_on("ftruncate", fd) ? -1 : next(fd, len);
}

int
ftruncate64(int fd, off64_t len)
{
	NEXT(ftruncate64);
	return fails_on("ftruncate64", fd) ? -1 : next(fd, len);
}

int
fallocate(int fd, int mode, off_t offset, off_t len)
{
	NEXT(fallocate);
	return fails_on("fallocate", fd) ? -1 : next(fd, mode, offset, len);
}

int
fallocate64(int fd, int mode, off64_t offset, off64_t len)
{
	NEXT(fallocate64);
	return fails_on("fallocate64", fd) ? -1 : next(fd, mode, offset, len);
}

int
fsync(int fd)
{
	NEXT(fsync);
	return fails_on("fsync", fd) ? -1 : next(fd);
}

int
fdatasync(int fd)
{
	NEXT(fdatasync);
	return fails_on("fdatasync", fd) ? -1 : next(fd);
}

/* What fails as a whole, on a path in the store. */
static bool
fails_at(const char *what, int dir_fd, const char *path, bool itself)
{
	return is_store_path(dir_fd, path, itself) && faults->error != 0 &&
	    fails(what);
}

int
rename(const char *from, const char *to)
{
	NEXT(rename);
	return fails_at("rename", AT_FDCWD, to, false) ? -1 : next(from, to);
}

int
renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	NEXT(renameat);
	return fails_at("renameat", to_fd, to, false)
	    ? -1
	    : next(from_fd, from, to_fd, to);
}

int
linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
	NEXT(linkat);
	return fails_at("linkat", to_fd, to, false)
	    ? -1
	    : next(from_fd, from, to_fd, to, flags);
}

/* Removing works on a full disk; it is not counted. */
static bool
removal_fails(int dir_fd, const char *path)
{
	if (!is_store_path(dir_fd, path, false) || faults->failed == 0 ||
	    !faults->lasting || faults->error != EROFS)
		return false;
	errno = EROFS;
	return true;
}

int
unlink(const char *path)
{
	NEXT(unlink);
	return removal_fails(AT_FDCWD, path) ? -1 : next(path);
}

int
unlinkat(int fd, const char *path, int flags)
{
	NEXT(unlinkat);
	return removal_fails(fd, path) ? -1 : next(fd, path, flags);
}

static bool
open_fails(const char *what, int dir_fd, const char *path, int flags)
{
	bool unnamed = (flags & O_TMPFILE) == O_TMPFILE;

	return (unnamed || (flags & O_CREAT) != 0) &&
	    fails_at(what, dir_fd, path, unnamed);
}

/* The mode, where an open() has one. */
#define TAKE_MODE(mode, flags)                                             \
	do {                                                               \
		va_list ap;                                                \
		va_start(ap, flags);                                       \
		if (((flags)&O_CREAT) || ((flags)&O_TMPFILE) == O_TMPFILE) \
			(mode) = va_arg(ap, mode_t);                       \
		va_end(ap);                                                \
	} while (0)

int
open(const char *path, int flags, ...)
{
	NEXT(open);
	mode_t mode = 0;

	TAKE_MODE(mode, flags);
	return open_fails("open", AT_FDCWD, path, flags)
	    ? -1
	    : next(path, flags, mode);
}

int
open64(const char *path, int flags, ...)
{
	NEXT(open64);
	mode_t mode = 0;

	TAKE_MODE(mode, flags);
	return open_fails("open64", AT_FDCWD, path, flags)
	    ? -1
	    : next(path, flags, mode);
}

int
openat(int fd, const char *path, int flags, ...)
{
	NEXT(openat);
	mode_t mode = 0;

	TAKE_MODE(mode, flags);
	return open_fails("openat", fd, path, flags)
	    ? -1
	    : next(fd, path, flags, mode);
}

int
openat64(int fd, const char *path, int flags, ...)
{
	NEXT(openat64);
	mode_t mode = 0;

	TAKE_MODE(mode, flags);
	return open_fails("openat64", fd, path, flags)
	    ? -1
	    : next(fd, path, flags, mode);
}

/* Core starts its children with an empty environment: they get ours. */
int
posix_spawnp(pid_t *pid, const char *file,
    const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attr,
    char *const argv[], char *const envp[])
{
	NEXT(posix_spawnp);
	char preload[PATH_BYTES], map[PATH_BYTES];
	static char child[] = "FAULTS_CHILD=1";
	char *all[ENVIRONMENT_MAX + 4] = {NULL};
	size_t n = 0;

	if (faults == NULL)
		return next(pid, file, actions, attr, argv, envp);
	while (n < ENVIRONMENT_MAX && envp[n] != NULL) {
		all[n] = envp[n];
		n++;
	}
	snprintf(
	    preload, sizeof(preload), "LD_PRELOAD=%s", getenv("LD_PRELOAD"));
	snprintf(map, sizeof(map), "FAULTS=%s", getenv("FAULTS"));
	all[n++] = preload;
	all[n++] = map;
	all[n] = child;
	return next(pid, file, actions, attr, argv, all);
}
