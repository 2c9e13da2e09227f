/* Policies on the command line, and the sets that go with them. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "winnow/auto.h"
#include "winnow/mem.h"
#include "winnow/strbuf.h"

static bool
is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

char *
cli_find_sets(const char *policy)
{
	const char *slash = strrchr(policy, '/');
	auto_free char *sets = NULL;

	if (is_directory(policy))
		sets = mem_printf("%s/../sets.d", policy);
	else if (slash == NULL)
		sets = mem_strdup("../sets.d");
	else
		sets =
		    mem_printf("%.*s/../sets.d", (int)(slash - policy), policy);
	if (!is_directory(sets))
		return mem_strdup(WINNOW_CONFDIR "/sets.d");
	return steal(&sets);
}

int
cli_load_policy(
    const char *path, const char *sets_dir, struct policy **out, struct err *e)
{
	struct yaml_mistakes mistakes = {0};
	auto_strbuf struct strbuf text;
	auto_free char *found = cli_find_sets(path);
	int r;

	strbuf_init(&text, SIZE_MAX);
	r = policy_load_file(
	    path, sets_dir == NULL ? found : sets_dir, out, &mistakes, e);
	if (r == -1) {
		yaml_mistakes_format(&mistakes, &text);
		fputs(strbuf_string(&text), stderr);
	}
	yaml_mistakes_clear(&mistakes);
	return r;
}
