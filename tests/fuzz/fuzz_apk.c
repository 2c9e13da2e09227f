/* Fuzz target: the database of apk, read and filtered. */
#include "tree_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tree_file f;

	tree_file_init(&f, "lib/apk/db/installed", data, size);
	tree_file_read_packages(&f);
	tree_file_clear(&f);
	return 0;
}
