/* winnow explain: why paths of an image are kept, or are not. */
#include "explain.h"

#include "cli.h"
#include "winnow/json.h"

static int
explain(const struct options *o, const struct view *v, struct policy *policy,
    struct err *e)
{
	auto_json json_t *list = json_array();
	struct preview p;
	int i, r = preview_make(v, policy, &p, e);

	for (i = 1; r == 0 && i < o->operand_count; i++) {
		struct facts f;

		r = facts_find(&p, o->operands[i], &f, e);
		if (r == -1)
			break;
		if (o->json)
			explain_push_json(&p, &f, list);
		else
			explain_print(&p, &f);
		facts_clear(&f);
	}
	if (r == 0 && o->json)
		cli_print_json(list);
	preview_clear(&p);
	return r;
}

int
command_explain(const struct options *o)
{
	return preview_run("explain", o, explain);
}
