/* marks, in three files: the file as it streams by, the search, keys. */
#ifndef WINNOW_MARKS_PRIVATE_H
#define WINNOW_MARKS_PRIVATE_H

#include "winnow/marks.h"

/* Lengths of markers: the shorter the shortest, the slower the search. */
#define MARKER_MIN 16
#define MARKER_MAX 40
#define MARKERS_MAX 64

/* Indexed by a hash of two bytes. */
#define MARKER_SLOTS 8192

/*
 * The tables of the search (Wu and Manber, "A fast algorithm for
 * multi-pattern searching"): a pair of bytes says how far the search may
 * skip, and at 0 which markers may end their first MARKER_MIN bytes here.
 */
struct marks_tables {
	uint8_t skip[MARKER_SLOTS];
	uint8_t first[MARKER_SLOTS]; /* number of a marker, or MARKERS_MAX */
	uint8_t next[MARKERS_MAX]; /* of the same slot, likewise */
};

void marks_tables_init(struct marks_tables *t);

/* The marks of the markers that lie in the bytes. */
uint32_t
marks_search(const struct marks_tables *t, const char *data, size_t len);

/* True when a text holds a private key, and not only the words. */
bool marks_is_private_key(const char *text, size_t len);

#endif
