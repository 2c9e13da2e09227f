/* Fuzz target: JSON, as in messages of a channel; it is written again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "winnow/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_json json_t *value = NULL, *again = NULL;
	auto_free char *text = NULL, *same = NULL;
	size_t len, same_len;
	struct err e;

	if (json_parse_object((const char *)data, size, "f", &value, &e) == -1)
		return 0;
	text = json_format(value, &len);
	if (json_parse_object(text, len, "f", &again, &e) == -1)
		abort();
	same = json_format(again, &same_len);
	if (len != same_len || memcmp(text, same, len) != 0)
		abort();
	return 0;
}
