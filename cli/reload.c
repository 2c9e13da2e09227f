/* winnow reload: the configuration's files are read again. */
#include <stdio.h>

#include "cli.h"
#include "daemon.h"
#include "winnow/json.h"

/* "FILE:LINE:COLUMN: ..." on lines of their own, as the daemon logs them. */
static void
print_mistakes(const void *arg, const json_t *line)
{
	(void)arg;
	fputs(daemon_string(line, "mistakes"), stderr);
}

int
command_reload(const struct options *o)
{
	auto_json json_t *result = NULL;
	struct err e;

	if (daemon_command(o->socket, json_pack("{s:s}", "command", "reload"),
		print_mistakes, NULL, &result, &e) == -1)
		return cli_fail("reload", &e);
	print_mistakes(NULL, result);
	puts("reloaded");
	return CLI_OK;
}
