#include "question_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "winnow/json.h"
#include "winnow/mem.h"
#include "winnow/ref.h"

/* A step that does not bring the answer nearer is a bug; stop then. */
#define STEPS_MAX 8
/* What is asked by digest never changes; how long servers may remember it. */
#define DIGEST_TTL_MS (60 * 60 * 1000)
/* A stale answer is soon asked for again. */
#define STALE_TTL_MS (10 * 1000)
/* Things asked of upstreams at once; clients can name more than there are. */
#define WORK_MAX 1024
/* When a client that could not wait should come back. */
#define RETRY_AFTER_S 5

static void step(struct question *q);

static void
question_free(struct question *q)
{
	TAILQ_REMOVE(q->all, q, entry);
	flight_leave(&q->waiter);
	if (q->timer != NULL)
		event_free(q->timer);
	names_target_clear(&q->target);
	free(q->source_name);
	free(q->name);
	free(q->reference);
	free(q->last);
	free(q->artifact_type);
	free(q);
}

void
question_answer(struct question *q, json_t *body)
{
	json_object_set_new(body, "type", json_string("answer"));
	json_object_set_new(body, "id", json_integer((json_int_t)q->id));
	if (q->stale)
		json_object_set_new(body, "warning",
		    json_string("110 winnow \"upstream unreachable, answer "
				"may be stale\""));
	q->send(q->arg, body, NULL, 0);
	json_decref(body);
	question_free(q);
}

/*
 * When the client should come back, or 0: as winnow is busy, or as an upstream
 * that is overrun said.
 */
static uint64_t
retry_after(const struct question *q, const struct err *e)
{
	uint64_t seconds = 0, least = 0;

	if (e->code == ERR_BUSY || e->code == ERR_RATE_LIMIT)
		least = RETRY_AFTER_S;
	if (q->source.upstream != NULL &&
	    (e->code == ERR_RATE_LIMIT || e->code == ERR_UPSTREAM))
		seconds = upstream_retry_after(q->source.upstream);
	return seconds > least ? seconds : least;
}

void
question_answer_error(struct question *q, const struct err *e, const char *what)
{
	json_t *body =
	    json_pack("{s:s, s:o, s:s}", "error", err_code_name(e->code),
		"message", json_escaped(e->message), "what", what);
	uint64_t seconds = retry_after(q, e);

	if (seconds > 0)
		json_object_set_new(
		    body, "retry_after_s", json_integer((json_int_t)seconds));
	question_answer(q, body);
}

const char *
question_request(const struct question *q)
{
	return q->request[0] == '\0' ? NULL : q->request;
}

/* How long servers may remember an answer about this reference. */
static uint64_t
time_to_live(const struct question *q, int64_t checked_ms)
{
	int64_t age = source_now_ms() - checked_ms;
	int64_t ttl = (int64_t)q->context->config->tag_ttl_ms;

	if (q->by_digest)
		return DIGEST_TTL_MS;
	if (q->stale)
		return STALE_TTL_MS;
	return age < 0 || age >= ttl ? 0 : (uint64_t)(ttl - age);
}

void
question_answer_object(struct question *q, const struct digest *digest,
    const char *media_type, uint64_t size, int64_t checked_ms)
{
	char text[DIGEST_TEXT];
	json_t *body = json_pack("{s:s, s:I, s:I}", "digest",
	    digest_format(digest, text), "size", (json_int_t)size, "ttl_ms",
	    (json_int_t)time_to_live(q, checked_ms));

	if (media_type != NULL)
		json_object_set_new(
		    body, "media_type", json_string(media_type));
	question_answer(q, body);
}

static const char *
what_is_asked(const struct question *q)
{
	switch (q->kind) {
	case ASK_BLOB:
		return "blob";
	case ASK_TAGS:
		return "repository";
	case ASK_MANIFEST:
	case ASK_REFERRERS:
	case ASK_MAP:
		break;
	}
	return "manifest";
}

static void
on_work_done(void *arg, const struct err *e)
{
	struct question *q = arg;

	if (e != NULL && q->resolving) {
		q->resolve_error = *e;
		question_note_miss(q, e);
	} else if (e != NULL && question_blob_is_lost(q, e)) {
		question_answer_lost(q);
		return;
	} else if (e != NULL) {
		question_answer_error(q, e, what_is_asked(q));
		return;
	}
	q->resolving = false;
	step(q);
}

