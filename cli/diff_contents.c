/*
 * diff_contents: files of one path and size in two layers.  Indexes hold no
 * digests of contents, so these are read once more, layer by layer.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "diff.h"
#include "winnow/fsutil.h"
#include "winnow/layer_emit.h"
#include "winnow/mem.h"

#define CHUNK (1u << 20)

/* The contents of one side that are wanted, by number in diff->files. */
struct contents {
	const struct diff *diff;
	int side;
	const bool *wanted;
	struct digest *digests;
};

/* The content of a node where it is in memory, or NULL. */
static const char *
content_at_hand(const struct diff_side *s, const struct tree_node *n)
{
	const struct selection_node *node = diff_selected(s, n);

	return node != NULL && node->content != NULL ? node->content
						     : n->entry->content;
}

static const struct oci_descriptor *
layer_of(const struct diff_side *s, const struct tree_node *n)
{
	return &s->view->manifest->layers[n->layer];
}

/* True when the files come out of the same place of the same layer. */
static bool
same_place(const struct diff *d, const struct diff_file *f)
{
	const struct tree_node *a = f->node[0], *b = f->node[1];
	const struct selection_node *p = diff_selected(&d->sides[0], a);
	const struct selection_node *q = diff_selected(&d->sides[1], b);

	return (p == NULL || p->content == NULL) &&
	    (q == NULL || q->content == NULL) &&
	    a->entry->ordinal == b->entry->ordinal &&
	    digest_equal(&layer_of(&d->sides[0], a)->digest,
		&layer_of(&d->sides[1], b)->digest);
}

/* True for a file whose contents must be read; sets what is known already. */
static bool
must_read(const struct diff *d, struct diff_file *f)
{
	const struct tree_node *a = f->node[0], *b = f->node[1];
	const char *p, *q;
	uint64_t size;

	if (f->class != DIFF_CHANGED || (f->how & (DIFF_TYPE | DIFF_SIZE)) ||
	    tree_node_type(a) != ENTRY_FILE)
		return false;
	size = diff_size(&d->sides[0], a);
	if (size == 0 || same_place(d, f))
		return false;
	p = content_at_hand(&d->sides[0], a);
	q = content_at_hand(&d->sides[1], b);
	if (p == NULL || q == NULL)
		return true;
	if (memcmp(p, q, size) != 0)
		f->how |= DIFF_CONTENT;
	return false;
}

static int
hash_range(
    int fd, uint64_t offset, uint64_t size, struct digest *out, struct err *e)
{
	auto_hash struct hash *h = hash_new();
	auto_free char *buffer = mem_alloc(CHUNK);
	uint64_t at, n;

	for (at = 0; at < size; at += n) {
		n = size - at < CHUNK ? size - at : CHUNK;
		if (fsutil_pread_all(fd, buffer, n, (off_t)(offset + at), e) ==
		    -1)
			return -1;
		hash_update(h, buffer, n);
	}
	hash_final(h, out);
	return 0;
}

/* The plan of the wanted contents of a layer that are not at hand. */
static struct layer_index *
plan_layer(struct contents *c, uint32_t layer)
{
	const struct diff_side *s = &c->diff->sides[c->side];
	struct layer_index *plan = layer_index_new();
	uint32_t i;

	for (i = 0; i < c->diff->fold.count; i++) {
		const struct tree_node *n = c->diff->files[i].node[c->side];
		const char *content;

		if (!c->wanted[i])
			continue;
		content = content_at_hand(s, n);
		if (content != NULL)
			digest_of(content, diff_size(s, n), &c->digests[i]);
		else if (n->layer == layer)
			*layer_index_add(plan) = *n->entry;
	}
	return plan;
}

static int
hash_spooled(
    struct contents *c, uint32_t layer, struct spool *spool, struct err *e)
{
	const struct diff_side *s = &c->diff->sides[c->side];
	uint64_t offset, size;
	uint32_t i;

	for (i = 0; i < c->diff->fold.count; i++) {
		const struct tree_node *n = c->diff->files[i].node[c->side];

		if (!c->wanted[i] || n->layer != layer ||
		    content_at_hand(s, n) != NULL)
			continue;
		if (!spool_find(spool, n->entry->ordinal, &offset, &size))
			return err_set(e, ERR_INTERNAL, "a file is not there");
		if (hash_range(
			spool_fd(spool), offset, size, &c->digests[i], e) == -1)
			return -1;
	}
	return 0;
}

/* Reads one layer of a side, if anything is wanted from it. */
static int
read_layer(struct contents *c, uint32_t layer, struct err *e)
{
	const struct view *v = c->diff->sides[c->side].view;
	auto_layer_index struct layer_index *plan = plan_layer(c, layer);
	auto_spool struct spool *spool = NULL;
	auto_fd int fd = -1, blob_fd = -1;
	struct blob_source source;

	if (plan->count == 0)
		return 0;
	if (cli_open_scratch(&fd, e) == -1 ||
	    input_open_layer(
		&v->input, &v->manifest->layers[layer], &source, e) == -1)
		return -1;
	blob_fd = source.fd;
	spool = spool_new(fd);
	if (layer_plan_extract(plan, &source, spool, e) == -1 ||
	    spool_finish(spool, e) == -1)
		return err_wrap(e, "layer %u", layer + 1);
	return hash_spooled(c, layer, spool, e);
}

static int
read_side(struct contents *c, struct err *e)
{
	const struct view *v = c->diff->sides[c->side].view;
	uint32_t layer;

	for (layer = 0; layer < tree_layers(v->tree); layer++)
		if (read_layer(c, layer, e) == -1)
			return err_wrap(e, "%s", source_name(v->input.source));
	return 0;
}

int
diff_compare_contents(struct diff *d, struct err *e)
{
	uint32_t i, count = d->fold.count, any = 0;
	auto_free bool *wanted = mem_zalloc(count, sizeof(*wanted));
	auto_free struct digest *a = mem_zalloc(count, sizeof(*a));
	auto_free struct digest *b = mem_zalloc(count, sizeof(*b));
	struct contents first = {d, 0, wanted, a}, second = {d, 1, wanted, b};

	for (i = 0; i < count; i++) {
		wanted[i] = must_read(d, &d->files[i]);
		any += wanted[i];
	}
	if (any == 0)
		return 0;
	if (read_side(&first, e) == -1 || read_side(&second, e) == -1)
		return -1;
	for (i = 0; i < count; i++)
		if (wanted[i] && !digest_equal(&a[i], &b[i]))
			d->files[i].how |= DIFF_CONTENT;
	return 0;
}
