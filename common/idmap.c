#include "idmap.h"

#include <stdlib.h>
#include <string.h>

#include "winnow/mem.h"

#define IDMAP_FREE UINT64_MAX

void
idmap_clear(struct idmap *m)
{
	free(m->keys);
	free(m->values);
	memset(m, 0, sizeof(*m));
}

/* Where the key is, or the free place where it would go. */
static size_t
find_place(const struct idmap *m, uint64_t key)
{
	uint64_t hash = key * 0x9e3779b97f4a7c15ull;
	size_t at = (size_t)(hash >> 32) & (m->capacity - 1);

	while (m->keys[at] != IDMAP_FREE && m->keys[at] != key)
		at = (at + 1) & (m->capacity - 1);
	return at;
}

bool
idmap_get(const struct idmap *m, uint64_t key, uint32_t *value)
{
	size_t at;

	if (m->capacity == 0)
		return false;
	at = find_place(m, key);
	if (m->keys[at] != key)
		return false;
	*value = m->values[at];
	return true;
}

static void
grow(struct idmap *m)
{
	struct idmap larger = {0};
	size_t i;

	larger.capacity = m->capacity == 0 ? 64 : m->capacity * 2;
	larger.keys = mem_alloc(larger.capacity * sizeof(*larger.keys));
	larger.values = mem_zalloc(larger.capacity, sizeof(*larger.values));
	memset(larger.keys, 0xff, larger.capacity * sizeof(*larger.keys));
	for (i = 0; i < m->capacity; i++)
		if (m->keys[i] != IDMAP_FREE)
			idmap_set(&larger, m->keys[i], m->values[i]);
	idmap_clear(m);
	*m = larger;
}

void
idmap_set(struct idmap *m, uint64_t key, uint32_t value)
{
	size_t at;

	if (m->count * 2 >= m->capacity)
		grow(m);
	at = find_place(m, key);
	if (m->keys[at] != key) {
		m->keys[at] = key;
		m->count++;
	}
	m->values[at] = value;
}
