/* Fuzz target: a deflate stream that is walked through. */
#include <stddef.h>
#include <stdint.h>

#include "../../common/deflate_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_deflate_walk struct deflate_walk *w = deflate_walk_new();
	struct deflate_end end;
	struct err e;

	if (deflate_walk(w, data, size, &end, &e) == 0 &&
	    (end.last >= end.end || end.end > size * 8 ||
		end.total > (uint64_t)size * 1032))
		__builtin_trap();
	return 0;
}
