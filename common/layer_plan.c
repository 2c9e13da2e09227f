/*
 * layer_plan: what a plan still needs before layer_emit() can write it, and
 * the key under which the result is kept.
 */
#include <stdlib.h>
#include <string.h>

#include "winnow/layer_emit.h"
#include "winnow/mem.h"

/* The contents that come from the source layer. */
static bool
needs_spool(const struct layer_entry *entry)
{
	return entry->type == ENTRY_FILE && entry->content == NULL &&
	    entry->size > 0;
}

uint32_t
layer_plan_missing(const struct layer_index *plan, const struct spool *spool)
{
	uint64_t offset, size;
	uint32_t i, missing = 0;

	for (i = 0; i < plan->count; i++)
		if (needs_spool(&plan->entries[i]) &&
		    (spool == NULL ||
			!spool_find(
			    spool, plan->entries[i].ordinal, &offset, &size)))
			missing++;
	return missing;
}

struct ordinals {
	uint32_t *items; /* ascending */
	size_t count;
};

static int
compare_ordinals(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static enum spool_want
want_ordinal(void *arg, const struct layer_entry *entry)
{
	const struct ordinals *o = arg;

	return bsearch(&entry->ordinal, o->items, o->count, sizeof(o->items[0]),
		   compare_ordinals) != NULL
	    ? SPOOL_YES
	    : SPOOL_NO;
}

int
layer_plan_extract(const struct layer_index *plan,
    const struct blob_source *source, struct spool *spool, struct err *e)
{
	auto_free uint32_t *items = mem_zalloc(plan->count, sizeof(*items));
	struct ordinals wanted = {.items = items};
	struct spool_filter filter = {.want = want_ordinal, .arg = &wanted};
	auto_layer_index struct layer_index *index = NULL;
	uint32_t i, missing;

	for (i = 0; i < plan->count; i++)
		if (needs_spool(&plan->entries[i]))
			items[wanted.count++] = plan->entries[i].ordinal;
	qsort(items, wanted.count, sizeof(items[0]), compare_ordinals);
	if (layer_index_read(source, &filter, spool, &index, e) != 0)
		return -1;
	missing = layer_plan_missing(plan, spool);
	if (missing > 0)
		return err_set(e, ERR_INVALID,
		    "%u files of the plan are not in the layer", missing);
	return 0;
}

#define STRING(x) #x
#define EXPAND(x) STRING(x)

const char *
layer_emit_form(void)
{
	return "layer " EXPAND(LAYER_EMIT_VERSION);
}

void
layer_plan_key(const struct digest *source_layer, const void *plan,
    size_t plan_len, struct digest *key)
{
	auto_hash struct hash *h = hash_new();

	hash_update(h, layer_emit_form(), strlen(layer_emit_form()) + 1);
	hash_update(h, source_layer->bytes, sizeof(source_layer->bytes));
	hash_update(h, plan, plan_len);
	hash_final(h, key);
}
