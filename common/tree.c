#include "winnow/tree.h"

#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "tree_private.h"
#include "winnow/mem.h"
#include "winnow/path.h"

/* 256 KiB at a time: few allocations, little waste for a small image. */
#define NODES_PER_BLOCK 4096u
#define SLOTS_MIN 1024u

/* `node` counts from 1 in allocation order; 0 is a free slot. */
struct tree_slot {
	uint32_t hash;
	uint32_t node;
};

/* Names come from images: a seed keeps them from aiming at one slot. */
static uint64_t
random_seed(void)
{
	const void *bytes = (const void *)getauxval(AT_RANDOM);
	uint64_t seed = 0;

	if (bytes != NULL)
		memcpy(&seed, bytes, sizeof(seed));
	return seed;
}

static struct tree_node *
node_alloc(struct tree *t)
{
	uint32_t place = t->used % NODES_PER_BLOCK;

	if (place == 0) {
		t->blocks = mem_grow(t->blocks, t->block_count,
		    &t->block_capacity, sizeof(t->blocks[0]));
		t->blocks[t->block_count++] =
		    mem_zalloc(NODES_PER_BLOCK, sizeof(struct tree_node));
	}
	t->used++;
	return &t->blocks[t->block_count - 1][place];
}

static struct tree_node *
node_get(const struct tree *t, uint32_t index)
{
	return &t->blocks[index / NODES_PER_BLOCK][index % NODES_PER_BLOCK];
}

struct tree *
tree_new(void)
{
	struct tree *t = mem_zalloc(1, sizeof(*t));

	t->seed = random_seed();
	t->slot_count = SLOTS_MIN;
	t->slots = mem_zalloc(t->slot_count, sizeof(t->slots[0]));
	t->root = node_alloc(t);
	t->root->name = "";
	t->root->links = 1;
	return t;
}

void
tree_free(struct tree *t)
{
	uint32_t i;
	size_t b;

	if (t == NULL)
		return;
	for (i = 0; i < t->used; i++) {
		struct tree_version *v = node_get(t, i)->older, *older;

		for (; v != NULL; v = older) {
			older = v->older;
			free(v);
		}
	}
	for (b = 0; b < t->block_count; b++)
		free(t->blocks[b]);
	free(t->blocks);
	free(t->slots);
	free(t->order);
	free(t->shared);
	free(t);
}

/* FNV-1a over the name, from a seed and the parent; then mixed. */
static uint32_t
hash_name(const struct tree *t, const struct tree_node *dir, const char *name,
    size_t len)
{
	uint64_t h = t->seed ^ ((uint64_t)(uintptr_t)dir * 0x9e3779b97f4a7c15);
	size_t i;

	for (i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * 0x100000001b3;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93;
	return (uint32_t)(h >> 32);
}

struct tree_node *
tree_lookup(const struct tree *t, const struct tree_node *dir, const char *name,
    size_t len)
{
	uint32_t hash = hash_name(t, dir, name, len);
	uint32_t mask = t->slot_count - 1, i = hash & mask;

	for (; t->slots[i].node != 0; i = (i + 1) & mask) {
		struct tree_node *n;

		if (t->slots[i].hash != hash)
			continue;
		n = node_get(t, t->slots[i].node - 1);
		if (n->parent == dir && n->links != 0 && n->name_len == len &&
		    memcmp(n->name, name, len) == 0)
			return n;
	}
	return NULL;
}

static void
slot_put(struct tree *t, uint32_t hash, uint32_t node)
{
	uint32_t mask = t->slot_count - 1, i = hash & mask;

	while (t->slots[i].node != 0)
		i = (i + 1) & mask;
	t->slots[i].hash = hash;
	t->slots[i].node = node;
	t->slots_used++;
}

/* Doubles the table, without the nodes that were taken out. */
static void
slots_grow(struct tree *t)
{
	struct tree_slot *old = t->slots;
	uint32_t old_count = t->slot_count, i;

	t->slot_count = old_count * 2;
	t->slots = mem_zalloc(t->slot_count, sizeof(t->slots[0]));
	t->slots_used = 0;
	for (i = 0; i < old_count; i++)
		if (old[i].node != 0 &&
		    node_get(t, old[i].node - 1)->links != 0)
			slot_put(t, old[i].hash, old[i].node);
	free(old);
}

struct tree_node *
tree_insert(struct tree *t, struct tree_node *dir, const char *name, size_t len)
{
	struct tree_node *n = node_alloc(t);

	n->parent = dir;
	n->name = name;
	n->name_len = (uint32_t)len;
	n->links = 1;
	n->next = dir->first;
	dir->first = n;
	/* At most two thirds full: short runs of taken slots. */
	if (t->slots_used >= t->slot_count / 3 * 2)
		slots_grow(t);
	slot_put(t, hash_name(t, dir, name, len), t->used);
	return n;
}

void
tree_share(struct tree *t, const struct layer_entry *entry)
{
	t->shared = mem_grow(t->shared, t->shared_count, &t->shared_capacity,
	    sizeof(t->shared[0]));
	t->shared[t->shared_count++] = entry;
}

static int
compare_names(const void *a, const void *b)
{
	const struct tree_node *x = *(struct tree_node *const *)a;
	const struct tree_node *y = *(struct tree_node *const *)b;
	size_t len = x->name_len < y->name_len ? x->name_len : y->name_len;
	int order = memcmp(x->name, y->name, len);

	if (order != 0)
		return order;
	return x->name_len < y->name_len ? -1 : x->name_len > y->name_len;
}

/*
 * Sorts the children of `dir` and leaves out those that were taken out.
 * `scratch` has room for all nodes.
 */
static void
sort_children(struct tree_node *dir, struct tree_node **scratch)
{
	struct tree_node *n, **link = &dir->first;
	size_t count = 0, i;
	bool descending = true;

	/* Most archives are in order, and the last inserted comes first. */
	for (n = dir->first; n != NULL; n = n->next) {
		if (n->links == 0)
			continue;
		if (count > 0 && descending)
			descending = compare_names(&scratch[count - 1], &n) > 0;
		scratch[count++] = n;
	}
	if (!descending)
		qsort(scratch, count, sizeof(scratch[0]), compare_names);
	for (i = 0; i < count; i++) {
		*link = scratch[descending ? count - 1 - i : i];
		link = &(*link)->next;
	}
	*link = NULL;
}

/* The node after `n` in depth-first order, NULL behind the last. */
static struct tree_node *
node_after(struct tree_node *n)
{
	if (n->first != NULL)
		return n->first;
	while (n != NULL && n->next == NULL)
		n = n->parent;
	return n == NULL ? NULL : n->next;
}

static int
compare_pointers(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t) * (const struct layer_entry *const *)a;
	uintptr_t y = (uintptr_t) * (const struct layer_entry *const *)b;

	return x < y ? -1 : x > y;
}

