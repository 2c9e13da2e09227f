#include "winnow/mem.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
fail(void)
{
	static const char text[] = "winnow: out of memory\n";
	ssize_t n;

	n = write(STDERR_FILENO, text, sizeof(text) - 1);
	(void)n;
	_exit(MEM_EXIT_STATUS);
}

void
mem_keep_freed(void)
{
	/*
	 * The first is the most that glibc takes where pointers have 64 bits;
	 * where they have 32 it refuses that one.
	 */
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 128 << 20);
}

void *
mem_alloc(size_t size)
{
	void *p = malloc(size == 0 ? 1 : size);

	if (p == NULL)
		fail();
	return p;
}

void *
mem_zalloc(size_t count, size_t size)
{
	void *p;

	if (count == 0 || size == 0)
		count = size = 1;
	p = calloc(count, size);
	if (p == NULL)
		fail();
	return p;
}

void *
mem_realloc(void *p, size_t count, size_t size)
{
	if (count == 0 || size == 0)
		count = size = 1;
	p = reallocarray(p, count, size);
	if (p == NULL)
		fail();
	return p;
}

char *
mem_strndup(const char *s, size_t len)
{
	char *copy = mem_alloc(len + 1);

	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

char *
mem_strdup(const char *s)
{
	return mem_strndup(s, strlen(s));
}

char *
mem_strdup_optional(const char *s)
{
	return s == NULL ? NULL : mem_strdup(s);
}

char *
mem_printf(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) == -1)
		fail();
	va_end(ap);
	return s;
}

void *
mem_grow(void *items, size_t count, size_t *capacity, size_t size)
{
	size_t want;

	if (count < *capacity)
		return items;
	if (count > SIZE_MAX / 2 - 16)
		fail();
	want = count < 8 ? 16 : count * 2;
	items = mem_realloc(items, want, size);
	*capacity = want;
	return items;
}

void
mem_free_strings(char **strings, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		free(strings[i]);
	free(strings);
}
