/* Runs a fuzz target once over each file named, where libFuzzer is not. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "winnow/auto.h"
#include "winnow/fsutil.h"

#define SEED_MAX (64u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		auto_free char *data = NULL;
		size_t size = 0;
		struct err e;

		if (fsutil_read_file(
			AT_FDCWD, argv[i], SEED_MAX, &data, &size, &e) == -1) {
			fprintf(stderr, "%s\n", e.message);
			return 1;
		}
		LLVMFuzzerTestOneInput((const uint8_t *)data, size);
	}
	return 0;
}