/* The place of the node's entry among the shared ones, or -1. */
static ptrdiff_t
find_shared(const struct tree *t, const struct tree_node *n)
{
	const struct layer_entry **found = NULL;

	if (n->entry != NULL && t->shared_count > 0)
		found = bsearch(&n->entry, t->shared, t->shared_count,
		    sizeof(t->shared[0]), compare_pointers);
	return found == NULL ? -1 : found - t->shared;
}

/* Sets `links` of every node: visible names, not those that were. */
static void
count_links(struct tree *t)
{
	auto_free uint32_t *names = NULL;
	size_t count = 0, k;
	ptrdiff_t place;
	uint32_t i;

	if (t->shared_count == 0)
		return;
	qsort(
	    t->shared, t->shared_count, sizeof(t->shared[0]), compare_pointers);
	for (k = 0; k < t->shared_count; k++)
		if (count == 0 || t->shared[count - 1] != t->shared[k])
			t->shared[count++] = t->shared[k];
	t->shared_count = count;
	names = mem_zalloc(count, sizeof(names[0]));
	for (i = 0; i < t->count; i++)
		if ((place = find_shared(t, t->order[i])) >= 0)
			names[place]++;
	for (i = 0; i < t->count; i++)
		if ((place = find_shared(t, t->order[i])) >= 0)
			t->order[i]->links = names[place];
}

void
tree_finish(struct tree *t)
{
	struct tree_node **scratch = mem_zalloc(t->used, sizeof(*scratch));
	struct tree_node *n;

	t->order = mem_zalloc(t->used, sizeof(t->order[0]));
	for (n = t->root; n != NULL; n = node_after(n)) {
		sort_children(n, scratch);
		n->number = t->count;
		t->order[t->count++] = n;
	}
	free(scratch);
	count_links(t);
}

uint32_t
tree_count(const struct tree *t)
{
	return t->count;
}

uint32_t
tree_layers(const struct tree *t)
{
	return t->layers;
}

struct tree_node *
tree_root(const struct tree *t)
{
	return t->root;
}

struct tree_node *
tree_at(const struct tree *t, uint32_t number)
{
	return t->order[number];
}

struct tree_node *
tree_child(const struct tree *t, const struct tree_node *dir, const char *name,
    size_t len)
{
	return tree_lookup(t, dir, name, len);
}

enum entry_type
tree_node_type(const struct tree_node *n)
{
	return n->entry == NULL ? ENTRY_DIRECTORY : n->entry->type;
}

void
tree_node_path(const struct tree_node *n, struct strbuf *out)
{
	const struct tree_node *up;
	size_t len = 0;
	char *end;

	strbuf_reset(out);
	for (up = n; up->parent != NULL; up = up->parent)
		len += up->name_len + (up->parent->parent != NULL);
	end = strbuf_extend(out, len);
	if (end == NULL)
		return;
	/* From the end to the start. */
	end += len;
	for (up = n; up->parent != NULL; up = up->parent) {
		end -= up->name_len;
		memcpy(end, up->name, up->name_len);
		if (up->parent->parent != NULL)
			*--end = '/';
	}
}

void
tree_show_path(const struct tree_node *n, struct strbuf *out)
{
	auto_strbuf struct strbuf path;

	strbuf_init(&path, LIMIT_PATH + 1);
	tree_node_path(n, &path);
	strbuf_add_char(out, '/');
	path_escape(strbuf_string(&path), out);
}
