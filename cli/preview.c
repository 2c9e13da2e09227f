#include "preview.h"

#include <stdlib.h>

#include "cli.h"
#include "winnow/image.h"
#include "winnow/json.h"
#include "winnow/mem.h"

int
preview_load_policy(const struct options *o, int number, struct policy **policy,
    const char **platform, struct err *e)
{
	if (cli_load_policy(o->policies[number], o->sets_dir, policy, e) == -1)
		return -1;
	*platform = o->platform;
	if (o->platform == NULL && (*policy)->platform_count > 0)
		*platform = (*policy)->platforms[0];
	return 0;
}

int
preview_make(const struct view *v, struct policy *policy, struct preview *out,
    struct err *e)
{
	*out = (struct preview){
	    .policy = policy, .view = v, .config = json_deep_copy(v->config)};
	if (image_select(v->tree, policy, out->config, &out->selection, e) ==
	    -1)
		return -1;
	out->kept = selection_kept(out->selection);
	return 0;
}

void
preview_clear(struct preview *p)
{
	if (p->selection != NULL)
		selection_free(p->selection);
	free(p->kept);
	json_decref(p->config);
	policy_free(p->policy);
	*p = (struct preview){0};
}

int
preview_run(const char *command, const struct options *o,
    int (*run)(const struct options *o, const struct view *v,
	struct policy *policy, struct err *e))
{
	auto_policy struct policy *policy = NULL;
	struct view v = {0};
	const char *platform;
	struct err e;
	int r;

	if (preview_load_policy(o, 0, &policy, &platform, &e) == -1)
		return cli_fail(command, &e);
	r = view_open(o->operands[0], platform, o, &v, &e);
	if (r == 0)
		r = run(o, &v, steal(&policy), &e);
	view_clear(&v);
	return r == 0 ? CLI_OK : cli_fail(command, &e);
}