/* Refuses what would need more work while too much is under way. */
bool
question_is_refused(struct question *q)
{
	struct err e;

	if (flights_count(q->context->env.flights) < WORK_MAX)
		return false;
	err_set(&e, ERR_BUSY, "too much is under way: come back in %d seconds",
	    RETRY_AFTER_S);
	question_answer_error(q, &e, what_is_asked(q));
	return true;
}

/* True when an old answer beats this error. */
bool
question_excuses_stale(const struct question *q)
{
	enum err_code code = q->resolve_error.code;

	return q->context->config->stale_if_error &&
	    (code == ERR_UPSTREAM || code == ERR_TIMEOUT ||
		code == ERR_RATE_LIMIT);
}

static void
step(struct question *q)
{
	struct err e;

	if (++q->steps > STEPS_MAX) {
		err_set(&e, ERR_INTERNAL, "%s/%s was built but is not there",
		    q->name, q->reference);
		question_answer_error(q, &e, what_is_asked(q));
	} else if (q->kind == ASK_TAGS || q->kind == ASK_REFERRERS) {
		question_step_list(q);
	} else if (q->kind == ASK_MAP) {
		question_step_map(q);
	} else if (q->kind == ASK_BLOB) {
		question_step_blob(q);
	} else {
		question_step_manifest(q);
	}
}

/* The client cannot wait longer; the work goes on. */
static void
on_wait_over(evutil_socket_t fd, short what, void *arg)
{
	struct question *q = arg;
	struct err e;

	(void)fd;
	(void)what;
	err_set(&e, ERR_RATE_LIMIT,
	    "%s is being prepared: come back in %d seconds", q->name,
	    RETRY_AFTER_S);
	question_answer_error(q, &e, what_is_asked(q));
}

static void
start_timer(struct question *q, const char *client)
{
	const struct config *c = q->context->config;
	uint64_t ms = strcmp(client, "containerd") == 0 ? c->wait_containerd_ms
							: c->wait_ms;
	struct timeval wait = {.tv_sec = (time_t)(ms / 1000),
	    .tv_usec = (suseconds_t)(ms % 1000 * 1000)};

	/* An admin's, or the schedule's: nobody's patience ends. */
	if (strcmp(client, "warm") == 0)
		return;
	q->timer = evtimer_new(q->context->base, on_wait_over, q);
	event_add(q->timer, &wait);
}

/* Reads which part of a list is wanted. */
static int
read_page(struct question *q, const json_t *ask, struct err *e)
{
	const char *last, *type;

	q->page.has_n = json_object_get(ask, "n") != NULL;
	if (json_get_uint(ask, "n", JSON_OPTIONAL, UINT32_MAX, &q->page.n, e) ==
		-1 ||
	    json_get_string(ask, "last", JSON_OPTIONAL, &last, e) == -1 ||
	    json_get_string(ask, "artifact_type", JSON_OPTIONAL, &type, e) ==
		-1)
		return -1;
	q->page.last = q->last = mem_strdup(last == NULL ? "" : last);
	q->page.artifact_type = q->artifact_type =
	    mem_strdup(type == NULL ? "" : type);
	return 0;
}

/* The id of the request, which goes into the log: two numbers and a dash. */
static int
read_request(struct question *q, const json_t *ask, struct err *e)
{
	const char *id;

	if (json_get_string(ask, "request", JSON_OPTIONAL, &id, e) == -1)
		return -1;
	if (id == NULL)
		return 0;
	if (strlen(id) >= sizeof(q->request) ||
	    id[strspn(id, "0123456789-")] != '\0')
		return err_set(e, ERR_INVALID, "not the id of a request");
	snprintf(q->request, sizeof(q->request), "%s", id);
	q->waiter.asker = question_request(q);
	return 0;
}

/*
 * Reads the message.  The server has checked the grammar of what is in it;
 * core does so again, since references become parts of upstream URLs.
 */
