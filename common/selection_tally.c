#include "selection_tally.h"

#include <stdlib.h>

#include "winnow/mem.h"

/* One of the names of a file with several. */
struct hard_link {
	const struct layer_entry *entry;
	uint32_t number;
	bool kept;
};

static int
compare_links(const void *a, const void *b)
{
	const struct hard_link *x = a, *y = b;

	if (x->entry != y->entry)
		return (uintptr_t)x->entry < (uintptr_t)y->entry ? -1 : 1;
	if (x->kept != y->kept)
		return x->kept ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

bool *
selection_mark_repeated(const struct tree *t, const bool *kept)
{
	uint32_t i, count = tree_count(t);
	bool *repeated = mem_zalloc(count, sizeof(*repeated));
	auto_free struct hard_link *links = NULL;
	size_t j, link_count = 0, capacity = 0;

	for (i = 0; i < count; i++) {
		const struct tree_node *n = tree_at(t, i);

		if (n->links <= 1)
			continue;
		links = mem_grow(links, link_count, &capacity, sizeof(*links));
		links[link_count++] = (struct hard_link){.entry = n->entry,
		    .number = i,
		    .kept = kept == NULL || kept[i]};
	}
	if (link_count > 0)
		qsort(links, link_count, sizeof(*links), compare_links);
	for (j = 1; j < link_count; j++)
		if (links[j].entry == links[j - 1].entry)
			repeated[links[j].number] = true;
	return repeated;
}

void
tally_node(struct tally *t, const struct selection *s,
    const struct tree_node *n, const bool *repeated)
{
	if (tree_node_type(n) == ENTRY_DIRECTORY)
		return;
	t->files++;
	if (tree_node_type(n) != ENTRY_FILE || repeated[n->number])
		return;
	if (s != NULL && s->nodes[n->number].content != NULL)
		t->bytes += s->nodes[n->number].content_len;
	else
		t->bytes += n->entry->size;
}

size_t
selection_rule_of(const struct selection *s, const struct tree_node *n)
{
	uint32_t steps = tree_count(s->tree);

	while (n != NULL && steps-- > 0) {
		const struct selection_node *node = &s->nodes[n->number];

		if (node->reason == SELECTION_RULE)
			return node->rule;
		if (node->reason != SELECTION_NEEDED &&
		    node->reason != SELECTION_LINK &&
		    node->reason != SELECTION_PARENT)
			break;
		n = node->by;
	}
	return s->policy->keep_count;
}
