#include "winnow/image.h"

#include <stdlib.h>
#include <string.h>

#include "hints.h"
#include "image_config.h"
#include "report.h"
#include "startup.h"
#include "winnow/json.h"
#include "winnow/mem.h"

static struct tree *
merge_layers(struct layer_index *const *indexes, size_t count, struct err *e)
{
	auto_tree struct tree *t = tree_new();
	size_t i;

	for (i = 0; i < count; i++)
		if (tree_add_layer(t, indexes[i], e) == -1) {
			err_wrap(e, "layer %zu", i + 1);
			return NULL;
		}
	tree_finish(t);
	return steal(&t);
}

/* Adds what reading the layers warned about. */
static void
add_layer_warnings(
    json_t *warnings, struct layer_index *const *indexes, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const char *line = indexes[i]->warnings;

		while (line != NULL && *line != '\0') {
			size_t len = strcspn(line, "\n");
			auto_free char *text = mem_strndup(line, len);

			json_push(warnings, json_escaped(text));
			line += len + (line[len] == '\n');
		}
	}
}

/* What the plan was made of. */
struct image_draft {
	struct layer_index *const *indexes; /* borrowed */
	size_t count;
	json_t *source_config;
	struct tree *tree;
	struct selection *selection;
};

static void
draft_free(struct image_draft *d)
{
	if (d == NULL)
		return;
	selection_free(d->selection);
	tree_free(d->tree);
	json_decref(d->source_config);
	free(d);
}

/* Adds the "audit" of the report; fails on what the policy forbids. */
static int
audit_variant(const struct selection *s, const bool *kept,
    const struct image_configs *configs, json_t *report, struct err *e)
{
	auto_audit struct audit *source = NULL, *variant = NULL;
	auto_free char *findings = NULL;

	audit_run(s->tree, NULL, NULL, configs->source, &source);
	audit_run(s->tree, kept, s->policy, configs->variant, &variant);
	json_put(report, "audit", report_audit(source, variant));
	if (!variant->fatal)
		return 0;
	findings = report_fatal_findings(variant);
	return err_set(e, ERR_POLICY,
	    "audit.fail_on forbids what would be kept: %s: do not keep it, or "
	    "give its path and a reason under audit.exceptions",
	    findings);
}

/* Checks the selection and writes the report on it. */
static int
make_report(const struct selection *s, const struct image_configs *configs,
    json_t **out, struct err *e)
{
	auto_free bool *kept = selection_kept(s);
	auto_json json_t *report = report_new(s, kept);
	json_t *startup = json_object();

	json_put(report, "startup", startup);
	if (startup_check(s, configs, startup,
		json_object_get(report, "warnings"), e) == -1 ||
	    audit_variant(s, kept, configs, report, e) == -1)
		return -1;
	json_put(report, "hints", hints_make(s, configs->variant));
	*out = json_incref(report);
	return 0;
}

static void
make_plans(struct image_plan *plan, const struct selection *s, size_t count)
{
	size_t i;

	plan->layers = mem_zalloc(count, sizeof(struct layer_index *));
	plan->layer_count = count;
	for (i = 0; i < count; i++)
		selection_plan_layer(s, (uint32_t)i, &plan->layers[i]);
}

int
image_select(const struct tree *t, const struct policy *p, json_t *config,
    struct selection **out, struct err *e)
{
	struct selection_config dirs = {0};
	int r;

	if (image_config_edit(config, p->config, t, e) == -1 ||
	    image_config_selection(config, t, &dirs, e) == -1)
		return -1;
	r = selection_make(t, p, &dirs, out, e);
	image_config_clear_selection(&dirs);
	return r;
}

int
image_plan(struct layer_index *const *indexes, size_t count, const void *config,
    size_t config_len, const struct policy *p, struct image_plan **out,
    struct err *e)
{
	auto_image_plan struct image_plan *plan = mem_zalloc(1, sizeof(*plan));
	struct image_draft *d = mem_zalloc(1, sizeof(*d));

	plan->draft = d;
	d->indexes = indexes;
	d->count = count;
	if (image_config_parse(config, config_len, count, &plan->config, e) ==
	    -1)
		return -1;
	d->source_config = json_deep_copy(plan->config);
	d->tree = merge_layers(indexes, count, e);
	if (d->tree == NULL ||
	    image_select(d->tree, p, plan->config, &d->selection, e) == -1)
		return -1;
	make_plans(plan, d->selection, count);
	*out = steal(&plan);
	return 0;
}

int
image_plan_check(struct image_plan *plan, struct err *e)
{
	struct image_draft *d = plan->draft;
	struct image_configs configs = {.variant = plan->config};
	int r;

	if (d == NULL)
		return err_set(e, ERR_INTERNAL, "a plan is checked twice");
	configs.source = d->source_config;
	r = make_report(d->selection, &configs, &plan->report, e);
	if (r == 0)
		add_layer_warnings(json_object_get(plan->report, "warnings"),
		    d->indexes, d->count);
	draft_free(steal(&plan->draft));
	return r;
}

void
image_plan_free(struct image_plan *plan)
{
	size_t i;

	if (plan == NULL)
		return;
	for (i = 0; i < plan->layer_count; i++)
		layer_index_free(plan->layers[i]);
	free(plan->layers);
	draft_free(plan->draft);
	json_decref(plan->config);
	json_decref(plan->report);
	free(plan);
}
