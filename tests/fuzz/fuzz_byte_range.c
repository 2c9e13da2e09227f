/* Fuzz target: a Range header; a part lies inside of the whole. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "../../daemon/byte_range.h"
#include "winnow/auto.h"
#include "winnow/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t sizes[] = {0, 1, 1000, UINT64_MAX};
	auto_free char *text = mem_strndup((const char *)data, size);
	uint64_t first, length;
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (byte_range_parse(text, sizes[i], &first, &length) ==
			BYTE_RANGE_PART &&
		    (length == 0 || first >= sizes[i] ||
			length > sizes[i] - first))
			abort();
	return 0;
}
