/*
 * byte_range: the Range header of a request (RFC 9110 section 14).
 */
#ifndef WINNOW_DAEMON_BYTE_RANGE_H
#define WINNOW_DAEMON_BYTE_RANGE_H

#include <stdint.h>

enum byte_range_kind {
	BYTE_RANGE_WHOLE, /* no range, or one that may be ignored */
	BYTE_RANGE_PART,
	BYTE_RANGE_UNSATISFIABLE
};

/*
 * Reads a Range header (NULL: none) for a representation of `size` bytes.
 * Other units, several ranges and malformed ones mean the whole.  For a part
 * *first and *length are set, length being at least 1.
 */
enum byte_range_kind byte_range_parse(
    const char *header, uint64_t size, uint64_t *first, uint64_t *length);

#endif
