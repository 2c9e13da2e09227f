/* winnow status: what a running winnowd is up to, on one screen. */
#include <stdio.h>
#include <time.h>

#include "cli.h"
#include "daemon.h"
#include "winnow/json.h"
#include "winnow/num.h"

/* Failures shown; --json has more. */
#define FAILURES_SHOWN 5

/* "42 s", "3 min", "5 h", "12 d": one unit is enough to judge by. */
static const char *
format_span(json_int_t seconds, char text[40])
{
	static const struct {
		json_int_t seconds;
		const char *unit;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	size_t i = 0;

	if (seconds < 0)
		seconds = 0;
	while (i < 3 && seconds < 2 * units[i].seconds)
		i++;
	snprintf(text, 40, "%" JSON_INTEGER_FORMAT " %s",
	    seconds / units[i].seconds, units[i].unit);
	return text;
}

static const char *
format_age(json_int_t moment, char text[40])
{
	return format_span((json_int_t)time(NULL) - moment, text);
}

static void
print_head(const json_t *status)
{
	const json_t *listen = json_object_get(status, "listen"), *address;
	char age[40];
	size_t i;

	printf("winnowd ");
	daemon_print(daemon_string(status, "version"));
	printf(", pid %" JSON_INTEGER_FORMAT ", up %s, on",
	    daemon_number(status, "pid"),
	    format_span(daemon_number(status, "uptime_s"), age));
	json_array_foreach(listen, i, address)
	{
		putchar(' ');
		daemon_print(json_string_value(address));
	}
	putchar('\n');
}

static void
print_servers(const json_t *servers)
{
	json_int_t restarts = 0, connections = 0, questions = 0;
	const json_t *s;
	size_t i;

	printf("  servers    ");
	json_array_foreach(servers, i, s)
	{
		restarts += daemon_number(s, "restarts");
		connections += daemon_number(s, "connections");
		questions += daemon_number(s, "questions");
		if (daemon_number(s, "pid") == 0)
			printf("%s(dead, restarting)", i > 0 ? " " : "");
		else
			printf("%s%" JSON_INTEGER_FORMAT, i > 0 ? " " : "pid ",
			    daemon_number(s, "pid"));
	}
	printf(": %" JSON_INTEGER_FORMAT " connections, %" JSON_INTEGER_FORMAT
	       " requests wait for an answer",
	    connections, questions);
	if (restarts > 0)
		printf(", DIED %" JSON_INTEGER_FORMAT " times", restarts);
	putchar('\n');
}

static void
print_workers(const json_t *w)
{
	printf("  workers    %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
	       " busy, %" JSON_INTEGER_FORMAT
	       " jobs queued; %" JSON_INTEGER_FORMAT " done",
	    daemon_number(w, "busy"), daemon_number(w, "max"),
	    daemon_number(w, "queued"), daemon_number(w, "done"));
	if (daemon_number(w, "refused") > 0)
		printf(", %" JSON_INTEGER_FORMAT " refused an image",
		    daemon_number(w, "refused"));
	if (daemon_number(w, "died") > 0)
		printf(", CRASHED %" JSON_INTEGER_FORMAT " times",
		    daemon_number(w, "died"));
	if (daemon_number(w, "timed_out") > 0)
		printf(", TIMED OUT %" JSON_INTEGER_FORMAT " times",
		    daemon_number(w, "timed_out"));
	putchar('\n');
}

static void
print_cache(const json_t *c)
{
	json_int_t bytes = daemon_number(c, "bytes");
	json_int_t limit = daemon_number(c, "limit");
	char have[32], most[32];

	printf("  cache      %s in %" JSON_INTEGER_FORMAT " blobs",
	    num_format_size((uint64_t)bytes, have), daemon_number(c, "blobs"));
	if (limit > 0)
		printf(", %" JSON_INTEGER_FORMAT "%% of %s",
		    bytes * 100 / limit,
		    num_format_size((uint64_t)limit, most));
	else
		printf(", no limit");
	if (daemon_number(c, "evicted_blobs") > 0)
		printf("; %" JSON_INTEGER_FORMAT " blobs evicted",
		    daemon_number(c, "evicted_blobs"));
	printf(", in ");
	daemon_print(daemon_string(c, "store"));
	putchar('\n');
	if (json_object_get(c, "error") != NULL) {
		printf("             CANNOT BE WRITTEN: ");
		daemon_print(daemon_string(c, "error"));
		putchar('\n');
	}
}

static void
print_requests(const json_t *r)
{
	char bytes[32];

	printf("  requests   %" JSON_INTEGER_FORMAT
	       " answered: %" JSON_INTEGER_FORMAT " hits, %" JSON_INTEGER_FORMAT
	       " misses, %" JSON_INTEGER_FORMAT " stale, %" JSON_INTEGER_FORMAT
	       " failed; %s sent\n",
	    daemon_number(r, "total"), daemon_number(r, "hits"),
	    daemon_number(r, "misses"), daemon_number(r, "stale"),
	    daemon_number(r, "failed"),
	    num_format_size((uint64_t)daemon_number(r, "bytes"), bytes));
}

static void
print_policies(const json_t *p)
{
	char age[40];

	printf("  policies   %" JSON_INTEGER_FORMAT ", loaded %s ago\n",
	    daemon_number(p, "count"),
	    format_age(daemon_number(p, "loaded"), age));
	if (daemon_number(p, "refused") == 0)
		return;
	printf("             RELOAD FAILED %s ago, the old ones are in force: ",
	    format_age(daemon_number(p, "refused"), age));
	daemon_print(daemon_string(p, "error"));
	putchar('\n');
}

static void
print_jobs(const json_t *jobs)
{
	const json_t *j;
	char span[40];
	size_t i;

	printf(
	    "\njobs under way: %s\n", json_array_size(jobs) == 0 ? "none" : "");
	json_array_foreach(jobs, i, j)
	{
		printf("  ");
		daemon_print(daemon_string(j, "what"));
		printf("\n    for %s, %" JSON_INTEGER_FORMAT " waiting: ",
		    format_span(daemon_number(j, "seconds"), span),
		    daemon_number(j, "waiting"));
		daemon_print(daemon_string(j, "stage"));
		putchar('\n');
	}
}

static void
print_upstream(const json_t *u)
{
	json_int_t good = daemon_number(u, "succeeded");
	json_int_t bad = daemon_number(u, "failed");
	char age[40];

	printf("  %-20s ", daemon_string(u, "host"));
	if (good == 0 && bad == 0)
		printf("not asked yet");
	else if (bad > good)
		printf("FAILING, last answered %s%s",
		    good == 0 ? "never" : format_age(good, age),
		    good == 0 ? "" : " ago");
	else
		printf("answered %s ago", format_age(good, age));
	if (json_object_get(u, "rate_remaining") != NULL)
		printf("; %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
		       " pulls left",
		    daemon_number(u, "rate_remaining"),
		    daemon_number(u, "rate_limit"));
	putchar('\n');
	if (bad == 0)
		return;
	printf("    %s ago: ", format_age(bad, age));
	daemon_print(daemon_string(u, "error"));
	putchar('\n');
}

static void
print_failures(const json_t *builds)
{
	const json_t *list = json_object_get(builds, "failures"), *f;
	char when[40];
	size_t i;

	printf("\nbuilt %" JSON_INTEGER_FORMAT " variants; last failures: %s\n",
	    daemon_number(builds, "built"),
	    json_array_size(list) == 0 ? "none" : "");
	json_array_foreach(list, i, f)
	{
		if (i == FAILURES_SHOWN)
			break;
		printf(
		    "  %s ago: ", format_age(daemon_number(f, "when"), when));
		daemon_print(daemon_string(f, "what"));
		printf("\n    ");
		daemon_print(daemon_string(f, "error"));
		putchar('\n');
	}
}

static void
print_status(const json_t *status)
{
	const json_t *upstreams = json_object_get(status, "upstreams"), *u;
	size_t i;

	print_head(status);
	print_servers(json_object_get(status, "servers"));
	print_workers(json_object_get(status, "workers"));
	print_cache(json_object_get(status, "cache"));
	print_requests(json_object_get(status, "requests"));
	print_policies(json_object_get(status, "policies"));
	print_jobs(json_object_get(status, "jobs"));
	printf("\nupstreams:\n");
	json_array_foreach(upstreams, i, u) print_upstream(u);
	print_failures(json_object_get(status, "builds"));
}

int
command_status(const struct options *o)
{
	auto_json json_t *status = NULL;
	struct err e;

	if (daemon_command(o->socket, json_pack("{s:s}", "command", "status"),
		NULL, NULL, &status, &e) == -1)
		return cli_fail("status", &e);
	if (!o->json) {
		print_status(status);
		return CLI_OK;
	}
	json_object_del(status, "type");
	cli_print_json(status);
	return CLI_OK;
}
