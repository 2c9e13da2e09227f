/*
 * section: part of a file that travels between core and a worker, as
 * [OFFSET,SIZE] in messages.
 */
#ifndef WINNOW_DAEMON_SECTION_H
#define WINNOW_DAEMON_SECTION_H

#include <jansson.h>
#include <stdint.h>

#include "winnow/err.h"

struct section {
	uint64_t offset;
	uint64_t size;
};

/* Checks and takes [OFFSET,SIZE] of at most `max` bytes. */
int section_parse(
    const json_t *value, uint64_t max, struct section *out, struct err *e);
json_t *section_format(const struct section *s);

/* Reads a section; the caller frees *data, which has a NUL behind it. */
int section_read(int fd, const struct section *s, char **data, struct err *e);

/* Appends bytes to the file. */
int section_append(
    int fd, const void *data, size_t len, struct section *out, struct err *e);

/* Appends the whole of another file. */
int section_append_file(int fd, int from, struct section *out, struct err *e);

#endif
