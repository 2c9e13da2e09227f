#include "byte_range.h"

#include <stdbool.h>
#include <string.h>

#include "winnow/auto.h"
#include "winnow/mem.h"
#include "winnow/num.h"

/* The last `count` bytes. */
static enum byte_range_kind
suffix_range(uint64_t count, uint64_t size, uint64_t *first, uint64_t *length)
{
	if (count == 0 || size == 0)
		return BYTE_RANGE_UNSATISFIABLE;
	if (count > size)
		count = size;
	*first = size - count;
	*length = count;
	return BYTE_RANGE_PART;
}

static bool
parse_position(const char *text, uint64_t *out)
{
	struct err e;

	return num_parse(text, 0, INT64_MAX, "range", out, &e) == 0;
}

enum byte_range_kind
byte_range_parse(
    const char *header, uint64_t size, uint64_t *first, uint64_t *length)
{
	static const char unit[] = "bytes=";
	auto_free char *from = NULL;
	const char *dash, *to;
	uint64_t a, b = INT64_MAX;

	if (header == NULL || strncmp(header, unit, sizeof(unit) - 1) != 0)
		return BYTE_RANGE_WHOLE;
	header += sizeof(unit) - 1;
	dash = strchr(header, '-');
	if (dash == NULL)
		return BYTE_RANGE_WHOLE;
	to = dash + 1;
	if (*to != '\0' && !parse_position(to, &b))
		return BYTE_RANGE_WHOLE;
	if (dash == header)
		return *to == '\0' ? BYTE_RANGE_WHOLE
				   : suffix_range(b, size, first, length);
	from = mem_strndup(header, (size_t)(dash - header));
	if (!parse_position(from, &a) || a > b)
		return BYTE_RANGE_WHOLE;
	if (a >= size)
		return BYTE_RANGE_UNSATISFIABLE;
	*first = a;
	*length = (b < size ? b + 1 : size) - a;
	return BYTE_RANGE_PART;
}
