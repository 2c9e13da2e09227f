#include "fold.h"

#include <stdlib.h>

#include "winnow/auto.h"
#include "winnow/mem.h"

/* Fewer lines are better seen than counted. */
#define GROUP_MIN 4

/* The lines below one directory that is open. */
struct frame {
	struct fold_row *rows;
	size_t count;
	size_t next;
};

/* A walk: a stack of open directories. */
struct walk {
	const struct fold *f;
	const struct fold_options *o;
	fold_row_cb row;
	void *arg;
	struct frame *frames;
	size_t count;
	size_t capacity;
	bool *last; /* by level */
	size_t last_capacity;
};

static void
add_sums(struct fold_sums *to, const struct fold_sums *from)
{
	int i;

	to->classes |= from->classes;
	for (i = 0; i < FOLD_CLASSES; i++) {
		to->files[i] += from->files[i];
		to->bytes[i] += from->bytes[i];
	}
}

void
fold_sum(struct fold *f)
{
	uint32_t i;

	/* What is below has higher numbers. */
	for (i = 0; i < f->count; i++)
		f->nodes[i].end = i + 1;
	for (i = f->count; i-- > 1;) {
		struct fold_node *parent = &f->nodes[f->nodes[i].parent];

		add_sums(&parent->sums, &f->nodes[i].sums);
		if (parent->end < f->nodes[i].end)
			parent->end = f->nodes[i].end;
	}
}

bool
fold_is_uniform(const struct fold_sums *sums)
{
	return (sums->classes & (sums->classes - 1)) == 0;
}

/* The bytes of all classes that are not hidden. */
static uint64_t
shown_bytes(const struct walk *w, const struct fold_sums *sums)
{
	uint64_t bytes = 0;
	int i;

	for (i = 0; i < FOLD_CLASSES; i++)
		if ((w->o->hidden & (1u << i)) == 0)
			bytes += sums->bytes[i];
	return bytes;
}

/* True when no class has many bytes. */
static bool
is_small(const struct walk *w, const struct fold_sums *sums)
{
	int i;

	for (i = 0; i < FOLD_CLASSES; i++)
		if ((w->o->hidden & (1u << i)) == 0 &&
		    sums->bytes[i] >= w->o->small[i])
			return false;
	return true;
}

/* True when there are files of two classes or more. */
static bool
has_several(const struct fold_sums *sums)
{
	int i, n = 0;

	for (i = 0; i < FOLD_CLASSES; i++)
		n += sums->files[i] > 0;
	return n > 1;
}

static bool
is_hidden(const struct walk *w, const struct fold_node *n)
{
	return (n->sums.classes & ~w->o->hidden) == 0;
}

/* The next sibling's number; `end` of the parent when there is none. */
static uint32_t
next_shown(const struct walk *w, uint32_t i, uint32_t end)
{
	while (i < end && is_hidden(w, &w->f->nodes[i]))
		i = w->f->nodes[i].end;
	return i;
}

/* True for a directory that is worth opening, at this level. */
static bool
is_opened(const struct walk *w, uint32_t number, size_t level)
{
	const struct fold_node *n = &w->f->nodes[number];

	if (!n->directory || n->end == number + 1)
		return false;
	/* The top is what was asked for. */
	if (w->o->depth == 0 || level == 0)
		return true;
	return has_several(&n->sums) && level < w->o->depth &&
	    !is_small(w, &n->sums);
}

/*
 * Follows directories that hold nothing but one more directory that would be
 * opened, too: they share a line.
 */
static uint32_t
follow_single(const struct walk *w, uint32_t number, size_t level)
{
	for (;;) {
		const struct fold_node *n = &w->f->nodes[number];
		uint32_t child;

		if (w->o->depth == 0 || !is_opened(w, number, level))
			return number;
		child = next_shown(w, number + 1, n->end);
		if (child == n->end || !w->f->nodes[child].directory ||
		    !has_several(&w->f->nodes[child].sums) ||
		    next_shown(w, w->f->nodes[child].end, n->end) < n->end)
			return number;
		number = child;
	}
}

