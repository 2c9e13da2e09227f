#include "config_check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access_log.h"
#include "winnow/fsutil.h"
#include "winnow/mem.h"

/* The rights are those of whoever runs the check. */
#define AS_WHOM "check as the user who runs winnowd"

struct checker {
	const char *path; /* of the configuration */
	FILE *out;
	unsigned mistakes;
};

static void
complain(
    struct checker *c, const char *key, const struct err *e, const char *advice)
{
	fprintf(c->out, "%s: %s: %s: %s\n", c->path, key, e->message, advice);
	c->mistakes++;
}

/* The nearest directory above `path` that is there, or that itself. */
static char *
find_existing(const char *path)
{
	char *found = mem_strdup(path), *slash;
	struct stat st;

	while (stat(found, &st) == -1 && errno == ENOENT) {
		slash = strrchr(found, '/');
		if (slash == NULL || slash == found) {
			free(found);
			return mem_strdup(slash == NULL ? "." : "/");
		}
		*slash = '\0';
	}
	return found;
}

/* winnowd makes what is missing; an unlinked file leaves nothing behind. */
static void
check_store(struct checker *c, const char *store)
{
	auto_free char *dir = find_existing(store);
	auto_fd int fd = -1;
	struct err e;

	if (strcmp(dir, store) == 0) {
		if (fsutil_open_unlinked(dir, &fd, &e) == -1)
			complain(c, "store", &e,
			    "it must be a directory that winnowd can write "
			    "to; " AS_WHOM);
	} else if (faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) == -1) {
		err_set_errno(&e, "cannot make %s in %s", store, dir);
		complain(c, "store", &e,
		    "make it and give it to winnowd's user; " AS_WHOM);
	}
}

static void
check_readable(
    struct checker *c, const char *host, const char *key, const char *path)
{
	auto_free char *name = mem_printf("upstreams: %s: %s", host, key);
	auto_fd int fd = -1;
	struct stat st;
	struct err e;

	if (path == NULL)
		return;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1) {
		err_set_errno(&e, "cannot read %s", path);
		complain(c, name, &e,
		    "put the file there, or correct the path; " AS_WHOM);
	} else if (S_ISDIR(st.st_mode)) {
		err_set(&e, ERR_INVALID, "%s is a directory", path);
		complain(c, name, &e, "name a file");
	}
}

unsigned
config_check_files(const struct config *c, const char *path, FILE *out)
{
	struct checker checker = {path, out, 0};
	struct err e;
	size_t i;

	check_store(&checker, c->store);
	for (i = 0; i < c->upstream_count; i++) {
		const struct config_upstream *u = &c->upstreams[i];

		check_readable(&checker, u->host, "ca_file", u->ca_file);
		check_readable(
		    &checker, u->host, "password_file", u->password_file);
		check_readable(
		    &checker, u->host, "docker_config", u->docker_config);
	}
	if (access_log_check(c, &e) == -1)
		complain(&checker, "access_log_file", &e,
		    "its directory must be there, and writable; " AS_WHOM);
	return checker.mistakes;
}
