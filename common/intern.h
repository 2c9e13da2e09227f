/*
 * intern: equal strings get one number, from 0, and one lasting address.
 */
#ifndef WINNOW_INTERN_H
#define WINNOW_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct intern {
	char **strings; /* by number; owned */
	size_t count;
	size_t capacity;
	uint32_t *table; /* numbers + 1 by hash; 0 is a free place */
	size_t table_size; /* 0, or a power of two */
};

/* All zero is empty; intern_clear() releases all strings. */
void intern_clear(struct intern *t);

/* The number of the string of `len` bytes, which is copied if it is new. */
uint32_t intern_add(struct intern *t, const char *s, size_t len);

/* True when the string is there. */
bool intern_has(const struct intern *t, const char *s, size_t len);

/* The string of a number; it stays where it is until intern_clear(). */
const char *intern_string(const struct intern *t, uint32_t number);

#endif
