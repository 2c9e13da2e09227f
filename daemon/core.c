#include "core.h"

#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "access_log.h"
#include "activation.h"
#include "admin.h"
#include "config_check.h"
#include "forget.h"
#include "listen_address.h"
#include "listeners.h"
#include "notify.h"
#include "servers.h"
#include "warm.h"
#include "winnow/log.h"
#include "winnow/mem.h"
#include "winnow/strbuf.h"

/* Transfers that have not ended so long after SIGTERM are cut. */
static const struct timeval drain_limit = {.tv_sec = 30};

/* What a reload replaced; questions that wait may still point into it. */
struct retired {
	struct policy_set *policies;
	struct config *config;
	struct htpasswd *users; /* of a reload under way */
};

struct core {
	const char *path; /* of the configuration */
	struct context context;
	struct servers *servers;
	struct admin *admin;
	struct notify *notify;
	struct warm_schedule *schedule;
	struct forget *forget;
	struct event *terminate[2];
	struct event *hangup;
	struct event *limit;
	struct retired *retired;
	size_t retired_count;
	size_t retired_capacity;
	bool draining;
};

/* Mistakes of more text than this are cut. */
#define MISTAKES_TEXT (1 << 20)

/*
 * Every mistake of a file on a line of its own, as compilers do: to standard
 * error, and appended to `said` unless that is NULL.
 */
static void
report_mistakes(struct yaml_mistakes *mistakes, struct strbuf *said)
{
	auto_strbuf struct strbuf text;

	strbuf_init(&text, MISTAKES_TEXT);
	yaml_mistakes_format(mistakes, &text);
	fputs(strbuf_string(&text), stderr);
	if (said != NULL)
		strbuf_add_string(said, strbuf_string(&text));
	yaml_mistakes_clear(mistakes);
}

static int
load_config(
    const char *path, struct config **out, struct strbuf *said, struct err *e)
{
	struct yaml_mistakes mistakes = {.items = NULL};
	int status = config_load(path, out, &mistakes, e);

	report_mistakes(&mistakes, said);
	return status;
}

/* The policies; with them it is known whether what is to be warm may be had. */
static int
load_policies(const char *path, const struct config *c, struct policy_set **out,
    struct strbuf *said, struct err *e)
{
	struct yaml_mistakes mistakes = {.items = NULL};
	struct policy_set *policies = NULL;
	int status =
	    policy_load_dir(c->policies, c->sets, &policies, &mistakes, e);

	if (status == 0) {
		config_check_warm_names(c, policies, path, &mistakes);
		status = yaml_mistakes_finish(&mistakes, path, e);
	}
	report_mistakes(&mistakes, said);
	if (status == 0)
		*out = policies;
	else if (policies != NULL)
		policy_set_free(policies);
	return status;
}

/* The users, or none when the configuration names no file. */
static int
load_users(const struct config *c, struct htpasswd **out, struct err *e)
{
	*out = NULL;
	return c->htpasswd == NULL ? 0 : htpasswd_load(c->htpasswd, out, e);
}

static void
on_tag_moved(void *arg)
{
	struct core *core = arg;

	servers_forget(core->servers);
}

static void
on_drained(void *arg)
{
	struct core *core = arg;

	event_base_loopbreak(core->context.base);
}

static void
on_drain_limit(evutil_socket_t fd, short what, void *arg)
{
	struct core *core = arg;

	(void)fd;
	(void)what;
	log_event(LOG_LEVEL_WARN, "stop.cut", NULL);
	event_base_loopbreak(core->context.base);
}

static void
on_terminate(evutil_socket_t fd, short what, void *arg)
{
	struct core *core = arg;

	(void)fd;
	(void)what;
	if (core->draining) {
		event_base_loopbreak(core->context.base);
		return;
	}
	core->draining = true;
	notify_stopping(core->notify, "finishing transfers");
	log_event(LOG_LEVEL_INFO, "stop.drain", NULL);
	event_add(core->limit, &drain_limit);
	servers_drain(core->servers, on_drained, core);
}

/* Nothing waits that could still point into what was replaced. */
static void
free_retired(struct core *core)
{
	size_t i;

	for (i = 0; i < core->retired_count; i++) {
		policy_set_free(core->retired[i].policies);
		config_free(core->retired[i].config);
	}
	core->retired_count = 0;
}

