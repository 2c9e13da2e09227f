/* winnow purge: what winnowd's cache has of images goes. */
#include <stdio.h>

#include "cli.h"
#include "daemon.h"
#include "winnow/json.h"
#include "winnow/num.h"

/* Purges one reference, or with NULL everything. */
static int
purge(const struct options *o, const char *reference)
{
	auto_json json_t *result = NULL;
	json_t *command = json_pack(
	    "{s:s, s:b}", "command", "purge", "all", reference == NULL);
	char bytes[32];
	struct err e;

	if (reference != NULL)
		json_put(command, "reference", json_escaped(reference));
	if (daemon_command(o->socket, command, NULL, NULL, &result, &e) == -1)
		return cli_fail("purge", &e);
	printf("%s: %" JSON_INTEGER_FORMAT " blobs removed, %s\n",
	    reference == NULL ? "everything" : reference,
	    daemon_number(result, "blobs"),
	    num_format_size((uint64_t)daemon_number(result, "bytes"), bytes));
	return CLI_OK;
}

int
command_purge(const struct options *o)
{
	int i, status = CLI_OK;
	struct err e;

	if (o->all != (o->operand_count == 0)) {
		err_set(&e, ERR_INVALID, "either references or --all");
		(void)cli_fail("purge", &e);
		return CLI_USAGE;
	}
	if (o->all)
		return purge(o, NULL);
	for (i = 0; i < o->operand_count; i++)
		if (purge(o, o->operands[i]) != CLI_OK)
			status = CLI_FAILED;
	return status;
}