/* Largest first, groups last. */
static int
compare_rows(const void *a, const void *b, void *arg)
{
	const struct walk *w = arg;
	const struct fold_row *x = a, *y = b;
	uint64_t p = shown_bytes(w, &x->sums), q = shown_bytes(w, &y->sums);

	if ((x->group > 0) != (y->group > 0))
		return x->group > 0 ? 1 : -1;
	if (p != q)
		return p > q ? -1 : 1;
	return x->node < y->node ? -1 : 1;
}

static bool
is_member(const struct walk *w, const struct fold_row *row, unsigned classes)
{
	return row->group == 0 && row->sums.classes == classes &&
	    is_small(w, &row->sums);
}

/* Puts the small lines with the same classes together, if there are many. */
static void
make_group(struct walk *w, struct frame *frame, unsigned classes)
{
	struct fold_row *rows = frame->rows, group = {0};
	size_t i, kept = 0;

	for (i = frame->count; i-- > 0;) {
		struct fold_sums sums = group.sums;
		uint32_t members = group.group;

		if (!is_member(w, &rows[i], classes))
			continue;
		group = rows[i];
		group.group = members + 1;
		add_sums(&group.sums, &sums);
	}
	if (group.group < GROUP_MIN)
		return;
	for (i = 0; i < frame->count; i++)
		if (!is_member(w, &rows[i], classes))
			rows[kept++] = rows[i];
	rows[kept++] = group;
	frame->count = kept;
}

/* make_group() for each mixture of classes. */
static void
make_groups(struct walk *w, struct frame *frame)
{
	unsigned classes;

	for (classes = 1; classes < 1u << FOLD_CLASSES; classes++)
		make_group(w, frame, classes);
	if (frame->count > 0)
		qsort_r(frame->rows, frame->count, sizeof(*frame->rows),
		    compare_rows, w);
}

/* Lists the lines below a directory, at `level`. */
static void
open_directory(struct walk *w, uint32_t number, size_t level)
{
	const struct fold_node *dir = &w->f->nodes[number];
	struct frame frame = {0};
	size_t capacity = 0;
	uint32_t i;

	for (i = next_shown(w, number + 1, dir->end); i < dir->end;
	     i = next_shown(w, w->f->nodes[i].end, dir->end)) {
		struct fold_row row = {.first = i, .level = level};

		row.node = follow_single(w, i, level);
		row.sums = w->f->nodes[row.node].sums;
		frame.rows = mem_grow(
		    frame.rows, frame.count, &capacity, sizeof(*frame.rows));
		frame.rows[frame.count++] = row;
	}
	if (w->o->depth > 0)
		make_groups(w, &frame);
	w->frames =
	    mem_grow(w->frames, w->count, &w->capacity, sizeof(*w->frames));
	w->frames[w->count++] = frame;
}

static void
show(struct walk *w, struct fold_row *row)
{
	row->last = w->last;
	row->opened = row->group == 0 && is_opened(w, row->node, row->level);
	w->row(w->arg, row);
	if (row->opened)
		open_directory(w, row->node, row->level + 1);
}

void
fold_walk(const struct fold *f, uint32_t top, const struct fold_options *o,
    fold_row_cb row, void *arg)
{
	struct walk w = {.f = f, .o = o, .row = row, .arg = arg};
	struct fold_row first = {
	    .node = top, .first = top, .sums = f->nodes[top].sums};

	show(&w, &first);
	while (w.count > 0) {
		struct frame *frame = &w.frames[w.count - 1];
		struct fold_row next;

		if (frame->next == frame->count) {
			free(frame->rows);
			w.count--;
			continue;
		}
		w.last = mem_grow(
		    w.last, w.count, &w.last_capacity, sizeof(*w.last));
		next = frame->rows[frame->next++];
		w.last[w.count] = frame->next == frame->count;
		show(&w, &next);
	}
	free(w.frames);
	free(w.last);
}
