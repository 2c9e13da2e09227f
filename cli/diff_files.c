#include <inttypes.h>
#include <string.h>

#include "diff.h"
#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/num.h"
#include "winnow/path.h"

/* A walk over the nodes of one side, in canonical order. */
struct cursor {
	const struct diff_side *side;
	uint32_t next;
	struct strbuf path; /* of `node` */
	const struct tree_node *node; /* NULL at the end */
};

static void
advance(struct cursor *c)
{
	const struct tree *t = c->side->view->tree;

	while (c->next < tree_count(t) && c->side->kept != NULL &&
	    !c->side->kept[c->next])
		c->next++;
	c->node = c->next < tree_count(t) ? tree_at(t, c->next++) : NULL;
	if (c->node != NULL)
		tree_node_path(c->node, &c->path);
}

const struct selection_node *
diff_selected(const struct diff_side *s, const struct tree_node *n)
{
	return s->preview.selection == NULL
	    ? NULL
	    : &s->preview.selection->nodes[n->number];
}

uint64_t
diff_size(const struct diff_side *s, const struct tree_node *n)
{
	const struct selection_node *node = diff_selected(s, n);

	if (tree_node_type(n) != ENTRY_FILE)
		return 0;
	return node != NULL && node->content != NULL ? node->content_len
						     : n->entry->size;
}

static bool
same_xattrs(const struct layer_entry *a, const struct layer_entry *b)
{
	uint32_t i;

	if (a->xattr_count != b->xattr_count)
		return false;
	for (i = 0; i < a->xattr_count; i++)
		if (strcmp(a->xattrs[i].name, b->xattrs[i].name) != 0 ||
		    a->xattrs[i].value_len != b->xattrs[i].value_len ||
		    memcmp(a->xattrs[i].value, b->xattrs[i].value,
			a->xattrs[i].value_len) != 0)
			return false;
	return true;
}

/* A directory that no layer has an entry for is 0755, of root. */
static unsigned
compare_attributes(const struct layer_entry *a, const struct layer_entry *b)
{
	static const struct layer_entry implied = {.mode = 0755};
	unsigned how = 0;

	a = a == NULL ? &implied : a;
	b = b == NULL ? &implied : b;
	if (a->type != ENTRY_SYMLINK && a->mode != b->mode)
		how |= DIFF_MODE;
	if (a->uid != b->uid || a->gid != b->gid)
		how |= DIFF_OWNER;
	if (!same_xattrs(a, b))
		how |= DIFF_XATTRS;
	return how;
}

static unsigned
compare_nodes(const struct diff *d, const struct diff_file *f)
{
	const struct tree_node *a = f->node[0], *b = f->node[1];
	enum entry_type type = tree_node_type(a);
	unsigned how;

	if (type != tree_node_type(b))
		return DIFF_TYPE;
	how = compare_attributes(a->entry, b->entry);
	if (type == ENTRY_SYMLINK &&
	    strcmp(a->entry->link, b->entry->link) != 0)
		how |= DIFF_LINK;
	if ((type == ENTRY_CHARDEV || type == ENTRY_BLOCKDEV) &&
	    (a->entry->dev_major != b->entry->dev_major ||
		a->entry->dev_minor != b->entry->dev_minor))
		how |= DIFF_DEVICE;
	if (diff_size(&d->sides[0], a) != diff_size(&d->sides[1], b))
		how |= DIFF_SIZE | DIFF_CONTENT;
	return how;
}

/* The parent: the last one in the list that is one level up. */
static uint32_t
find_parent(
    const struct diff *d, uint32_t number, uint32_t *stack, size_t *depth)
{
	const struct diff_file *f = &d->files[number];
	const struct tree_node *n = f->node[f->node[0] == NULL];
	size_t level = 0;

	for (; n->parent != NULL; n = n->parent)
		level++;
	*depth = level + 1;
	stack[level] = number;
	return level == 0 ? 0 : stack[level - 1];
}

static void
add_file(struct diff *d, size_t *capacity, const struct tree_node *a,
    const struct tree_node *b)
{
	struct diff_file *f;

	d->files =
	    mem_grow(d->files, d->fold.count, capacity, sizeof(*d->files));
	f = &d->files[d->fold.count++];
	*f = (struct diff_file){.node = {a, b}, .class = DIFF_CHANGED};
	if (a == NULL)
		f->class = DIFF_ADDED;
	else if (b == NULL)
		f->class = DIFF_REMOVED;
	else
		f->how = compare_nodes(d, f);
}

