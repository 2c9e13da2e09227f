#include "explain.h"
#include "nearest.h"
#include "winnow/json.h"
#include "winnow/limits.h"

static json_t *
make_path(const struct tree_node *n)
{
	auto_strbuf struct strbuf path;

	strbuf_init(&path, SIZE_MAX);
	tree_show_path(n, &path);
	return json_string(strbuf_string(&path));
}

static json_t *
make_rule(const struct policy_rule *rule)
{
	json_t *object = json_object();

	json_put(object, "origin", json_escaped(rule->origin));
	json_put(object, rule->kind == POLICY_PACKAGE ? "package" : "pattern",
	    json_escaped(rule->text));
	return object;
}

/* Adds "chain", and "rule" where it ends at one. */
static void
put_chain(json_t *object, const struct preview *p, const struct tree_node *n)
{
	const struct selection_node *node = &p->selection->nodes[n->number];
	json_t *chain = json_array(), *link;

	for (; node->by != NULL; node = &p->selection->nodes[n->number]) {
		link = json_object();
		json_put(
		    link, "relation", json_string(explain_relation(n, node)));
		json_put(link, "path", make_path(node->by));
		json_push(chain, link);
		n = node->by;
	}
	json_put(object, "chain", chain);
	if (node->reason == SELECTION_RULE)
		json_put(
		    object, "rule", make_rule(&p->policy->keep[node->rule]));
}

static void
put_nearest(json_t *object, const struct preview *p, const struct facts *f)
{
	auto_strbuf struct strbuf agrees;
	const struct policy_rule *rule;
	json_t *nearest;

	strbuf_init(&agrees, LIMIT_PATH + 1);
	rule = nearest_rule(
	    p->view->tree, p->policy, strbuf_string(&f->path), &agrees);
	if (rule == NULL)
		return;
	nearest = make_rule(rule);
	json_put(nearest, "agrees", json_escaped(strbuf_string(&agrees)));
	json_put(object, "nearest", nearest);
}

static void
put_removed(json_t *object, const struct preview *p, const struct facts *f)
{
	const struct selection_node *node =
	    &p->selection->nodes[f->node->number];

	if (node->dropped == 0)
		put_nearest(object, p, f);
	else
		json_put(object, "dropped",
		    make_rule(&p->policy->drop[node->dropped - 1]));
	if (node->denied != 0)
		json_put(object, "in_spite_of",
		    make_rule(&p->policy->keep[node->denied - 1]));
}

static void
put_missing(json_t *object, const struct preview *p, const struct facts *f)
{
	const struct policy_rule *rule =
	    nearest_naming(p->view->tree, p->policy, strbuf_string(&f->path));
	json_t *similar = json_array();
	size_t i;

	json_put(object, "way_ends_at", make_path(f->last));
	for (i = 0; i < f->similar_count; i++)
		json_push(similar, make_path(f->similar[i]));
	json_put(object, "similar", similar);
	if (rule != NULL)
		json_put(object, "named_by", make_rule(rule));
	else
		put_nearest(object, p, f);
}

static void
put_layers(json_t *object, const struct preview *p, const struct facts *f)
{
	json_t *layers = json_array(), *layer;
	size_t i;

	for (i = 0; i < f->event_count; i++) {
		const struct facts_event *event = &f->events[i];

		layer = json_object();
		json_put(layer, "layer", json_integer(event->layer + 1));
		json_put(layer, "act", json_string(explain_act(event->act)));
		if (event->act != FACTS_HAS)
			json_put(
			    layer, "path", json_escaped(event->entry->path));
		json_put(layer, "created_by",
		    json_escaped(facts_created_by(p->view, event->layer)));
		json_push(layers, layer);
	}
	json_put(object, "layers", layers);
}

static void
put_node(json_t *object, const struct preview *p, const struct facts *f)
{
	const struct pkgdb *db = p->selection->packages;
	auto_strbuf struct strbuf why;

	strbuf_init(&why, SIZE_MAX);
	selection_explain(p->selection, f->node, &why);
	json_put(object, "why", json_escaped(strbuf_string(&why)));
	json_put(object, "lies_at", make_path(f->node));
	json_put(object, "type",
	    json_string(entry_type_name(tree_node_type(f->node))));
	if (f->node->entry != NULL)
		json_put(object, "layer", json_integer(f->node->layer + 1));
	if (f->package >= 0)
		json_put(object, "package",
		    json_escaped(pkgdb_name(db, (size_t)f->package)));
	if (selection_keeps(p->selection, f->node))
		put_chain(object, p, f->node);
	else
		put_removed(object, p, f);
}

void
explain_push_json(const struct preview *p, const struct facts *f, json_t *list)
{
	json_t *object = json_object();

	json_put(object, "path", json_escaped(f->asked));
	json_put(object, "in_image", json_boolean(f->node != NULL));
	json_put(object, "kept",
	    json_boolean(
		f->node != NULL && selection_keeps(p->selection, f->node)));
	if (f->node != NULL)
		put_node(object, p, f);
	else
		put_missing(object, p, f);
	put_layers(object, p, f);
	json_push(list, object);
}
