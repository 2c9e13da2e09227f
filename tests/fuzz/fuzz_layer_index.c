/* Fuzz target: a serialized layer index; what parses is formatted again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "winnow/layer_index.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct layer_index *index = NULL;
	auto_strbuf struct strbuf out;
	char *copy = mem_alloc(size);
	struct err e;

	if (size > 0)
		memcpy(copy, data, size);
	strbuf_init(&out, LIMIT_LAYER_INDEX_SIZE);
	if (layer_index_parse(&copy, size, &index, &e) == -1)
		return 0;
	layer_index_format(index, &out);
	if (out.len != size)
		abort();
	layer_index_free(index);
	return 0;
}
