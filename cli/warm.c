/* winnow warm: images are brought into the cache before they are pulled. */
#include <stdio.h>

#include "cli.h"
#include "daemon.h"
#include "winnow/json.h"

static void
print_progress(const void *arg, const json_t *line)
{
	const struct options *o = arg;
	const char *state = daemon_string(line, "state");

	if (o->json) {
		cli_print_json(line);
	} else {
		printf("%-8s ", state);
		daemon_print(daemon_string(line, "reference"));
		printf(": ");
		daemon_print(daemon_string(line, "text"));
		putchar('\n');
	}
	fflush(stdout);
}

int
command_warm(const struct options *o)
{
	auto_json json_t *result = NULL;
	json_t *list = json_escaped_all(o->operands, (size_t)o->operand_count);
	struct err e;

	if (daemon_command(o->socket,
		json_pack("{s:s, s:o, s:b}", "command", "warm", "references",
		    list, "wait", o->wait),
		print_progress, o, &result, &e) == -1)
		return cli_fail("warm", &e);
	if (o->json)
		print_progress(o, result);
	else if (!o->wait)
		printf("%d begun; winnow status shows how far they are\n",
		    (int)daemon_number(result, "begun"));
	return daemon_number(result, "failed") == 0 ? CLI_OK : CLI_FAILED;
}
