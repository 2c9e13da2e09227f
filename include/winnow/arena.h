/*
 * arena: memory for many small things that go together.  Nothing in it is
 * freed by itself.  Running out of memory ends the process (mem.h).
 */
#ifndef WINNOW_ARENA_H
#define WINNOW_ARENA_H

#include <stddef.h>

#include "winnow/auto.h"

struct arena;

struct arena *arena_new(void);
/* Frees all that was taken from it. */
void arena_free(struct arena *a);

AUTO_DEFINE(arena, arena_free)
#define auto_arena __attribute__((cleanup(auto_arena_cleanup)))

/* `count` zeroed objects of `size` bytes, aligned for any type. */
void *arena_zalloc(struct arena *a, size_t count, size_t size);

/* `len` bytes, not initialised and not aligned. */
char *arena_bytes(struct arena *a, size_t len);

/* A copy of `len` bytes with a NUL behind them. */
char *arena_strndup(struct arena *a, const void *bytes, size_t len);

#endif