static int
read_ask(struct question *q, const json_t *ask, const char **ns,
    const char **client, struct err *e)
{
	static const char *const kinds[] = {
	    [ASK_MANIFEST] = "manifest",
	    [ASK_BLOB] = "blob",
	    [ASK_TAGS] = "tags",
	    [ASK_REFERRERS] = "referrers",
	    [ASK_MAP] = "map",
	};
	const size_t count = sizeof(kinds) / sizeof(kinds[0]);
	const char *kind, *name, *reference;
	size_t i;

	if (json_get_uint(ask, "id", JSON_REQUIRED, INT64_MAX, &q->id, e) ==
		-1 ||
	    json_get_string(ask, "kind", JSON_REQUIRED, &kind, e) == -1 ||
	    json_get_string(ask, "repository", JSON_REQUIRED, &name, e) == -1 ||
	    json_get_string(ask, "ns", JSON_OPTIONAL, ns, e) == -1 ||
	    json_get_string(ask, "client", JSON_REQUIRED, client, e) == -1 ||
	    json_get_string(ask, "reference", JSON_OPTIONAL, &reference, e) ==
		-1)
		return -1;
	for (i = 0; i < count && strcmp(kinds[i], kind) != 0; i++)
		;
	q->kind = (enum question_kind)i;
	q->name = mem_strdup(name);
	q->reference = mem_strdup(reference == NULL ? "" : reference);
	q->by_digest = strchr(q->reference, ':') != NULL;
	if (i == count ||
	    (!q->by_digest && q->kind != ASK_MANIFEST && q->kind != ASK_TAGS))
		return err_set(e, ERR_INVALID, "not a question");
	if (read_page(q, ask, e) == -1 || read_request(q, ask, e) == -1)
		return -1;
	if (q->by_digest)
		return digest_parse(q->reference, &q->digest, e);
	if (q->kind == ASK_MANIFEST && !ref_is_tag(q->reference))
		return err_set(e, ERR_INVALID, "not a tag");
	return 0;
}

/* Finds out what the name means. */
static int
find_target(struct question *q, const char *ns, struct err *e)
{
	struct context *context = q->context;
	bool by_tag = q->kind == ASK_MANIFEST && !q->by_digest;

	if (names_find(context->config, context->policies, q->name, ns,
		by_tag ? q->reference : NULL, &q->target, e) == -1)
		return -1;
	q->source_name =
	    mem_printf("%s/%s", q->target.host, q->target.repository);
	q->source = (struct source){
	    .upstream = context_find_upstream(context, q->target.host),
	    .host = q->target.host,
	    .repository = q->target.repository};
	return 0;
}

void
question_ask(struct context *context, struct questions *all, const json_t *ask,
    question_send send, void *arg)
{
	struct question *q = mem_zalloc(1, sizeof(*q));
	const char *ns, *client;
	struct err e;

	q->context = context;
	q->all = all;
	q->send = send;
	q->arg = arg;
	q->waiter.done = on_work_done;
	q->waiter.arg = q;
	TAILQ_INSERT_TAIL(all, q, entry);
	if (read_ask(q, ask, &ns, &client, &e) == -1) {
		question_answer_error(q, &e, "manifest");
		return;
	}
	if (find_target(q, ns, &e) == -1) {
		question_answer_error(q, &e, "repository");
		return;
	}
	start_timer(q, client);
	step(q);
}

void
questions_describe(const struct questions *all, struct strbuf *out)
{
	const struct question *q = TAILQ_FIRST(all);
	auto_strbuf struct strbuf what;

	strbuf_init(&what, ERR_MESSAGE_MAX);
	if (q != NULL && q->waiter.flight != NULL)
		flight_describe(q->waiter.flight, &what, out);
}

size_t
questions_count(const struct questions *all)
{
	const struct question *q;
	size_t count = 0;

	TAILQ_FOREACH(q, all, entry)
	count++;
	return count;
}

void
question_leave(struct questions *all, uint64_t id)
{
	struct question *q;

	TAILQ_FOREACH(q, all, entry)
	if (q->id == id) {
		question_free(q);
		return;
	}
}

void
question_leave_all(struct questions *all)
{
	struct question *q;

	while ((q = TAILQ_FIRST(all)) != NULL)
		question_free(q);
}
