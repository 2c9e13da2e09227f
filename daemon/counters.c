#include "counters.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "winnow/auto.h"
#include "winnow/fsutil.h"

const char *const counters_kinds[COUNTERS_KINDS] = {
    "ping", "manifest", "blob", "tags", "referrers", "map", "other"};

const unsigned counters_statuses[COUNTERS_STATUSES] = {200, 206, 304, 307, 400,
    401, 403, 404, 405, 408, 412, 413, 416, 429, 500, 501, 502, 503, 504, 0};

static int
map(int fd, struct counters **out, struct err *e)
{
	void *memory = mmap(NULL, sizeof(struct counters),
	    PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		return err_set_errno(e, "cannot map the counters of a server");
	*out = memory;
	return 0;
}

int
counters_open(int *fd, struct counters **out, struct err *e)
{
	auto_fd int new_fd = -1;

	if (fsutil_open_memory("counters", &new_fd, e) == -1)
		return -1;
	if (ftruncate(new_fd, sizeof(struct counters)) == -1)
		return err_set_errno(e, "cannot make the counters of a server");
	/* A server that cut it would end core, which reads it. */
	if (fcntl(new_fd, F_ADD_SEALS,
		F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == -1)
		return err_set_errno(e, "cannot seal the counters of a server");
	if (map(new_fd, out, e) == -1)
		return -1;
	*fd = steal_fd(&new_fd);
	return 0;
}

int
counters_map(int fd, struct counters **out, struct err *e)
{
	uint64_t size;

	if (fsutil_size(fd, &size, e) == -1)
		return -1;
	if (size != sizeof(struct counters))
		return err_set(e, ERR_INVALID, "counters of another size");
	return map(fd, out, e);
}

void
counters_close(struct counters *c)
{
	if (c != NULL)
		munmap(c, sizeof(*c));
}

unsigned
counters_status_index(unsigned status)
{
	unsigned i;

	for (i = 0; i < COUNTERS_STATUSES - 1; i++)
		if (counters_statuses[i] == status)
			return i;
	return COUNTERS_STATUSES - 1;
}

void
counters_sum(struct counters *sum, const struct counters *c)
{
	const uint64_t *from = (const uint64_t *)(const void *)c;
	uint64_t *to = (uint64_t *)(void *)sum;
	size_t i;

	/* The struct is nothing but counters. */
	for (i = 0; i < sizeof(*c) / sizeof(uint64_t); i++)
		to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}
