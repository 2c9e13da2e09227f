#include "intern.h"

#include <stdlib.h>
#include <string.h>

#include "winnow/mem.h"

void
intern_clear(struct intern *t)
{
	mem_free_strings(t->strings, t->count);
	free(t->table);
	memset(t, 0, sizeof(*t));
}

/* FNV-1a. */
static uint64_t
hash_bytes(const char *s, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325ull;
	size_t i;

	for (i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)s[i]) * 0x100000001b3ull;
	return hash ^ (hash >> 32);
}

/* The table place that holds the string, or the free one where it goes. */
static size_t
find_place(const struct intern *t, const char *s, size_t len)
{
	size_t at = (size_t)hash_bytes(s, len) & (t->table_size - 1);

	while (t->table[at] != 0) {
		const char *have = t->strings[t->table[at] - 1];

		if (strncmp(have, s, len) == 0 && have[len] == '\0')
			break;
		at = (at + 1) & (t->table_size - 1);
	}
	return at;
}

static void
grow_table(struct intern *t)
{
	size_t i;

	t->table_size = t->table_size == 0 ? 256 : t->table_size * 2;
	free(t->table);
	t->table = mem_zalloc(t->table_size, sizeof(*t->table));
	for (i = 0; i < t->count; i++) {
		const char *s = t->strings[i];

		t->table[find_place(t, s, strlen(s))] = (uint32_t)i + 1;
	}
}

uint32_t
intern_add(struct intern *t, const char *s, size_t len)
{
	size_t at;

	if (t->count * 2 >= t->table_size)
		grow_table(t);
	at = find_place(t, s, len);
	if (t->table[at] != 0)
		return t->table[at] - 1;
	t->strings =
	    mem_grow(t->strings, t->count, &t->capacity, sizeof(*t->strings));
	t->strings[t->count++] = mem_strndup(s, len);
	t->table[at] = (uint32_t)t->count;
	return (uint32_t)t->count - 1;
}

bool
intern_has(const struct intern *t, const char *s, size_t len)
{
	return t->table_size > 0 && t->table[find_place(t, s, len)] != 0;
}

const char *
intern_string(const struct intern *t, uint32_t number)
{
	return t->strings[number];
}
