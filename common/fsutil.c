#include "winnow/fsutil.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "winnow/auto.h"
#include "winnow/mem.h"

/*
 * fstat() itself: the C library's makes the system call that also looks at
 * paths, which the sandbox does not allow.
 */
static int
stat_descriptor(int fd, struct stat *st)
{
	return (int)syscall(SYS_fstat, fd, st);
}

int
fsutil_size(int fd, uint64_t *size, struct err *e)
{
	struct stat st;

	if (stat_descriptor(fd, &st) == -1)
		return err_set_errno(e, "cannot stat descriptor %d", fd);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INVALID, "not a regular file");
	*size = (uint64_t)st.st_size;
	return 0;
}

int
fsutil_read_fd(int fd, const char *what, size_t max, char **data, size_t *len,
    struct err *e)
{
	auto_free char *buf = NULL;
	size_t capacity = 0, used = 0;

	for (;;) {
		ssize_t n;

		if (capacity - used < 4096) {
			capacity = capacity == 0 ? 16384 : capacity * 2;
			buf = mem_realloc(buf, capacity + 1, 1);
		}
		n = pread(fd, buf + used, capacity - used, (off_t)used);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_set_errno(e, "cannot read %s", what);
		if (n == 0)
			break;
		used += (size_t)n;
		if (used > max)
			return err_set(e, ERR_LIMIT,
			    "%s is larger than %zu bytes", what, max);
	}
	buf = mem_realloc(buf, used + 1, 1);
	buf[used] = '\0';
	*data = steal(&buf);
	*len = used;
	return 0;
}

int
fsutil_read_file(int dirfd, const char *path, size_t max, char **data,
    size_t *len, struct err *e)
{
	auto_fd int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	uint64_t size;

	if (fd == -1 && errno == ENOENT)
		return err_set(e, ERR_NOT_FOUND, "%s does not exist", path);
	if (fd == -1)
		return err_set_errno(e, "cannot open %s", path);
	if (fsutil_size(fd, &size, e) == -1)
		return err_wrap(e, "%s", path);
	return fsutil_read_fd(fd, path, max, data, len, e);
}

int
fsutil_write_all(int fd, const void *data, size_t len, struct err *e)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_set_errno(e, "cannot write");
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int
fsutil_pwrite_all(
    int fd, const void *data, size_t len, off_t offset, struct err *e)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = pwrite(fd, p, len, offset);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_set_errno(e, "cannot write");
		p += n;
		offset += n;
		len -= (size_t)n;
	}
	return 0;
}

int
fsutil_pread_all(int fd, void *data, size_t len, off_t offset, struct err *e)
{
	char *p = data;

	while (len > 0) {
		ssize_t n = pread(fd, p, len, offset);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_set_errno(e, "cannot read");
		if (n == 0)
			return err_set(e, ERR_INVALID,
			    "file ends %zu bytes too early", len);
		p += n;
		offset += n;
		len -= (size_t)n;
	}
	return 0;
}

int
fsutil_open_unlinked(const char *dir, int *fd, struct err *e)
{
	int new_fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);

	if (new_fd == -1)
		return err_set_errno(e, "cannot make a file in %s", dir);
	*fd = new_fd;
	return 0;
}

int
fsutil_open_memory(const char *name, int *fd, struct err *e)
{
	int new_fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (new_fd == -1)
		return err_set_errno(e, "cannot make a file in memory");
	*fd = new_fd;
	return 0;
}

int
fsutil_seal_memory(int fd, struct err *e)
{
	if (fcntl(fd, F_ADD_SEALS,
		F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == -1)
		return err_set_errno(e, "cannot seal a file in memory");
	return 0;
}

int
fsutil_reopen_read_only(int fd, int *out, struct err *e)
{
	char path[40];
	int new_fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	new_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (new_fd == -1)
		return err_set_errno(e, "cannot open a file again");
	*out = new_fd;
	return 0;
}

int
fsutil_make_dirs(const char *path, mode_t mode, struct err *e)
{
	auto_free char *copy = mem_strdup(path);
	char *p = copy;

	while ((p = strchr(p + 1, '/')) != NULL) {
		*p = '\0';
		if (mkdir(copy, 0755) == -1 && errno != EEXIST)
			return err_set_errno(
			    e, "cannot make directory %s", copy);
		*p = '/';
	}
	if (mkdir(path, mode) == -1 && errno != EEXIST)
		return err_set_errno(e, "cannot make directory %s", path);
	return 0;
}
