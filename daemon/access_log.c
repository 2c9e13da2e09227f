#include "access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "winnow/log.h"
#include "winnow/mem.h"

static bool
is_needed(const struct config *c)
{
	return c->access_log_file != NULL &&
	    log_format_parse(c->access_log) != LOG_FORMAT_OFF;
}

static int
open_file(const struct config *c, int flags, struct err *e)
{
	/* A pipe that nobody reads must not stop core. */
	int fd = open(c->access_log_file,
	    O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags,
	    0640);

	if (fd == -1)
		err_set_errno(
		    e, "cannot open access_log_file %s", c->access_log_file);
	return fd;
}

int
access_log_open(const struct config *c, int *fd, struct err *e)
{
	int new_fd = -1;

	if (is_needed(c)) {
		new_fd = open_file(c, O_CREAT, e);
		if (new_fd == -1)
			return -1;
	}
	*fd = new_fd;
	return 0;
}

int
access_log_check(const struct config *c, struct err *e)
{
	const char *slash;
	int fd;

	if (!is_needed(c))
		return 0;
	fd = open_file(c, 0, e);
	if (fd != -1) {
		close(fd);
		return 0;
	}
	if (errno != ENOENT)
		return -1;
	slash = strrchr(c->access_log_file, '/');
	auto_free char *dir = slash == NULL
	    ? mem_strdup(".")
	    : mem_strndup(
		  c->access_log_file, (size_t)(slash + 1 - c->access_log_file));
	if (faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) == -1)
		return err_set_errno(
		    e, "cannot make access_log_file %s", c->access_log_file);
	return 0;
}
