/* winnowd: the daemon.  See winnowd(8). */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "process.h"

static void
usage(FILE *out)
{
	fputs("usage: winnowd [-np] [-c FILE]\n"
	      "  -c FILE  configuration (default " WINNOW_CONFDIR
	      "/winnow.conf)\n"
	      "  -n       check configuration and policies, then exit\n"
	      "  -p       print the effective configuration, then exit\n"
	      "  -V       print the version\n",
	    out);
}

/* Runs the process that core asked for; see process.h. */
static int
run_role(const char *role)
{
	if (strcmp(role, "server") == 0)
		return server_main();
	if (strcmp(role, "worker") == 0)
		return worker_main();
	if (strcmp(role, "login") == 0)
		return login_main();
	fprintf(stderr, "winnowd: unknown role %s\n", role);
	return 2;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"role", required_argument, NULL, 'r'},
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'},
	    {NULL, 0, NULL, 0},
	};
	const char *path = WINNOW_CONFDIR "/winnow.conf";
	bool check = false, print = false;
	int c;

	while ((c = getopt_long(argc, argv, "c:hnpV", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			path = optarg;
			break;
		case 'n':
			check = true;
			break;
		case 'p':
			print = true;
			break;
		case 'r':
			return run_role(optarg);
		case 'h':
			usage(stdout);
			return 0;
		case 'V':
			puts("winnowd " WINNOW_VERSION);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind != argc) {
		usage(stderr);
		return 2;
	}
	if (check || print)
		return core_check(path, print);
	return core_main(path);
}
