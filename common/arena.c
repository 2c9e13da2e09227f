#include "winnow/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "winnow/mem.h"

/* Small indexes stay small; large ones need few blocks. */
#define FIRST_BLOCK 4096
#define LARGEST_BLOCK (1u << 20)

struct block {
	struct block *next;
	alignas(max_align_t) char data[];
};

struct arena {
	struct block *blocks;
	char *free; /* the rest of the newest shared block */
	size_t left;
	size_t next_size;
};

struct arena *
arena_new(void)
{
	struct arena *a = mem_zalloc(1, sizeof(*a));

	a->next_size = FIRST_BLOCK;
	return a;
}

void
arena_free(struct arena *a)
{
	struct block *b, *next;

	if (a == NULL)
		return;
	for (b = a->blocks; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}

static char *
add_block(struct arena *a, size_t size)
{
	struct block *b;

	if (size > SIZE_MAX - sizeof(*b))
		_exit(MEM_EXIT_STATUS);
	b = mem_alloc(sizeof(*b) + size);
	b->next = a->blocks;
	a->blocks = b;
	return b->data;
}

char *
arena_bytes(struct arena *a, size_t len)
{
	char *p;

	if (len > a->left) {
		/* What is large gets a block of its own. */
		if (len > a->next_size / 4)
			return add_block(a, len);
		a->free = add_block(a, a->next_size);
		a->left = a->next_size;
		if (a->next_size < LARGEST_BLOCK)
			a->next_size *= 2;
	}
	p = a->free;
	a->free += len;
	a->left -= len;
	return p;
}

void *
arena_zalloc(struct arena *a, size_t count, size_t size)
{
	size_t align = alignof(max_align_t), skip, total;
	void *p;

	if (__builtin_mul_overflow(count, size, &total))
		_exit(MEM_EXIT_STATUS);
	if (total == 0)
		total = 1;
	skip = (align - (uintptr_t)a->free % align) % align;
	if (skip <= a->left && total <= a->left - skip)
		arena_bytes(a, skip);
	else
		a->left = 0; /* a new block starts aligned */
	p = arena_bytes(a, total);
	return memset(p, 0, total);
}

char *
arena_strndup(struct arena *a, const void *bytes, size_t len)
{
	char *p;

	if (len == SIZE_MAX)
		_exit(MEM_EXIT_STATUS);
	p = arena_bytes(a, len + 1);
	if (len > 0)
		memcpy(p, bytes, len);
	p[len] = '\0';
	return p;
}