/* Sets the parents of the fold. */
static void
make_fold(struct diff *d)
{
	/* A path has at most half as many components as bytes. */
	auto_free uint32_t *stack =
	    mem_zalloc(LIMIT_PATH / 2 + 2, sizeof(*stack));
	size_t depth = 0;
	uint32_t i;

	d->fold.nodes = mem_zalloc(d->fold.count, sizeof(*d->fold.nodes));
	for (i = 0; i < d->fold.count; i++) {
		const struct diff_file *f = &d->files[i];
		const struct tree_node *n = f->node[f->node[0] == NULL];

		d->fold.nodes[i] = (struct fold_node){.name = n->name,
		    .name_len = n->name_len,
		    .parent = find_parent(d, i, stack, &depth),
		    .directory = tree_node_type(n) == ENTRY_DIRECTORY ||
			(f->node[1] != NULL &&
			    tree_node_type(f->node[1]) == ENTRY_DIRECTORY)};
	}
}

void
diff_compare_files(struct diff *d)
{
	struct cursor a = {.side = &d->sides[0]}, b = {.side = &d->sides[1]};
	size_t capacity = 0;

	strbuf_init(&a.path, LIMIT_PATH + 1);
	strbuf_init(&b.path, LIMIT_PATH + 1);
	advance(&a);
	advance(&b);
	while (a.node != NULL || b.node != NULL) {
		int order = a.node == NULL ? 1
		    : b.node == NULL       ? -1
				     : path_compare(strbuf_string(&a.path),
					   strbuf_string(&b.path));

		add_file(d, &capacity, order <= 0 ? a.node : NULL,
		    order >= 0 ? b.node : NULL);
		if (order <= 0)
			advance(&a);
		if (order >= 0)
			advance(&b);
	}
	strbuf_clear(&a.path);
	strbuf_clear(&b.path);
	make_fold(d);
}

/* "LABEL A -> B" behind what is there. */
static void __attribute__((format(printf, 2, 3)))
add_change(struct strbuf *out, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	strbuf_add_format(out, "%s%s", out->len > 0 ? ", " : "", text);
}

static void
add_link(const struct diff_file *f, struct strbuf *out)
{
	strbuf_add_string(out, out->len > 0 ? ", link " : "link ");
	path_escape(f->node[0]->entry->link, out);
	strbuf_add_string(out, " -> ");
	path_escape(f->node[1]->entry->link, out);
}

void
diff_add_how(
    const struct diff *d, const struct diff_file *f, struct strbuf *out)
{
	static const struct layer_entry implied = {.mode = 0755};
	const struct tree_node *a = f->node[0], *b = f->node[1];
	const struct layer_entry *p = &implied, *q = &implied;
	char x[32], y[32];

	if (f->class != DIFF_CHANGED)
		return;
	p = a->entry == NULL ? p : a->entry;
	q = b->entry == NULL ? q : b->entry;
	if (f->how & DIFF_TYPE)
		add_change(out, "%s -> %s", entry_type_name(tree_node_type(a)),
		    entry_type_name(tree_node_type(b)));
	if (f->how & DIFF_MODE)
		add_change(out, "mode %04o -> %04o", p->mode, q->mode);
	if (f->how & DIFF_OWNER)
		add_change(out,
		    "owner %" PRIu64 ":%" PRIu64 " -> %" PRIu64 ":%" PRIu64,
		    p->uid, p->gid, q->uid, q->gid);
	if (f->how & DIFF_SIZE)
		add_change(out, "%s -> %s",
		    num_format_size(diff_size(&d->sides[0], a), x),
		    num_format_size(diff_size(&d->sides[1], b), y));
	else if (f->how & DIFF_CONTENT)
		add_change(out, "content");
	if (f->how & DIFF_LINK)
		add_link(f, out);
	if (f->how & DIFF_XATTRS)
		add_change(out, "attributes");
	if (f->how & DIFF_DEVICE)
		add_change(out, "device");
}
