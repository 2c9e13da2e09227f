/*
 * explain: what is known of a path (facts.h), as text and as JSON, in the same
 * words.
 */
#ifndef WINNOW_CLI_EXPLAIN_H
#define WINNOW_CLI_EXPLAIN_H

#include <jansson.h>

#include "facts.h"

/* What node->by is to the node: "needed by". */
const char *
explain_relation(const struct tree_node *n, const struct selection_node *node);

/* What a layer does: "deletes". */
const char *explain_act(enum facts_act act);

/* Prints what is known of one path. */
void explain_print(const struct preview *p, const struct facts *f);

/* Appends the object of one path. */
void
explain_push_json(const struct preview *p, const struct facts *f, json_t *list);

#endif
