/* The directory of sets that goes with a policy. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "winnow/auto.h"
#include "winnow/mem.h"

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
