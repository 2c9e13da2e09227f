#include "tls_bundle.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "winnow/fsutil.h"
#include "winnow/mem.h"

struct tls_bundle {
	unsigned char *map;
	size_t size;
	size_t used;
};

struct header {
	uint32_t type;
	uint32_t len;
};

int
tls_bundle_create(int *fd, struct err *e)
{
	return fsutil_open_memory("tls", fd, e);
}

int
tls_bundle_add(int fd, enum tls_item_type type, const void *data, size_t len,
    struct err *e)
{
	struct header h = {.type = type, .len = (uint32_t)len};

	if (len > UINT32_MAX)
		return err_set(e, ERR_LIMIT, "too large for a TLS bundle");
	if (fsutil_write_all(fd, &h, sizeof(h), e) == -1)
		return -1;
	return len == 0 ? 0 : fsutil_write_all(fd, data, len, e);
}

int
tls_bundle_open(int fd, struct tls_bundle **out, struct err *e)
{
	struct tls_bundle *b;
	uint64_t size;
	void *map;

	if (fsutil_size(fd, &size, e) == -1)
		return -1;
	if (size == 0)
		return err_set(e, ERR_INVALID, "an empty TLS bundle");
	map = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return err_set_errno(e, "cannot map the TLS bundle");
	b = mem_zalloc(1, sizeof(*b));
	b->map = map;
	b->size = (size_t)size;
	*out = b;
	return 0;
}

void
tls_bundle_close(struct tls_bundle *b)
{
	munmap(b->map, b->size);
	free(b);
}

bool
tls_bundle_next(struct tls_bundle *b, struct tls_item *out)
{
	struct header h;

	if (b->size - b->used < sizeof(h))
		return false;
	memcpy(&h, b->map + b->used, sizeof(h));
	if (b->size - b->used - sizeof(h) < h.len)
		return false;
	out->type = (enum tls_item_type)h.type;
	out->data = b->map + b->used + sizeof(h);
	out->len = h.len;
	b->used += sizeof(h) + h.len;
	return true;
}
