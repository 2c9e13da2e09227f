/* What the commands share, but for policies and sets (sets.c). */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>

#include "winnow/auto.h"
#include "winnow/fsutil.h"
#include "winnow/json.h"

int
cli_fail(const char *command, const struct err *e)
{
	/* Where both are one file, the reason comes after what it is about. */
	(void)fflush(stdout);
	fprintf(stderr, "winnow %s: %s\n", command, e->message);
	return CLI_FAILED;
}

int
cli_open_scratch(int *fd, struct err *e)
{
	const char *dir = getenv("TMPDIR");

	return fsutil_open_unlinked(
	    dir == NULL || *dir == '\0' ? "/var/tmp" : dir, fd, e);
}

void
cli_print_json(const json_t *value)
{
	size_t len;
	auto_free char *text = json_format(value, &len);

	puts(text);
}
