/* What winnow(1) can ask for (doc/internals/admin.md). */
#include <stdlib.h>
#include <string.h>

#include "admin_private.h"
#include "reference.h"
#include "winnow/auto.h"
#include "winnow/json.h"
#include "winnow/mem.h"

/* Of one command. */
#define REFERENCES_MAX 1000
/* Of a progress line. */
#define STAGE_MAX 2000

static void
run_status(struct admin_session *s, const json_t *request)
{
	(void)request;
	admin_session_end(s, admin_status(s->admin));
}

static void
run_reload(struct admin_session *s, const json_t *request)
{
	const struct admin_core *core = &s->admin->core;
	auto_strbuf struct strbuf said;
	json_t *mistakes, *body;
	struct err e;
	int status;

	(void)request;
	strbuf_init(&said, 1 << 20);
	status = core->reload(core->arg, &said, &e);
	/* Lines as they are, unless a file name is not UTF-8. */
	mistakes = json_string(strbuf_string(&said));
	if (mistakes == NULL)
		mistakes = json_escaped(strbuf_string(&said));
	body = json_pack("{s:o}", "mistakes", mistakes);
	if (status == 0) {
		admin_session_end(s, body);
		return;
	}
	/* The mistakes first: an error is the last line. */
	admin_session_send(s, "mistakes", body);
	admin_session_fail(s, &e);
}

static void
run_purge(struct admin_session *s, const json_t *request)
{
	bool all = json_is_true(json_object_get(request, "all"));
	const char *reference = NULL;
	json_t *result;
	struct err e;

	if (json_get_string(request, "reference",
		all ? JSON_OPTIONAL : JSON_REQUIRED, &reference, &e) == -1 ||
	    admin_purge(s->admin, all ? NULL : reference, &result, &e) == -1)
		admin_session_fail(s, &e);
	else
		admin_session_end(s, result);
}

/* --- warm --- */

static void
end_if_all_done(struct admin_session *s)
{
	size_t i;

	for (i = 0; i < s->warm_count; i++)
		if (s->warms[i] != NULL)
			return;
	admin_session_end(s,
	    json_pack("{s:I, s:I}", "warm",
		(json_int_t)(s->warm_count - s->warm_failures), "failed",
		(json_int_t)s->warm_failures));
}

static json_t *
warm_line(const char *reference, const char *state, const char *text)
{
	return json_pack("{s:s, s:s, s:o}", "reference", reference, "state",
	    state, "text", json_escaped(text));
}

static void
on_warm(void *arg, struct warm *w, const struct err *e)
{
	struct admin_session *s = arg;
	size_t i;

	for (i = 0; i < s->warm_count; i++)
		if (s->warms[i] == w)
			s->warms[i] = NULL;
	s->warm_failures += e != NULL;
	admin_session_send(s, "progress",
	    warm_line(warm_reference(w), e == NULL ? "warm" : "failed",
		e == NULL ? "in the cache" : e->message));
	end_if_all_done(s);
}

/* Every reference is checked before the first is begun. */
static int
check_references(const json_t *list, struct err *e)
{
	size_t i, count = json_array_size(list);

	if (count == 0 || count > REFERENCES_MAX)
		return err_set(e, ERR_LIMIT, "1 to %d references can be warmed",
		    REFERENCES_MAX);
	for (i = 0; i < count; i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (text == NULL)
			return err_set(
			    e, ERR_INVALID, "a reference must be a string");
		if (reference_check(text, e) == -1)
			return -1;
	}
	return 0;
}

static int
start_warms(
    struct admin_session *s, const json_t *list, bool wait, struct err *e)
{
	struct context *context = s->admin->core.context;
	size_t i;

	s->warms = mem_zalloc(json_array_size(list), sizeof(struct warm *));
	for (i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));
		struct warm *w;

		if (warm_start(
			context, text, wait ? on_warm : NULL, s, &w, e) == -1)
			return -1;
		if (wait)
			s->warms[s->warm_count++] = w;
	}
	return 0;
}

static void
run_warm(struct admin_session *s, const json_t *request)
{
	bool wait = json_is_true(json_object_get(request, "wait"));
	json_t *list = NULL;
	struct err e;

	if (json_get_array(request, "references", JSON_REQUIRED, &list, &e) ==
		-1 ||
	    check_references(list, &e) == -1 ||
	    start_warms(s, list, wait, &e) == -1) {
		admin_session_fail(s, &e);
		return;
	}
	if (!wait)
		admin_session_end(s,
		    json_pack(
			"{s:I}", "begun", (json_int_t)json_array_size(list)));
}

void
admin_command_tick(struct admin_session *s)
{
	size_t i;

	for (i = 0; i < s->warm_count; i++) {
		auto_strbuf struct strbuf stage;

		strbuf_init(&stage, STAGE_MAX);
		if (s->warms[i] == NULL)
			continue;
		warm_describe(s->warms[i], &stage);
		admin_session_send(s, "progress",
		    warm_line(warm_reference(s->warms[i]), "working",
			strbuf_string(&stage)));
	}
}

void
admin_command_leave(struct admin_session *s)
{
	size_t i;

	for (i = 0; i < s->warm_count; i++)
		if (s->warms[i] != NULL)
			warm_disown(s->warms[i]);
	free(s->warms);
}

static const struct {
	const char *name;
	void (*run)(struct admin_session *s, const json_t *request);
} commands[] = {
    {"purge", run_purge},
    {"reload", run_reload},
    {"status", run_status},
    {"warm", run_warm},
};

void
admin_command_run(struct admin_session *s, const json_t *request)
{
	const char *name;
	struct err e;
	size_t i;

	if (json_get_string(request, "command", JSON_REQUIRED, &name, &e) ==
	    -1) {
		admin_session_fail(s, &e);
		return;
	}
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0) {
			commands[i].run(s, request);
			return;
		}
	err_set(&e, ERR_UNSUPPORTED,
	    "this winnowd (" WINNOW_VERSION ") does not know the command");
	admin_session_fail(s, &e);
}
