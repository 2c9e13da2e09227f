/*
 * facts: what there is to say about one path of an image under a policy.
 */
#ifndef WINNOW_CLI_FACTS_H
#define WINNOW_CLI_FACTS_H

#include "preview.h"

/* Names that are shown in place of one that is not there; of these the same
 * name in other directories, where programs are often looked for. */
#define FACTS_SIMILAR 5
#define FACTS_ELSEWHERE 2

/* What one layer does to a path. */
enum facts_act {
	FACTS_HAS, /* it has an entry of that path */
	FACTS_DELETES, /* a whiteout of it, or of a directory above it */
	FACTS_HIDES, /* an opaque directory above it */
	FACTS_REPLACES /* something else in place of a directory above it */
};
struct facts_event {
	uint32_t layer;
	enum facts_act act;
	const struct layer_entry *entry; /* borrowed */
};

struct facts {
	const char *asked; /* borrowed */
	const struct tree_node *node; /* NULL: not in the image */
	struct strbuf path; /* where it lies, or would: links resolved */
	/* Where the way ended, for what is not in the image. */
	const struct tree_node *last; /* a directory, a file, a dead link */
	char
	    *missing; /* the name that is not in it; NULL: it is no directory */
	const struct tree_node *similar[FACTS_SIMILAR];
	size_t similar_count;
	struct facts_event *events; /* lowest layer first */
	size_t event_count;
	size_t event_capacity;
	long package; /* that owns it, or -1 */
};

/* facts_clear() releases.  ERR_INVALID for a path that cannot be one. */
int facts_find(const struct preview *p, const char *path, struct facts *out,
    struct err *e);
void facts_clear(struct facts *f);

/* What made a layer, out of the config's history; "" when it does not say. */
const char *facts_created_by(const struct view *v, uint32_t layer);

/* How many of the files below a directory there are, and are kept. */
void facts_count(const struct preview *p, const struct tree_node *dir,
    uint64_t *files, uint64_t *kept);

#endif
