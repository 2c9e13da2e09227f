/*
 * mem: allocation that does not return on failure.
 *
 * Every size that comes from outside is checked against a limit before it
 * reaches these, so running out of memory here means that the machine, or a
 * worker's limit, is exhausted: the process says so and exits with
 * MEM_EXIT_STATUS.  Core reports such a worker as out of memory; the service
 * manager restarts core.
 */
#ifndef WINNOW_MEM_H
#define WINNOW_MEM_H

#include <stddef.h>

/* The exit status of a process that ran out of memory. */
#define MEM_EXIT_STATUS 71

/*
 * What is freed stays with the process: for one that soon takes as much again,
 * since every page that the kernel gives costs microseconds.
 */
void mem_keep_freed(void);

/* Heap memory of `size` bytes (at least one), not initialised.  Free it. */
void *mem_alloc(size_t size) __attribute__((malloc, warn_unused_result));

/* Zeroed memory for `count` objects of `size` bytes; checks for overflow. */
void *mem_zalloc(size_t count, size_t size)
    __attribute__((malloc, warn_unused_result));

/* Grows or shrinks `p` to `count` objects of `size` bytes. */
void *mem_realloc(void *p, size_t count, size_t size)
    __attribute__((warn_unused_result));

/* Copies of a string, and of `len` bytes with a NUL behind them. */
char *mem_strdup(const char *s) __attribute__((malloc, warn_unused_result));
char *mem_strndup(const char *s, size_t len)
    __attribute__((malloc, warn_unused_result));

/* A copy of a string that may be missing; NULL of NULL. */
char *
mem_strdup_optional(const char *s) __attribute__((malloc, warn_unused_result));

/* printf into a new string. */
char *mem_printf(const char *fmt, ...)
    __attribute__((malloc, format(printf, 1, 2), warn_unused_result));

/*
 * Makes room for one more in the array `items` of `count` objects: returns
 * it, moved if need be, with *capacity at least count + 1.
 */
void *mem_grow(void *items, size_t count, size_t *capacity, size_t size)
    __attribute__((warn_unused_result));

/* Frees an array of strings, and them. */
void mem_free_strings(char **strings, size_t count);

#endif
