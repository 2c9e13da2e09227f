/*
 * selection: the nodes of a tree that a policy keeps, each with its reason.
 */
#ifndef WINNOW_SELECTION_H
#define WINNOW_SELECTION_H

#include "winnow/closure.h"
#include "winnow/pkgdb.h"
#include "winnow/policy.h"
#include "winnow/strbuf.h"
#include "winnow/tree.h"

enum selection_reason {
	SELECTION_NOT_KEPT = 0,
	SELECTION_RULE, /* keep[rule] of the policy */
	SELECTION_NEEDED, /* needed by `by`: library, interpreter */
	SELECTION_LINK, /* `by` is a kept symbolic link that leads here */
	SELECTION_PARENT, /* `by` is kept below it, or, for a symbolic link,
			     named by a rule through it */
	SELECTION_DATABASE, /* package database, copyright, os-release */
	SELECTION_CONFIG /* VOLUME, working directory, home */
};

struct selection_node {
	enum selection_reason reason;
	uint32_t rule; /* SELECTION_RULE */
	uint32_t dropped; /* the drop rule that names it, + 1; 0: none */
	uint32_t denied; /* the keep rule that would, but for `dropped`, + 1 */
	/* NEEDED, as this names it: LD_PRELOAD, /etc/ld.so.preload; or NULL */
	const char *preloaded;
	const struct tree_node *by; /* NEEDED, LINK, PARENT */
	char *content; /* replaced content, or NULL; owned */
	size_t content_len;
};

struct selection {
	const struct tree *tree; /* borrowed */
	const struct policy *policy; /* borrowed */
	struct selection_node *nodes; /* by node number */
	uint32_t *rule_matches; /* per keep rule: nodes it kept first */
	/* Directories that the config promises and no layer has; they become
	 * entries of the topmost derived layer.  Normalized paths. */
	char **made_dirs;
	size_t made_dir_count;
	char **warnings; /* for the report: patterns without a match, ... */
	size_t warning_count;
	struct pkgdb *packages; /* owned */
};

/*
 * What a selection takes from the image's config, as the policy edits it
 * (image_config.h).
 */
struct selection_config {
	char **paths; /* directories that must exist */
	size_t count;
	struct closure_env env; /* borrowed from the config */
};

/*
 * Applies the policy: keep rules with symbolic links resolved, drop rules,
 * closure, links, parents, package databases, the directories of `config`
 * (or NULL).  ERR_POLICY when a drop rule hits what a kept file needs (names
 * both), or when no keep rule matches anything.  A library that the source
 * lacks is a warning that names the chain: winnow did not take it away.
 */
int selection_make(const struct tree *t, const struct policy *p,
    const struct selection_config *config, struct selection **out,
    struct err *e);
void selection_free(struct selection *s);

AUTO_DEFINE(selection, selection_free)
#define auto_selection __attribute__((cleanup(auto_selection_cleanup)))

bool selection_keeps(const struct selection *s, const struct tree_node *n);
/* The same by node number, for pkgdb and audit; the caller frees it. */
bool *selection_kept(const struct selection *s);
/* True when the path leads through kept links to something kept, or to a
 * directory. */
bool selection_keeps_path(const struct selection *s, const char *path);

/*
 * What the loaders of the variant find: the environment of the config, or NULL
 * for an empty one, and /etc/ld.so.preload if that is kept.  Borrowed.
 */
struct closure_env selection_closure_env(
    const struct selection *s, const struct closure_env *config);

/*
 * The layer plan of source layer `layer`: the selected entries whose visible
 * copy lives there and their ancestors as of this layer, in canonical order,
 * hard links after their first name (layer_emit.h).  The directories to make
 * are in the topmost plan that is not empty.  An empty plan means that the
 * layer is dropped.  The caller owns *out, which borrows from the indexes of
 * the tree, not from the tree or the selection.
 */
void selection_plan_layer(
    const struct selection *s, uint32_t layer, struct layer_index **out);

/*
 * Appends the reason as text: "postgres.yaml:7 keep /usr/..." or
 * "needed by usr/lib/x (postgres.yaml:7 keep /usr/...)"; for what is not
 * kept "dropped by ..." or "not kept".
 */
void selection_explain(
    const struct selection *s, const struct tree_node *n, struct strbuf *out);

#endif
