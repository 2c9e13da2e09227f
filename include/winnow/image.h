/*
 * image: the pipeline from layer indexes to a variant (DESIGN section 3),
 * without sockets or files of its own: the worker and the command line call
 * the same functions.
 *
 *	layer_index_read()    per source layer
 *	image_plan()          all indexes + config + policy -> layer plans
 *	image_plan_check()    whether that may be published -> report
 *	layer_emit()          per layer plan that is not empty
 *	image_assemble()      results -> config, manifest
 *	image_index()         variants of all platforms -> index
 */
#ifndef WINNOW_IMAGE_H
#define WINNOW_IMAGE_H

#include <jansson.h>

#include "winnow/audit.h"
#include "winnow/layer_emit.h"
#include "winnow/oci.h"
#include "winnow/policy.h"
#include "winnow/selection.h"

struct image_plan {
	struct layer_index **layers; /* one plan per source layer; empty ones
					are dropped */
	size_t layer_count;
	json_t *config; /* the edited config; diff_ids still the source's */
	json_t *report; /* see doc/internals/report.md; NULL until then */
	struct image_draft *draft; /* what the check looks at; NULL after it */
};

/*
 * Merges and selects.  `indexes` are the source layers', lowest first; they
 * and `p` must outlive the check.  `config` is the source's image config as
 * bytes.
 * ERR_POLICY with the reason and what to add; ERR_INVALID when config and
 * layers disagree.
 */
int image_plan(struct layer_index *const *indexes, size_t count,
    const void *config, size_t config_len, const struct policy *p,
    struct image_plan **out, struct err *e);
void image_plan_free(struct image_plan *plan);

/*
 * The steps of it that need no layers: edits `config` as the policy says, and
 * selects for a variant that has it.  Errors as above; the selection borrows
 * tree and policy.
 */
int image_select(const struct tree *t, const struct policy *p, json_t *config,
    struct selection **out, struct err *e);

/*
 * Checks that the variant will start, audits it, and reports.  Once per plan,
 * and before anything of it is published; layers may be emitted meanwhile.
 * ERR_POLICY as above.
 */
int image_plan_check(struct image_plan *plan, struct err *e);

AUTO_DEFINE(image_plan, image_plan_free)
#define auto_image_plan __attribute__((cleanup(auto_image_plan_cleanup)))

/* Where the source came from, for annotations. */
struct image_base {
	const char *name; /* docker.io/library/postgres:16 */
	struct digest digest; /* the source manifest's (or index's) digest */
};

/*
 * Puts the derived layers into config and manifest: `emitted` has one element
 * per source layer, NULL where the plan was empty.  *config and *manifest
 * are the bytes to publish (the caller frees).  Unknown fields survive;
 * foreign urls, `data` and lazy-pulling annotations go (PROTOCOL 3.4).
 * History entries of dropped layers get empty_layer.
 */
int image_assemble(const struct oci_manifest *source, const json_t *config,
    const struct layer_emitted *const *emitted, size_t count,
    const struct image_base *base, char **config_out, size_t *config_len,
    char **manifest_out, size_t *manifest_len, struct err *e);

/* One rewritten child of an index. */
struct image_child {
	const struct oci_descriptor *source;
	struct digest digest;
	uint64_t size;
};

/*
 * The index over the children, in the order of the source index, then those
 * that stood in an index inside it, in their own; everything else it lists is
 * left out.  The caller frees *out.
 */
int image_index(const struct oci_manifest *source,
    const struct image_child *children, size_t count,
    const struct image_base *base, char **out, size_t *len, struct err *e);

#endif
