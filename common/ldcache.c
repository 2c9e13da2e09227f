#include "ldcache.h"

#include <stdint.h>
#include <string.h>

/* The older form, which until glibc 2.31 stands before the newer one. */
#define OLD_MAGIC "ld.so-1.7.0"
#define OLD_HEADER 16
#define OLD_COUNT 12
#define OLD_ENTRY 12

#define MAGIC "glibc-ld.so.cache1.1"
#define HEADER 48
#define COUNT 20
#define ENTRY 24
#define ENTRY_KEY 4
#define ENTRY_VALUE 8
#define ENTRY_HWCAP 16
/* The newer form begins at a multiple of its alignment: 4 on i386, else 8. */
#define ALIGN_LEAST 4
#define ALIGN_MOST 8

struct ldcache {
	const unsigned char *bytes;
	size_t len;
	bool big_endian;
};

/* The caller knows that the four bytes are there. */
static uint32_t
get_number(const struct ldcache *c, size_t at)
{
	const unsigned char *p = c->bytes + at;

	if (c->big_endian)
		return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
		    (uint32_t)p[2] << 8 | p[3];
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[1] << 8 | p[0];
}

/* The string at an offset, or NULL when it does not end within the cache. */
static const char *
get_string(const struct ldcache *c, uint32_t offset)
{
	if (offset >= c->len ||
	    memchr(c->bytes + offset, '\0', c->len - offset) == NULL)
		return NULL;
	return (const char *)c->bytes + offset;
}

static bool
is_cache_at(const struct ldcache *c, size_t at)
{
	return at <= c->len && c->len - at >= HEADER &&
	    memcmp(c->bytes + at, MAGIC, strlen(MAGIC)) == 0;
}

/* Skips the older form; false when there is no newer one. */
static bool
find_cache(struct ldcache *c)
{
	size_t at = 0, align;

	if (c->len >= OLD_HEADER &&
	    memcmp(c->bytes, OLD_MAGIC, strlen(OLD_MAGIC)) == 0)
		at = OLD_HEADER + (size_t)get_number(c, OLD_COUNT) * OLD_ENTRY;
	for (align = ALIGN_LEAST; align <= ALIGN_MOST; align *= 2) {
		size_t start = (at + align - 1) / align * align;

		if (!is_cache_at(c, start))
			continue;
		c->bytes += start;
		c->len -= start;
		return true;
	}
	return false;
}

bool
ldcache_read(const void *data, size_t len, bool big_endian,
    void (*add)(void *arg, const struct ldcache_entry *entry), void *arg)
{
	struct ldcache c = {data, len, big_endian};
	struct ldcache_entry entry;
	uint32_t count, i;

	if (!find_cache(&c))
		return false;
	count = get_number(&c, COUNT);
	if (count > (c.len - HEADER) / ENTRY)
		return false;
	for (i = 0; i < count; i++) {
		size_t at = HEADER + (size_t)i * ENTRY;

		entry.name = get_string(&c, get_number(&c, at + ENTRY_KEY));
		entry.path = get_string(&c, get_number(&c, at + ENTRY_VALUE));
		entry.variant = get_number(&c, at + ENTRY_HWCAP) != 0 ||
		    get_number(&c, at + ENTRY_HWCAP + 4) != 0;
		if (entry.name != NULL && entry.path != NULL)
			add(arg, &entry);
	}
	return true;
}
