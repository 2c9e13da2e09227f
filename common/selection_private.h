/*
 * selection_private: what the steps of a selection share while it is made.
 */
#ifndef WINNOW_SELECTION_PRIVATE_H
#define WINNOW_SELECTION_PRIVATE_H

#include "intern.h"
#include "winnow/selection.h"

struct selector {
	struct selection *s;
	const struct tree *tree;
	const struct closure_env *env; /* borrowed, or NULL */
	/* Kept symbolic links whose targets are not kept yet. */
	struct tree_node **links;
	size_t link_count;
	size_t link_capacity;
	struct intern made; /* made_dirs, by their numbers */
	size_t made_capacity;
	size_t warning_capacity;
	size_t silent_warnings; /* past SELECTION_MAX_WARNINGS */
	const char *preloading; /* what names that which is needed, or NULL */
	struct err conflict; /* the first drop rule that breaks something */
};

/*
 * Keeps the node; its first reason stays, but for PARENT, which one that
 * needs no other node replaces.  `by` and `rule` as in selection_node.  A drop
 * rule that names what is needed is a conflict, except for directories, which
 * come back without contents, and for what the pipeline itself puts in.
 */
void selector_keep(struct selector *sel, struct tree_node *n,
    enum selection_reason reason, uint32_t rule, const struct tree_node *by);

/* Keeps the targets of kept symbolic links, and those of theirs. */
void selector_keep_links(struct selector *sel);

/* A warning for the report; past a bound they are only counted. */
void selector_warn(struct selector *sel, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* selection_rules.c: marks what drop rules name, keeps what keep rules do. */
void selector_apply_rules(struct selector *sel);

/* selection_closure.c: keeps what kept ELF files need. */
void selector_keep_needed(struct selector *sel);

/* selection_system.c: package databases, os-release; config directories. */
void selector_keep_databases(struct selector *sel);
void
selector_keep_dirs(struct selector *sel, const struct selection_config *dirs);

/* A node's path for messages, escaped; the caller frees it. */
char *selection_show_path(const struct tree_node *n);

#endif
