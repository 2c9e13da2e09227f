/* Tar archives made by hand, for tests: exact bytes, honest or not. */
#ifndef WINNOW_TEST_TAR_H
#define WINNOW_TEST_TAR_H

#include <stdint.h>

#include "winnow/strbuf.h"

struct tar_member {
	const char *name;
	char type; /* typeflag; 0 means '0' */
	const char *link;
	const char *data;
	size_t size; /* of data; 0 means its strlen() */
	unsigned mode;
	uint64_t uid, gid, mtime;
	unsigned major, minor;
};

/* Appends a ustar header with the data. */
void tar_add(struct strbuf *out, const struct tar_member *member);

struct tar_record {
	const char *key, *value;
	size_t len; /* of the value; 0 means its strlen() */
};

/* Appends a pax header ('x') with records for the member that follows. */
void
tar_add_pax(struct strbuf *out, const struct tar_record *records, size_t count);

/* Appends the end of the archive. */
void tar_end(struct strbuf *out);

#endif
