/*
 * winnow diff: in what two images differ, or what two policies keep of one,
 * or one policy of two.
 */
#include "diff.h"

#include "cli.h"

/* What the command line names; the second of each may be the first again. */
struct operands {
	struct view views[2];
	size_t view_count;
	struct policy *policies[2]; /* owned until a side takes them */
};

static int
load_policy(const struct options *o, int side, struct policy **out,
    const char **platform, struct err *e)
{
	int number = side < o->policy_count ? side : o->policy_count - 1;

	*platform = o->platform;
	if (number == -1)
		return 0;
	/* An image alone against what a policy keeps of it. */
	if (o->policy_count == 1 && o->operand_count == 1 && side == 0)
		return 0;
	return preview_load_policy(o, number, out, platform, e);
}

static int
open_operands(const struct options *o, struct operands *out, struct err *e)
{
	const char *platforms[2];
	int i;

	for (i = 0; i < 2; i++)
		if (load_policy(o, i, &out->policies[i], &platforms[i], e) ==
		    -1)
			return -1;
	/* One image is of one platform. */
	if (o->operand_count == 1 && platforms[0] == NULL)
		platforms[0] = platforms[1];
	for (i = 0; i < o->operand_count; i++) {
		out->view_count++;
		if (view_open(o->operands[i], platforms[i], o, &out->views[i],
			e) == -1)
			return -1;
	}
	return 0;
}

static void
clear_operands(struct operands *operands)
{
	size_t i;

	for (i = 0; i < operands->view_count; i++)
		view_clear(&operands->views[i]);
	policy_free(operands->policies[0]);
	policy_free(operands->policies[1]);
}

static int
compare(struct operands *operands, const struct options *o, bool *same,
    struct err *e)
{
	struct diff_side sides[2] = {0};
	struct diff d;
	int i, r = 0;

	for (i = 0; i < 2 && r == 0; i++)
		r = diff_side_open(
		    &operands->views[operands->view_count > 1 ? i : 0],
		    steal(&operands->policies[i]), &sides[i], e);
	if (r == 0)
		r = diff_make(sides, &d, e);
	if (r == 0) {
		*same = d.same;
		if (o->json)
			diff_print_json(&d);
		else
			diff_print_text(&d, o);
		diff_clear(&d);
	}
	diff_side_clear(&sides[0]);
	diff_side_clear(&sides[1]);
	return r;
}

int
command_diff(const struct options *o)
{
	struct operands operands = {0};
	bool same = false;
	struct err e;
	int status;

	if (o->operand_count == 1 && o->policy_count == 0) {
		err_set(&e, ERR_INVALID,
		    "name two images, or one image and --policy once or twice");
		cli_fail("diff", &e);
		return CLI_USAGE;
	}
	if (open_operands(o, &operands, &e) == -1 ||
	    compare(&operands, o, &same, &e) == -1)
		status = cli_fail("diff", &e);
	else
		status = same ? CLI_OK : CLI_FINDINGS;
	clear_operands(&operands);
	return status;
}
