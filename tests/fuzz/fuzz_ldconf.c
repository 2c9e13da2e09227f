/* Fuzz target: ld.so.conf, which may include itself, and musl's paths. */
#include <stdlib.h>

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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tree_file f;

	tree_file_init(&f, "etc/ld.so.conf", data, size);
	ldconf_read_glibc(f.tree, add, NULL);
	tree_file_clear(&f);
	tree_file_init(&f, "etc/ld-musl-x86_64.path", data, size);
	ldconf_read_musl(f.tree, "x86_64", add, NULL);
	tree_file_clear(&f);
	return 0;
}
