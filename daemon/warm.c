#include "warm.h"

#include <stdlib.h>
#include <string.h>

#include "question.h"
#include "reference.h"
#include "winnow/fsutil.h"
#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/oci.h"

/* Manifests and blobs of one image: an index with all its platforms. */
#define PARTS_MAX (LIMIT_INDEX_MANIFESTS + LIMIT_LAYERS * 8)

/* One thing that has been asked for: a manifest to look into, or a blob. */
struct part {
	struct digest digest;
	bool manifest;
};

struct warm {
	TAILQ_ENTRY(warm) entry;
	struct context *context;
	char *reference;
	char *repository;
	struct questions questions;
	struct part *parts; /* by the id of their question; 0: the reference */
	size_t count;
	size_t capacity;
	size_t answered;
	struct event *step; /* asks and ends from the loop */
	size_t asked;
	char *first; /* tag or digest of the reference */
	struct err error; /* the first, or ERR_NONE */
	void (*done)(void *arg, struct warm *w, const struct err *e);
	void *arg;
};

static void
warm_free(struct warm *w)
{
	TAILQ_REMOVE(&w->context->warms, w, entry);
	question_leave_all(&w->questions);
	event_free(w->step);
	free(w->parts);
	free(w->first);
	free(w->repository);
	free(w->reference);
	free(w);
}

static void
add_part(struct warm *w, const struct digest *digest, bool manifest)
{
	size_t i;

	for (i = 1; digest != NULL && i < w->count; i++)
		if (digest_equal(&w->parts[i].digest, digest))
			return;
	if (w->count >= PARTS_MAX) {
		err_set(&w->error, ERR_LIMIT, "%s has more than %d parts",
		    w->reference, PARTS_MAX);
		return;
	}
	w->parts =
	    mem_grow(w->parts, w->count, &w->capacity, sizeof(*w->parts));
	w->parts[w->count] = (struct part){.manifest = manifest};
	if (digest != NULL)
		w->parts[w->count].digest = *digest;
	w->count++;
}

/* True when a child of an index is for a platform that we serve. */
static bool
is_wanted(const struct config *c, const struct oci_descriptor *d)
{
	struct oci_platform want;
	struct err ignored;
	bool matches;
	size_t i;

	if (d->attestation)
		return false;
	if (!d->has_platform)
		return true;
	for (i = 0; i < c->platform_count; i++) {
		if (oci_platform_parse(c->platforms[i], &want, &ignored) == -1)
			continue;
		matches = oci_platform_matches(&d->platform, &want);
		oci_platform_clear(&want);
		if (matches)
			return true;
	}
	return false;
}

/* A manifest is in the store: what it refers to is wanted next. */
static int
look_into(struct warm *w, const struct digest *digest, struct err *e)
{
	const struct context *context = w->context;
	auto_oci_manifest struct oci_manifest *m = NULL;
	auto_free char *data = NULL;
	auto_fd int fd = -1;
	size_t len, i;

	if (store_open_blob(context->env.store, digest, &fd, e) == -1 ||
	    fsutil_read_fd(
		fd, "manifest", LIMIT_MANIFEST_SIZE, &data, &len, e) == -1 ||
	    oci_manifest_parse(data, len, NULL, &m, e) == -1)
		return -1;
	for (i = 0; i < m->manifest_count; i++)
		if (is_wanted(context->config, &m->manifests[i]))
			add_part(w, &m->manifests[i].digest, true);
	if (m->kind != OCI_INDEX)
		add_part(w, &m->config.digest, false);
	for (i = 0; i < m->layer_count; i++)
		add_part(w, &m->layers[i].digest, false);
	return 0;
}

static int
read_answer(struct warm *w, const json_t *answer, struct err *e)
{
	const char *code = NULL, *message = NULL, *text = NULL;
	struct digest digest;
	uint64_t id = 0;

	if (json_get_uint(answer, "id", JSON_REQUIRED, w->count - 1, &id, e) ==
		-1 ||
	    json_get_string(answer, "error", JSON_OPTIONAL, &code, e) == -1 ||
	    json_get_string(answer, "message", JSON_OPTIONAL, &message, e) ==
		-1)
		return -1;
	if (code != NULL)
		return err_set(e, err_code_parse(code), "%s",
		    message == NULL ? "no reason given" : message);
	if (!w->parts[id].manifest)
		return 0;
	if (json_get_string(answer, "digest", JSON_REQUIRED, &text, e) == -1 ||
	    digest_parse(text, &digest, e) == -1)
		return -1;
	return look_into(w, &digest, e);
}

static void
on_answer(void *arg, json_t *answer, const int *fds, size_t fd_count)
{
	struct warm *w = arg;
	struct err e;

	(void)fds;
	(void)fd_count;
	/* The answer that counts follows, when the blob is verified. */
	if (json_is_true(json_object_get(answer, "coming")))
		return;
	w->answered++;
	if (read_answer(w, answer, &e) == -1 && w->error.code == ERR_NONE)
		w->error = e;
	event_active(w->step, EV_TIMEOUT, 0);
}

static void
ask(struct warm *w, size_t i)
{
	const struct part *p = &w->parts[i];
	char digest[DIGEST_TEXT];
	auto_json json_t *body =
	    json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:b}", "type", "ask",
		"id", (json_int_t)i, "kind", p->manifest ? "manifest" : "blob",
		"repository", w->repository, "reference",
		i == 0 ? w->first : digest_format(&p->digest, digest), "client",
		"warm", "head", 0);

	question_ask(w->context, &w->questions, body, on_answer, w);
}

static void
on_step(evutil_socket_t fd, short what, void *arg)
{
	struct warm *w = arg;

	(void)fd;
	(void)what;
	while (w->asked < w->count && w->error.code == ERR_NONE)
		ask(w, w->asked++);
	if (w->answered < w->asked ||
	    (w->asked < w->count && w->error.code == ERR_NONE))
		return;
	if (w->done != NULL)
		w->done(
		    w->arg, w, w->error.code == ERR_NONE ? NULL : &w->error);
	warm_free(w);
}

int
warm_start(struct context *context, const char *reference,
    void (*done)(void *arg, struct warm *w, const struct err *e), void *arg,
    struct warm **out, struct err *e)
{
	auto_free char *repository = NULL, *first = NULL;
	struct warm *w;

	if (reference_split(reference, &repository, &first, e) == -1)
		return -1;
	w = mem_zalloc(1, sizeof(*w));
	w->context = context;
	w->reference = mem_strdup(reference);
	w->repository = steal(&repository);
	w->first =
	    first == NULL ? mem_strdup(REFERENCE_DEFAULT) : steal(&first);
	w->done = done;
	w->arg = arg;
	TAILQ_INIT(&w->questions);
	TAILQ_INSERT_TAIL(&context->warms, w, entry);
	add_part(w, NULL, true);
	w->step = evtimer_new(context->base, on_step, w);
	event_active(w->step, EV_TIMEOUT, 0);
	*out = w;
	return 0;
}

void
warm_disown(struct warm *w)
{
	w->done = NULL;
}

const char *
warm_reference(const struct warm *w)
{
	return w->reference;
}

void
warm_describe(const struct warm *w, struct strbuf *out)
{
	questions_describe(&w->questions, out);
}

const struct warm *
warm_next(const struct warm *w)
{
	return TAILQ_NEXT(w, entry);
}

void
warm_cancel_all(struct context *context)
{
	struct warm *w;

	while ((w = TAILQ_FIRST(&context->warms)) != NULL)
		warm_free(w);
}
