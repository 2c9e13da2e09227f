/* Fuzz target: a compressed blob. */
#include <stddef.h>
#include <stdint.h>

#include "winnow/fsutil.h"
#include "winnow/inflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct blob_source source = {.progress_fd = -1, .size = size};
	auto_inflate struct inflate *z = NULL;
	const void *bytes = NULL;
	auto_fd int fd = -1;
	size_t len = 0;
	struct err e;

	if (fsutil_open_memory("fuzz", &fd, &e) == -1 ||
	    fsutil_write_all(fd, data, size, &e) == -1)
		return 0;
	source.fd = fd;
	z = inflate_new(&source);
	while (inflate_read(z, &bytes, &len, &e) == 0 && len > 0)
		;
	return 0;
}