/*
 * Reads configuration, policies and certificates: all of them or, with any
 * mistake, none.
 */
static int
load_again(struct core *core, struct strbuf *said, struct retired *fresh,
    struct err *e)
{
	*fresh = (struct retired){NULL, NULL, NULL};
	if (load_config(core->path, &fresh->config, said, e) == 0 &&
	    load_policies(
		core->path, fresh->config, &fresh->policies, said, e) == 0 &&
	    load_users(fresh->config, &fresh->users, e) == 0 &&
	    tls_keeper_reload(core->context.tls, fresh->config, e) == 0)
		return 0;
	if (fresh->policies != NULL)
		policy_set_free(fresh->policies);
	if (fresh->users != NULL)
		htpasswd_free(fresh->users);
	if (fresh->config != NULL)
		config_free(fresh->config);
	return -1;
}

/* One that cannot be opened leaves the old one. */
static void
reopen_access_log(struct context *context)
{
	int fd;
	struct err e;

	if (access_log_open(context->config, &fd, &e) == -1) {
		log_event(LOG_LEVEL_ERROR, "access_log.failed", "error",
		    e.message, "now", "the old file goes on", NULL);
		return;
	}
	auto_fd_cleanup(&context->access_log);
	context->access_log = fd;
}

/*
 * Puts into force what the files say now.  Asked for by SIGHUP and by
 * `winnow reload`, which wants the mistakes in `said` (or NULL).
 */
static int
reload(void *arg, struct strbuf *said, struct err *e)
{
	struct core *core = arg;
	struct context *context = &core->context;
	struct retired fresh;

	notify_reloading(core->notify);
	if (load_again(core, said, &fresh, e) == -1) {
		context->reload.refused = (int64_t)time(NULL);
		context->reload.error = *e;
		log_event(LOG_LEVEL_ERROR, "reload.failed", "error", e->message,
		    "now", "the old configuration stays in force", NULL);
		notify_ready(core->notify,
		    "serving; the last reload failed: see winnow status");
		return -1;
	}
	config_adopt(context->config, fresh.config);
	log_init("core",
	    (enum log_level)log_level_parse(context->config->log_level));
	core->retired = mem_grow(core->retired, core->retired_count,
	    &core->retired_capacity, sizeof(*core->retired));
	core->retired[core->retired_count++] =
	    (struct retired){context->policies, fresh.config, NULL};
	context->policies = fresh.policies;
	logins_set_users(context->logins, fresh.users);
	context->reload = (struct reload_state){.loaded = time(NULL)};
	reopen_access_log(context);
	if (!servers_have_questions(core->servers) &&
	    TAILQ_EMPTY(&context->warms))
		free_retired(core);
	servers_update(core->servers);
	servers_forget(core->servers);
	warm_schedule_now(core->schedule);
	log_event(LOG_LEVEL_INFO, "reload.done", NULL);
	notify_ready(core->notify, "serving");
	return 0;
}

/* New certificates, or keys of sessions. */
static void
on_tls_changed(void *arg)
{
	struct core *core = arg;

	servers_update(core->servers);
}

static void
on_hangup(evutil_socket_t fd, short what, void *arg)
{
	struct err e;

	(void)fd;
	(void)what;
	/* Has logged why not. */
	(void)reload(arg, NULL, &e);
}

static void
watch_signals(struct core *core)
{
	static const int terminate[] = {SIGTERM, SIGINT};
	struct event_base *base = core->context.base;
	size_t i;

	signal(SIGPIPE, SIG_IGN);
	/* Ignored by who started us, it would hide how children end. */
	signal(SIGCHLD, SIG_DFL);
	for (i = 0; i < 2; i++) {
		core->terminate[i] =
		    evsignal_new(base, terminate[i], on_terminate, core);
		event_add(core->terminate[i], NULL);
	}
	core->hangup = evsignal_new(base, SIGHUP, on_hangup, core);
	event_add(core->hangup, NULL);
	core->limit = evtimer_new(base, on_drain_limit, core);
}

static void
unwatch_signals(struct core *core)
{
	event_free(core->terminate[0]);
	event_free(core->terminate[1]);
	event_free(core->hangup);
	event_free(core->limit);
}

