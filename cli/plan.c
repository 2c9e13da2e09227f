/* winnow plan: what a policy keeps of an image, and what it removes. */
#include "plan.h"

#include "cli.h"

static int
print(const struct preview *p, const struct options *o, struct err *e)
{
	struct plan plan;
	int r;

	plan_make(p, &plan);
	r = o->json ? plan_print_json(&plan, o, e)
		    : plan_print_text(&plan, o, e);
	/* The plan is worth seeing all the same; the variant has no chance. */
	if (r == 0 && plan.problem.code != ERR_NONE) {
		*e = plan.problem;
		r = err_wrap(e, "this would not be built");
	}
	plan_clear(&plan);
	return r;
}

static int
run(const struct options *o, const struct view *v, struct policy *policy,
    struct err *e)
{
	struct preview p;
	int r = preview_make(v, policy, &p, e);

	if (r == 0)
		r = print(&p, o, e);
	preview_clear(&p);
	return r;
}

int
command_plan(const struct options *o)
{
	return preview_run("plan", o, run);
}
