/*
 * idmap: a map from 64-bit numbers to 32-bit ones, for caches and pointers.
 *
 * Keys are anything but UINT64_MAX.  Nothing is ever removed.
 */
#ifndef WINNOW_IDMAP_H
#define WINNOW_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct idmap {
	uint64_t *keys;
	uint32_t *values;
	size_t capacity; /* 0, or a power of two */
	size_t count;
};

/* All zero is an empty map; idmap_clear() releases it. */
void idmap_clear(struct idmap *m);

/* True when the key is there, with its value in *value. */
bool idmap_get(const struct idmap *m, uint64_t key, uint32_t *value);

/* Adds the key or replaces its value. */
void idmap_set(struct idmap *m, uint64_t key, uint32_t value);

/* A key of two numbers, or of a pointer. */
static inline uint64_t
idmap_pair(uint32_t a, uint32_t b)
{
	return ((uint64_t)a << 32) | b;
}

static inline uint64_t
idmap_pointer(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

#endif
