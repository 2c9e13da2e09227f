#include <stdlib.h>

#include "diff.h"
#include "selection_tally.h"
#include "winnow/json.h"

int
diff_side_open(const struct view *v, struct policy *policy,
    struct diff_side *out, struct err *e)
{
	*out = (struct diff_side){.view = v, .config = v->config};
	if (policy == NULL) {
		if (pkgdb_read(v->tree, &out->own_packages, e) == -1)
			return -1;
		out->packages = out->own_packages;
		return 0;
	}
	if (preview_make(v, policy, &out->preview, e) == -1)
		return -1;
	out->kept = out->preview.kept;
	out->config = out->preview.config;
	out->packages = out->preview.selection->packages;
	return 0;
}

void
diff_side_clear(struct diff_side *s)
{
	if (s->own_packages != NULL)
		pkgdb_free(s->own_packages);
	preview_clear(&s->preview);
}

/* Gives a changed file its class, now that all is known. */
static void
settle(struct diff_file *f)
{
	if (f->class == DIFF_CHANGED && f->how == 0)
		f->class = DIFF_SAME;
}

/* The bytes of a side's file that count with this name. */
static uint64_t
own_bytes(const struct diff *d, const struct diff_file *f, int side,
    const bool *repeated)
{
	const struct tree_node *n = f->node[side];

	return n == NULL || repeated[n->number] ? 0
						: diff_size(&d->sides[side], n);
}

/* Fills the fold's sums. */
static void
count_files(struct diff *d)
{
	auto_free bool *a =
	    selection_mark_repeated(d->sides[0].view->tree, d->sides[0].kept);
	auto_free bool *b =
	    selection_mark_repeated(d->sides[1].view->tree, d->sides[1].kept);
	uint32_t i;

	for (i = 0; i < d->fold.count; i++) {
		struct diff_file *f = &d->files[i];
		struct fold_sums *s = &d->fold.nodes[i].sums;
		uint64_t before = own_bytes(d, f, 0, a);
		uint64_t after = own_bytes(d, f, 1, b);

		settle(f);
		s->classes = 1u << f->class;
		/* A directory that changed is a change, too. */
		s->files[f->class] =
		    f->class == DIFF_CHANGED || !d->fold.nodes[i].directory;
		d->counts[f->class] += s->files[f->class];
		if (f->class == DIFF_SAME)
			continue;
		if (f->class == DIFF_CHANGED && !(f->how & DIFF_TYPE)) {
			s->bytes[DIFF_CHANGED] =
			    after > before ? after : before;
			s->bytes[DIFF_ADDED] =
			    after > before ? after - before : 0;
			s->bytes[DIFF_REMOVED] =
			    before > after ? before - after : 0;
			continue;
		}
		s->bytes[DIFF_ADDED] = after;
		s->bytes[DIFF_REMOVED] = before;
	}
}

/* True when nothing was added, removed or changed. */
static bool
is_same(const struct diff *d)
{
	return d->fold.nodes[0].sums.classes == 1u << DIFF_SAME &&
	    json_array_size(d->packages) == 0 &&
	    json_array_size(d->config) == 0 && json_array_size(d->audit) == 0;
}

int
diff_make(const struct diff_side *sides, struct diff *out, struct err *e)
{
	struct diff d = {.sides = sides};

	diff_compare_files(&d);
	if (diff_compare_contents(&d, e) == -1) {
		diff_clear(&d);
		return -1;
	}
	count_files(&d);
	fold_sum(&d.fold);
	diff_compare_lists(&d);
	d.same = is_same(&d);
	*out = d;
	return 0;
}

void
diff_clear(struct diff *d)
{
	free(d->files);
	free(d->fold.nodes);
	json_decref(d->packages);
	json_decref(d->config);
	json_decref(d->audit);
	*d = (struct diff){0};
}
