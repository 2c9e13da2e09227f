#include "core.h"

#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "servers.h"
#include "winnow/log.h"
#include "winnow/mem.h"

/* Transfers that have not ended so long after SIGTERM are cut. */
static const struct timeval drain_limit = {.tv_sec = 30};

struct signals {
	struct core *core;
	struct event *terminate[2];
	struct event *hangup;
	struct event *limit;
	struct policy_set **retired; /* still borrowed by questions */
	size_t retired_count;
	size_t retired_capacity;
	bool draining;
};

struct upstream *
core_find_upstream(const struct core *core, const char *host)
{
	size_t i;

	for (i = 0; i < core->config->upstream_count; i++)
		if (strcmp(core->config->upstreams[i].host, host) == 0)
			return core->upstreams[i];
	return NULL;
}

/* Every mistake of a file on a line of its own, as compilers do. */
static void
print_mistakes(const struct yaml_mistakes *mistakes)
{
	auto_strbuf struct strbuf text;

	strbuf_init(&text, 1 << 20);
	yaml_mistakes_format(mistakes, &text);
	fputs(strbuf_string(&text), stderr);
}

static int
load_config(const char *path, struct config **out, struct err *e)
{
	struct yaml_mistakes mistakes = {.items = NULL};
	int status = config_load(path, out, &mistakes, e);

	print_mistakes(&mistakes);
	yaml_mistakes_clear(&mistakes);
	return status;
}

static int
load_policies(const struct config *c, struct policy_set **out, struct err *e)
{
	struct yaml_mistakes mistakes = {.items = NULL};
	int status = policy_load_dir(c->policies, c->sets, out, &mistakes, e);

	print_mistakes(&mistakes);
	yaml_mistakes_clear(&mistakes);
	return status;
}

static int
open_upstreams(struct core *core, struct err *e)
{
	const struct config *c = core->config;
	size_t i;

	core->http = http_client_new(core->base);
	core->upstreams =
	    mem_zalloc(c->upstream_count, sizeof(*core->upstreams));
	for (i = 0; i < c->upstream_count; i++)
		if (upstream_new(core->base, core->http, c, &c->upstreams[i],
			&core->upstreams[i], e) == -1)
			return -1;
	return 0;
}

static void
on_tag_moved(void *arg)
{
	struct core *core = arg;

	servers_forget(core->servers);
}

static int
open_core(struct core *core, struct err *e)
{
	struct job_env *env = &core->env;

	env->base = core->base;
	env->config = core->config;
	env->tag_moved = on_tag_moved;
	env->arg = core;
	if (store_open(core->config->store, &env->store, e) == -1 ||
	    open_upstreams(core, e) == -1)
		return -1;
	env->fetches = blob_fetches_new(env->store);
	env->flights = flights_new();
	env->pool = worker_pool_new(core->base, core->config);
	return servers_start(core, &core->servers, e);
}

static void
close_core(struct core *core)
{
	size_t i;

	servers_free(core->servers);
	if (core->env.flights != NULL)
		flights_free(core->env.flights);
	if (core->env.fetches != NULL)
		blob_fetches_free(core->env.fetches);
	if (core->env.pool != NULL)
		worker_pool_free(core->env.pool);
	for (i = 0; core->upstreams != NULL && i < core->config->upstream_count;
	     i++)
		if (core->upstreams[i] != NULL)
			upstream_free(core->upstreams[i]);
	free(core->upstreams);
	if (core->http != NULL)
		http_client_free(core->http);
	store_close(core->env.store);
	policy_set_free(core->policies);
	config_free(core->config);
	event_base_free(core->base);
}

static void
on_drained(void *arg)
{
	struct core *core = arg;

	event_base_loopbreak(core->base);
}

static void
on_drain_limit(evutil_socket_t fd, short what, void *arg)
{
	struct signals *s = arg;

	(void)fd;
	(void)what;
	log_event(LOG_LEVEL_WARN, "stop.cut", NULL);
	event_base_loopbreak(s->core->base);
}

