#include "options.h"

#include <getopt.h>
#include <string.h>

#include "winnow/auto.h"
#include "winnow/num.h"
#include "winnow/strbuf.h"

/* Where a usage line is broken. */
#define USAGE_WIDTH 78

static const struct row {
	enum option_bit bit;
	const char *name;
	const char *value; /* what it takes, or NULL */
	const char *help;
} rows[] = {
    {OPTION_POLICY, "policy", "FILE", "what to keep, see winnow-policy(5)"},
    {OPTION_SETS, "sets", "DIR",
	"where the policy's sets are (sets.d beside its directory)"},
    {OPTION_PLATFORM, "platform", "PLATFORM",
	"which image of an index, as linux/arm64"},
    {OPTION_REPORT, "report", "FILE", "write the report there, as JSON"},
    {OPTION_JSON, "json", NULL, "print JSON"},
    {OPTION_DEPTH, "depth", "N",
	"fold directories below this depth; 0 folds nothing"},
    {OPTION_NO_CACHE, "no-cache", NULL,
	"neither use nor fill the cache of layer indexes"},
    {OPTION_SOCKET, "socket", "PATH",
	"of winnowd (" WINNOW_RUNDIR "/admin.sock)"},
    {OPTION_WAIT, "wait", NULL, "until it is done, with progress"},
    {OPTION_ALL, "all", NULL, "everything"},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* Deeper than any path. */
#define DEPTH_MAX 4096

/* Adds " PIECE" to a usage line, on a new line where it would be too long. */
static void
add_piece(struct strbuf *out, size_t *column, const char *piece)
{
	size_t len = strlen(piece);

	if (*column + 1 + len > USAGE_WIDTH) {
		strbuf_add_string(out, "\n           ");
		*column = 11;
	}
	strbuf_add_format(out, " %s", piece);
	*column += 1 + len;
}

/* "--policy FILE", in brackets when it may be left out. */
static void
add_option(struct strbuf *out, size_t *column, const struct command *command,
    const struct row *row)
{
	bool needed = row->bit == OPTION_POLICY && command->policies[0] > 0;
	auto_strbuf struct strbuf piece;

	strbuf_init(&piece, 256);
	strbuf_add_format(&piece, "%s--%s%s%s%s", needed ? "" : "[", row->name,
	    row->value == NULL ? "" : " ", row->value == NULL ? "" : row->value,
	    needed ? "" : "]");
	if (row->bit == OPTION_POLICY && command->policies[1] > 1)
		strbuf_add_string(&piece, "...");
	add_piece(out, column, strbuf_string(&piece));
}

void
options_print_usage(const struct command *command, FILE *to)
{
	auto_strbuf struct strbuf out;
	size_t column, i;

	strbuf_init(&out, 4096);
	strbuf_add_format(&out, "usage: winnow %s", command->name);
	column = out.len;
	for (i = 0; i < ROWS; i++)
		if (command->takes & rows[i].bit)
			add_option(&out, &column, command, &rows[i]);
	if (*command->arguments != '\0')
		add_piece(&out, &column, command->arguments);
	fprintf(to, "%s\n", strbuf_string(&out));
}

void
options_print_help(const struct command *command, FILE *to)
{
	size_t i;

	options_print_usage(command, to);
	fprintf(to, "\n%s\n\n", command->summary);
	for (i = 0; i < ROWS; i++) {
		auto_strbuf struct strbuf name;

		strbuf_init(&name, 256);
		if (!(command->takes & rows[i].bit))
			continue;
		strbuf_add_format(&name, "--%s %s", rows[i].name,
		    rows[i].value == NULL ? "" : rows[i].value);
		fprintf(to, "  %-20s %s\n", strbuf_string(&name), rows[i].help);
	}
	fprintf(to, "  %-20s print this\n\n", "--help");
	fprintf(to, "exit status: 0 done, 1 failed, 2 wrong command line%s%s\n",
	    command->status == NULL ? "" : ",\n  3 ",
	    command->status == NULL ? "" : command->status);
}

/* The rows that the command takes as getopt's table; `long_options` has
 * ROWS + 2 elements. */
static void
make_table(const struct command *command, struct option *long_options)
{
	size_t i, n = 0;

	for (i = 0; i < ROWS; i++)
		if (command->takes & rows[i].bit)
			long_options[n++] =
			    (struct option){.name = rows[i].name,
				.has_arg = rows[i].value == NULL
				    ? no_argument
				    : required_argument,
				.val = (int)rows[i].bit};
	long_options[n++] = (struct option){.name = "help", .val = 'h'};
	long_options[n] = (struct option){0};
}

/* Takes one option; `c` is its bit. */
static int
take(const struct command *command, int c, struct options *o, struct err *e)
{
	uint64_t depth;

	switch ((enum option_bit)c) {
	case OPTION_POLICY:
		if (o->policy_count == command->policies[1])
			return err_set(e, ERR_INVALID, "%d --policy are enough",
			    o->policy_count);
		o->policies[o->policy_count++] = optarg;
		return 0;
	case OPTION_SETS:
		o->sets_dir = optarg;
		return 0;
	case OPTION_PLATFORM:
		o->platform = optarg;
		return 0;
	case OPTION_REPORT:
		o->report = optarg;
		return 0;
	case OPTION_JSON:
		o->json = true;
		return 0;
	case OPTION_NO_CACHE:
		o->no_cache = true;
		return 0;
	case OPTION_SOCKET:
		o->socket = optarg;
		return 0;
	case OPTION_WAIT:
		o->wait = true;
		return 0;
	case OPTION_ALL:
		o->all = true;
		return 0;
	case OPTION_DEPTH:
		if (num_parse(optarg, 0, DEPTH_MAX, "--depth", &depth, e) == -1)
			return -1;
		o->depth = (unsigned)depth;
		return 0;
	}
	return err_set(e, ERR_INTERNAL, "option %d", c);
}

/* What getopt did not take: unknown, ambiguous, or without its value. */
static int
refuse(const struct command *command, int c, const char *text, struct err *e)
{
	if (c == ':')
		return err_set(e, ERR_INVALID, "%s needs a value", text);
	return err_set(
	    e, ERR_INVALID, "%s is no option of %s", text, command->name);
}

/* Checks how many policies and operands there are. */
static int
check_counts(
    const struct command *command, const struct options *o, struct err *e)
{
	if (o->policy_count < command->policies[0])
		return err_set(e, ERR_INVALID, "--policy FILE is missing");
	if (o->operand_count < command->operands[0])
		return err_set(e, ERR_INVALID, "too few arguments");
	if (o->operand_count > command->operands[1])
		return err_set(e, ERR_INVALID, "too many arguments, from %s on",
		    o->operands[command->operands[1]]);
	return 0;
}

enum options_result
options_parse(const struct command *command, int argc, char **argv,
    struct options *out, struct err *e)
{
	struct option long_options[ROWS + 2];
	int c;

	*out = (struct options){
	    .depth = command->depth, .socket = WINNOW_RUNDIR "/admin.sock"};
	make_table(command, long_options);
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		if (c == 'h')
			return OPTIONS_HELP;
		if (c == '?' || c == ':') {
			refuse(command, c, argv[optind - 1], e);
			return OPTIONS_WRONG;
		}
		if (take(command, c, out, e) == -1)
			return OPTIONS_WRONG;
	}
	out->operands = argv + optind;
	out->operand_count = argc - optind;
	return check_counts(command, out, e) == -1 ? OPTIONS_WRONG : OPTIONS_OK;
}
