/* Fuzz target: a saved archive. */
#include <stddef.h>
#include <stdint.h>

#include "winnow/fsutil.h"
#include "winnow/tar_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_tar_scan struct tar_scan *scan = NULL;
	const struct tar_member *member;
	auto_fd int fd = -1;
	struct err e;
	size_t i;

	if (fsutil_open_memory("fuzz", &fd, &e) == -1 ||
	    fsutil_write_all(fd, data, size, &e) == -1 ||
	    tar_scan_new(fd, &scan, &e) == -1)
		return 0;
	for (i = 0; i < scan->count; i++) {
		const struct tar_member *m = &scan->members[i];

		if (m->offset > size || m->size > size - m->offset)
			__builtin_trap();
		(void)tar_scan_find(scan, m->name, &member, &e);
	}
	return 0;
}