static void
log_ready(const struct core *core)
{
	const struct config *c = core->context.config;
	size_t i;

	for (i = 0; i < c->listen_count; i++)
		log_event(LOG_LEVEL_INFO, "ready", "listen", c->listen[i],
		    "store", c->store, "default",
		    c->default_action == CONFIG_PASS ? "pass" : "deny", NULL);
}

/* A password over plain HTTP is everybody's on the way. */
static void
warn_of_passwords(const struct config *c)
{
	struct listen_address a;
	struct err ignored;
	size_t i;

	for (i = 0; c->htpasswd != NULL && i < c->listen_count; i++)
		if (listen_address_parse(c->listen[i], &a, &ignored) == 0 &&
		    !a.tls && !listen_address_is_local(&a))
			log_event(LOG_LEVEL_WARN, "listen.plain", "address",
			    c->listen[i], "why",
			    "passwords pass here in the clear", NULL);
}

/* Runs until a signal ends the loop. */
static int
run(struct core *core, struct activation *activation, struct err *e)
{
	struct context *context = &core->context;
	struct listeners *listeners;
	struct htpasswd *users;
	struct admin_core admin = {
	    .context = context, .reload = reload, .arg = core};

	if (access_log_open(context->config, &context->access_log, e) == -1 ||
	    context_open(context, e) == -1 ||
	    tls_keeper_new(context->base, context->config, on_tls_changed, core,
		&context->tls, e) == -1 ||
	    load_users(context->config, &users, e) == -1)
		return -1;
	logins_set_users(context->logins, users);
	warn_of_passwords(context->config);
	if (listeners_open(context->config, activation, &listeners, e) == -1 ||
	    servers_start(context, listeners, &core->servers, e) == -1)
		return -1;
	context->reload.loaded = time(NULL);
	admin.servers = core->servers;
	core->admin = admin_new(&admin);
	core->schedule = warm_schedule_new(context);
	core->forget = forget_new(context);
	log_ready(core);
	notify_ready(core->notify, "serving");
	event_base_dispatch(context->base);
	return 0;
}

int
core_main(const char *path)
{
	struct core core = {.path = path, .context.access_log = -1};
	struct context *context = &core.context;
	struct activation *activation = NULL;
	int status = -1;
	struct err e;

	setlocale(LC_CTYPE, "C.UTF-8");
	log_init("core", LOG_LEVEL_INFO);
	if (activation_take(&activation, &e) == -1) {
		log_event(
		    LOG_LEVEL_ERROR, "start.failed", "error", e.message, NULL);
		return 1;
	}
	context->base = event_base_new();
	context->logins = logins_new(context->base);
	core.notify = notify_new(context->base);
	context->env.tag_moved = on_tag_moved;
	context->env.arg = &core;
	if (load_config(path, &context->config, NULL, &e) == 0 &&
	    load_policies(
		path, context->config, &context->policies, NULL, &e) == 0) {
		int level = log_level_parse(context->config->log_level);

		log_init("core", (enum log_level)level);
		watch_signals(&core);
		status = run(&core, activation, &e);
		unwatch_signals(&core);
	}
	if (status == -1)
		log_event(
		    LOG_LEVEL_ERROR, "start.failed", "error", e.message, NULL);
	admin_free(core.admin);
	notify_free(core.notify);
	warm_schedule_free(core.schedule);
	forget_free(core.forget);
	warm_cancel_all(context);
	servers_free(core.servers);
	activation_free(activation);
	free_retired(&core);
	free(core.retired);
	tls_keeper_free(context->tls);
	logins_free(context->logins);
	context_close(context);
	return status == 0 ? 0 : 1;
}

int
core_check(const char *path, bool print)
{
	auto_config struct config *config = NULL;
	struct policy_set *policies = NULL;
	auto_htpasswd struct htpasswd *users = NULL;
	unsigned mistakes = 0;
	struct err e;

	setlocale(LC_CTYPE, "C.UTF-8");
	log_init("core", LOG_LEVEL_INFO);
	if (load_config(path, &config, NULL, &e) == -1 ||
	    load_policies(path, config, &policies, NULL, &e) == -1 ||
	    load_users(config, &users, &e) == -1 ||
	    tls_keeper_check(config, &e) == -1) {
		fprintf(stderr, "winnowd: %s\n", e.message);
		return 1;
	}
	if (print)
		config_print(config, stdout);
	else
		mistakes = config_check_files(config, path, stderr);
	policy_set_free(policies);
	return mistakes == 0 ? 0 : 1;
}
