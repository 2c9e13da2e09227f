/*
 * ldcache: glibc's /etc/ld.so.cache, which its loader asks before it looks
 * into its own directories (dl-cache.h of glibc 2.2 and later).
 */
#ifndef WINNOW_LDCACHE_H
#define WINNOW_LDCACHE_H

#include <stdbool.h>
#include <stddef.h>

#define LDCACHE_PATH "/etc/ld.so.cache"

/* One library of the cache; the strings are the cache's own. */
struct ldcache_entry {
	const char *name;
	const char *path;
	bool variant; /* for CPUs with some capability only */
};

/*
 * Calls `add` with each entry in the order of the cache.  `big_endian` is the
 * machine's byte order.  False, without a call, when the loader could not use
 * these bytes as a cache; entries that point out of it are left out.
 */
bool ldcache_read(const void *data, size_t len, bool big_endian,
    void (*add)(void *arg, const struct ldcache_entry *entry), void *arg);

#endif