static void
on_terminate(evutil_socket_t fd, short what, void *arg)
{
	struct signals *s = arg;

	(void)fd;
	(void)what;
	if (s->draining) {
		event_base_loopbreak(s->core->base);
		return;
	}
	s->draining = true;
	log_event(LOG_LEVEL_INFO, "stop.drain", NULL);
	event_add(s->limit, &drain_limit);
	servers_drain(s->core->servers, on_drained, s->core);
}

/* Frees replaced policies that no waiting question can still point into. */
static void
free_retired(struct signals *s)
{
	size_t i;

	for (i = 0; i < s->retired_count; i++)
		policy_set_free(s->retired[i]);
	s->retired_count = 0;
}

/* Reads the policies again; a mistake leaves the old ones in force. */
static void
on_hangup(evutil_socket_t fd, short what, void *arg)
{
	struct signals *s = arg;
	struct policy_set *fresh;
	struct err e;

	(void)fd;
	(void)what;
	if (load_policies(s->core->config, &fresh, &e) == -1) {
		log_event(LOG_LEVEL_ERROR, "reload.failed", "error", e.message,
		    "now", "the old policies stay in force", NULL);
		return;
	}
	s->retired = mem_grow(s->retired, s->retired_count,
	    &s->retired_capacity, sizeof(struct policy_set *));
	s->retired[s->retired_count++] = s->core->policies;
	s->core->policies = fresh;
	if (!servers_have_questions(s->core->servers))
		free_retired(s);
	servers_forget(s->core->servers);
	log_event(LOG_LEVEL_INFO, "reload.done", NULL);
}

static void
signals_init(struct signals *s, struct core *core)
{
	static const int terminate[] = {SIGTERM, SIGINT};
	size_t i;

	*s = (struct signals){.core = core};
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < 2; i++) {
		s->terminate[i] =
		    evsignal_new(core->base, terminate[i], on_terminate, s);
		event_add(s->terminate[i], NULL);
	}
	s->hangup = evsignal_new(core->base, SIGHUP, on_hangup, s);
	event_add(s->hangup, NULL);
	s->limit = evtimer_new(core->base, on_drain_limit, s);
}

static void
signals_clear(struct signals *s)
{
	event_free(s->terminate[0]);
	event_free(s->terminate[1]);
	event_free(s->hangup);
	event_free(s->limit);
	free_retired(s);
	free(s->retired);
}

static void
log_ready(const struct core *core)
{
	const struct config *c = core->config;
	size_t i;

	for (i = 0; i < c->listen_count; i++)
		log_event(LOG_LEVEL_INFO, "ready", "listen", c->listen[i],
		    "store", c->store, "default",
		    c->default_action == CONFIG_PASS ? "pass" : "deny", NULL);
}

int
core_main(const char *path)
{
	struct core core = {.config_path = path};
	struct signals signals;
	int status = 1;
	struct err e;

	setlocale(LC_CTYPE, "C.UTF-8");
	log_init("core", LOG_LEVEL_INFO);
	core.base = event_base_new();
	if (load_config(path, &core.config, &e) == 0 &&
	    load_policies(core.config, &core.policies, &e) == 0) {
		int level = log_level_parse(core.config->log_level);

		log_init("core", (enum log_level)level);
		signals_init(&signals, &core);
		if (open_core(&core, &e) == 0) {
			log_ready(&core);
			event_base_dispatch(core.base);
			status = 0;
		}
		signals_clear(&signals);
	}
	if (status != 0)
		log_event(
		    LOG_LEVEL_ERROR, "start.failed", "error", e.message, NULL);
	close_core(&core);
	return status;
}

int
core_check(const char *path, bool print)
{
	auto_config struct config *config = NULL;
	struct policy_set *policies = NULL;
	struct err e;

	setlocale(LC_CTYPE, "C.UTF-8");
	log_init("core", LOG_LEVEL_INFO);
	if (load_config(path, &config, &e) == -1 ||
	    load_policies(config, &policies, &e) == -1) {
		fprintf(stderr, "winnowd: %s\n", e.message);
		return 1;
	}
	if (print)
		config_print(config, stdout);
	policy_set_free(policies);
	return 0;
}
