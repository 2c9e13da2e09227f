/*
 * Fuzz target: ld.so.conf, which may include itself, musl's paths, and
 * ld.so.cache.
 */
#include <stdlib.h>
#include <string.h>

#include "../../common/ldcache.h"
#include "../../common/ldconf.h"
#include "tree_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
add(void *arg, const char *dir, size_t len)
{
	(void)arg;
	if (dir == NULL || len == 0)
		abort();
}

/* The strings must end within the cache: a sanitizer sees it. */
static void
add_cached(void *arg, const struct ldcache_entry *entry)
{
	size_t *total = arg;

	*total += strlen(entry->name) + strlen(entry->path);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tree_file f;
	size_t total = 0;

	tree_file_init(&f, "etc/ld.so.conf", data, size);
	ldconf_read_glibc(f.tree, add, NULL);
	tree_file_clear(&f);
	tree_file_init(&f, "etc/ld-musl-x86_64.path", data, size);
	ldconf_read_musl(f.tree, "x86_64", add, NULL);
	tree_file_clear(&f);
	ldcache_read(data, size, false, add_cached, &total);
	ldcache_read(data, size, true, add_cached, &total);
	return 0;
}
