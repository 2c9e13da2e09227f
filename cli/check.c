/* winnow check: the mistakes in policies, each with its place. */
#include <stdio.h>
#include <sys/stat.h>

#include "cli.h"
#include "winnow/auto.h"
#include "winnow/limits.h"
#include "winnow/policy.h"

static int
load(const char *path, const char *sets_dir, struct yaml_mistakes *mistakes,
    struct err *e)
{
	struct policy_set *set = NULL;
	struct policy *policy = NULL;
	struct stat st;
	int r;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		r = policy_load_dir(path, sets_dir, &set, mistakes, e);
	else
		r = policy_load_file(path, sets_dir, &policy, mistakes, e);
	if (set != NULL)
		policy_set_free(set);
	if (policy != NULL)
		policy_free(policy);
	return r;
}

/* Prints the mistakes of one file or directory; CLI_OK without any. */
static int
check(const char *path, const char *sets_dir)
{
	struct yaml_mistakes mistakes = {0};
	auto_strbuf struct strbuf text;
	auto_free char *found = cli_find_sets(path);
	struct err e = {0};
	int r;

	strbuf_init(&text, SIZE_MAX);
	r = load(path, sets_dir == NULL ? found : sets_dir, &mistakes, &e);
	if (r == 0) {
		printf("%s: ok\n", path);
	} else if (mistakes.count > 0) {
		yaml_mistakes_format(&mistakes, &text);
		fputs(strbuf_string(&text), stderr);
	} else {
		cli_fail("check", &e);
	}
	yaml_mistakes_clear(&mistakes);
	return r == 0 ? CLI_OK : CLI_FAILED;
}

int
command_check(const struct options *o)
{
	int i, status = CLI_OK;

	for (i = 0; i < o->operand_count; i++)
		if (check(o->operands[i], o->sets_dir) != CLI_OK)
			status = CLI_FAILED;
	return status;
}
