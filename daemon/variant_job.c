#include "variant_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image_job.h"
#include "index_walk.h"
#include "variant_publish.h"
#include "winnow/clock.h"
#include "winnow/log.h"
#include "winnow/mem.h"

struct variant_job;

/* One platform of the variant. */
struct variant_child {
	struct variant_job *job;
	const struct oci_descriptor *source; /* NULL: the source is no index */
	struct digest digest; /* of the source manifest */
	struct flight_waiter waiter;
	struct image_job *image;
	struct image_result result; /* blobs owned */
	bool missing; /* upstream does not have it */
};

struct variant_job {
	struct flight flight; /* first */
	struct job_env *env;
	struct source source;
	char *host;
	char *repository;
	char *scope;
	struct variant_recipe recipe; /* platforms owned */
	struct oci_manifest *manifest;
	struct index_walk *walk; /* of an index */
	struct flight_waiter waiter; /* for the manifest */
	struct variant_child *children;
	size_t child_count;
	size_t pending;
	struct event *next; /* goes on from the loop */
	struct err error;
};

static void
variant_job_free(struct variant_job *j)
{
	size_t i;

	flight_leave(&j->waiter);
	for (i = 0; i < j->child_count; i++) {
		flight_leave(&j->children[i].waiter);
		if (j->children[i].image != NULL)
			image_job_cancel(j->children[i].image);
		free(j->children[i].result.blobs);
	}
	variant_recipe_clear_copy(&j->recipe);
	if (j->next != NULL)
		event_free(j->next);
	index_walk_free(j->walk);
	oci_manifest_free(j->manifest);
	free(j->children);
	free(j->host);
	free(j->repository);
	free(j->scope);
	free(j);
}

static void
cancel_variant(struct flight *f)
{
	variant_job_free((struct variant_job *)f);
}

static void
describe_variant(
    const struct flight *f, struct strbuf *what, struct strbuf *stage)
{
	const struct variant_job *j = (const struct variant_job *)f;
	char source[DIGEST_TEXT];
	size_t i;

	strbuf_add_format(what, "variant %s of %s", j->scope,
	    digest_format(&j->recipe.source, source));
	if (j->child_count == 0)
		strbuf_add_format(
		    stage, "waits for the manifest from %s", j->host);
	for (i = 0; i < j->child_count; i++) {
		const struct variant_child *c = &j->children[i];

		if (i > 0)
			strbuf_add_string(stage, "; ");
		if (c->source != NULL && c->source->has_platform)
			strbuf_add_format(stage,
			    "%s/%s: ", c->source->platform.os,
			    c->source->platform.architecture);
		if (c->image != NULL)
			image_job_describe(c->image, stage);
		else
			strbuf_add_string(stage,
			    c->result.blobs != NULL ? "done"
						    : "waits for its manifest");
	}
}

static void
note_end(const struct variant_job *j, const struct err *e)
{
	char source[DIGEST_TEXT], ms[32];
	uint64_t took = clock_now_ms() - j->flight.began_ms;
	auto_free char *what = mem_printf(
	    "%s of %s", j->scope, digest_format(&j->recipe.source, source));

	builds_note(&j->env->builds, what, took, e);
	snprintf(ms, sizeof(ms), "%llu", (unsigned long long)took);
	if (e == NULL)
		log_event(LOG_LEVEL_INFO, "variant.built", "id",
		    flight_asker(&j->flight), "repository", j->scope, "source",
		    source, "ms", ms, NULL);
	else
		log_event(LOG_LEVEL_ERROR, "variant.failed", "id",
		    flight_asker(&j->flight), "repository", j->scope, "source",
		    source, "ms", ms, "code", err_code_name(e->code), "error",
		    e->message, NULL);
}

static void
end_variant(struct variant_job *j, const struct err *e)
{
	note_end(j, e);
	flight_end(&j->flight, e);
	variant_job_free(j);
}

/* Everything is built: makes the variant known. */
static int
publish(const struct variant_job *j, struct err *e)
{
	auto_free struct variant_image *images =
	    mem_zalloc(j->child_count, sizeof(*images));
	struct variant_product product = {.host = j->host,
	    .repository = j->repository,
	    .scope = j->scope,
	    .recipe = &j->recipe,
	    .manifest = j->manifest,
	    .images = images,
	    .count = j->child_count};
	size_t i;

	for (i = 0; i < j->child_count; i++)
		images[i] =
		    (struct variant_image){.entry = j->children[i].source,
			.source = j->children[i].digest,
			.result = &j->children[i].result};
	return variant_publish(j->env, &product, e);
}

/* Leaves out the children that upstream does not have: some are left. */
static void
drop_missing(struct variant_job *j)
{
	size_t count = 0, i;

	for (i = 0; i < j->child_count; i++)
		if (!j->children[i].missing)
			j->children[count++] = j->children[i];
	j->child_count = count;
}

/* Ends the job from the loop with the first reason, or publishes. */
static void
on_next(evutil_socket_t fd, short what, void *arg)
{
	struct variant_job *j = arg;
	struct err e;

	(void)fd;
	(void)what;
	if (j->error.code != ERR_NONE)
		end_variant(j, &j->error);
	else {
		drop_missing(j);
		end_variant(j, publish(j, &e) == -1 ? &e : NULL);
	}
}

static void
fail(struct variant_job *j, const struct err *e)
{
	if (j->error.code == ERR_NONE)
		j->error = *e;
	event_active(j->next, EV_TIMEOUT, 0);
}

static void
on_image(void *arg, const struct image_result *r, const struct err *e)
{
	struct variant_child *c = arg;
	struct variant_job *j = c->job;

	c->image = NULL;
	if (e != NULL) {
		fail(j, e);
		return;
	}
	c->result = *r;
	c->result.blobs = mem_zalloc(r->blob_count, sizeof(*r->blobs));
	memcpy(c->result.blobs, r->blobs, r->blob_count * sizeof(*r->blobs));
	if (--j->pending == 0)
		event_active(j->next, EV_TIMEOUT, 0);
}

/*
 * An index may list more than its registry has (a mirror of one platform): the
 * others are served without it.
 */
static void
miss_child(struct variant_child *c, const struct err *e)
{
	struct variant_job *j = c->job;
	char text[DIGEST_TEXT];
	size_t missing = 0, i;

	c->missing = true;
	for (i = 0; i < j->child_count; i++)
		missing += j->children[i].missing;
	if (missing == j->child_count) {
		fail(j, e);
		return;
	}
	log_event(LOG_LEVEL_WARN, "variant.sparse", "id",
	    flight_asker(&j->flight), "repository", j->scope, "missing",
	    digest_format(&c->digest, text), "error", e->message, NULL);
	if (--j->pending == 0)
		event_active(j->next, EV_TIMEOUT, 0);
}

static int
start_image(struct variant_child *c, struct err *e)
{
	struct variant_job *j = c->job;
	auto_oci_manifest struct oci_manifest *m = NULL;
	auto_free char *data = NULL;
	struct image_source source;
	char text[DIGEST_TEXT];
	size_t len;

	if (source_load_manifest(j->env, &c->digest, &data, &len, &m, e) == -1)
		return -1;
	if (m->kind != OCI_IMAGE)
		return err_set(e, ERR_UNSUPPORTED,
		    "%s/%s@%s is %s inside an index: only images are", j->host,
		    j->repository, digest_format(&c->digest, text),
		    m->kind == OCI_INDEX ? "an index" : "an artifact");
	source = (struct image_source){.upstream = j->source.upstream,
	    .host = j->host,
	    .repository = j->repository,
	    .digest = &c->digest,
	    .manifest = data,
	    .manifest_len = len,
	    .policy = j->recipe.policy,
	    .policy_len = j->recipe.policy_len};
	return image_job_start(j->env, &source, on_image, c, &c->image, e);
}

static void
on_child_manifest(void *arg, const struct err *e)
{
	struct variant_child *c = arg;
	struct err own;

	if (e != NULL && e->code == ERR_NOT_FOUND) {
		miss_child(c, e);
		return;
	}
	if (e == NULL && start_image(c, &own) == -1)
		e = &own;
	if (e != NULL)
		fail(c->job, e);
}

static void
start_child(struct variant_job *j, struct variant_child *c)
{
	c->waiter.done = on_child_manifest;
	c->waiter.arg = c;
	c->waiter.asker = flight_asker(&c->job->flight);
	if (store_has_blob(j->env->store, &c->digest, NULL))
		on_child_manifest(c, NULL);
	else
		source_get_manifest(j->env, &j->source, &c->digest, &c->waiter);
}

static void
add_child(struct variant_job *j, const struct oci_descriptor *d,
    const struct digest *digest)
{
	size_t i;

	for (i = 0; i < j->child_count; i++)
		if (digest_equal(&j->children[i].digest, digest))
			return;
	j->children[j->child_count++] =
	    (struct variant_child){.job = j, .source = d, .digest = *digest};
}

/* Chooses the children of the wanted platforms. */
static int
choose_children(struct variant_job *j, struct err *e)
{
	auto_strbuf struct strbuf have;
	size_t i;

	strbuf_init(&have, 400);
	if (j->manifest->kind == OCI_IMAGE) {
		add_child(j, NULL, &j->recipe.source);
		return 0;
	}
	for (i = 0; i < j->recipe.platform_count; i++) {
		const struct oci_descriptor *d;
		struct oci_platform want;

		if (oci_platform_parse(j->recipe.platforms[i], &want, e) == -1)
			return -1;
		d = index_walk_find(j->walk, &want);
		oci_platform_clear(&want);
		if (d != NULL)
			add_child(j, d, &d->digest);
	}
	if (j->child_count > 0)
		return 0;
	index_walk_list_platforms(j->walk, &have);
	return err_set(e, ERR_NOT_FOUND,
	    "%s/%s has no image for %s%s: it has %s", j->host, j->repository,
	    j->recipe.platform_count > 0 ? j->recipe.platforms[0] : "nothing",
	    j->recipe.platform_count > 1 ? " or the other platforms" : "",
	    have.len > 0 ? strbuf_string(&have) : "none");
}

/* What an artifact is, as far as it says so itself. */
static const char *
artifact_type(const struct oci_manifest *m)
{
	const char *type =
	    json_string_value(json_object_get(m->json, "artifactType"));

	return type == NULL ? m->config.media_type : type;
}

/*
 * An artifact is no image, and cannot be stripped.  It may hold anything, the
 * layers of an image too: only a policy lets it through.
 */
static void
end_artifact(struct variant_job *j)
{
	struct store_variant row = {.digest = j->recipe.source,
	    .source = j->recipe.source,
	    .recipe = "{}"};
	struct store_manifest manifest;
	struct err e;

	if (j->recipe.artifact_scope == NULL) {
		err_set(&e, ERR_POLICY,
		    "%s/%s has an artifact here (%.100s), which %s cannot "
		    "strip: say \"artifacts: pass\" there, or pull it as "
		    "%s/%s/%s",
		    j->host, j->repository, artifact_type(j->manifest),
		    j->recipe.policy_file, j->env->config->original_prefix,
		    j->host, j->repository);
	} else if (variant_publish_original(j->env, j->recipe.artifact_scope,
		       &j->recipe.source, &manifest, &e) == 0) {
		store_begin(j->env->store);
		store_put_variant(
		    j->env->store, &j->recipe.key, j->scope, &row);
		if (store_commit(j->env->store, &e) == 0) {
			end_variant(j, NULL);
			return;
		}
	}
	end_variant(j, &e);
}

/* Has the images of the wanted platforms made; all are known now. */
static void
start_children(void *arg, const struct err *e)
{
	struct variant_job *j = arg;
	struct err own;
	size_t i;

	j->children =
	    mem_zalloc(j->recipe.platform_count + 1, sizeof(*j->children));
	if (e == NULL && choose_children(j, &own) == -1)
		e = &own;
	if (e != NULL) {
		end_variant(j, e);
		return;
	}
	j->pending = j->child_count;
	for (i = 0; i < j->child_count; i++)
		start_child(j, &j->children[i]);
}

static void
walk_index(struct variant_job *j)
{
	j->walk = index_walk_start(
	    j->env, &j->source, j->manifest, start_children, j);
	index_walk_set_asker(j->walk, flight_asker(&j->flight));
}

/* The source's manifest is in the store: see what it is. */
static void
on_manifest(void *arg, const struct err *e)
{
	struct variant_job *j = arg;
	auto_free char *data = NULL;
	struct err own;
	size_t len;

	if (e == NULL &&
	    source_load_manifest(j->env, &j->recipe.source, &data, &len,
		&j->manifest, &own) == -1)
		e = &own;
	if (e != NULL)
		end_variant(j, e);
	else if (j->manifest->kind == OCI_ARTIFACT)
		end_artifact(j);
	else if (j->manifest->kind == OCI_INDEX)
		walk_index(j);
	else
		start_children(j, NULL);
}

static void
on_begin(evutil_socket_t fd, short what, void *arg)
{
	struct variant_job *j = arg;

	(void)fd;
	(void)what;
	event_free(j->next);
	j->next = evtimer_new(j->env->base, on_next, j);
	if (store_has_blob(j->env->store, &j->recipe.source, NULL))
		on_manifest(j, NULL);
	else
		source_get_manifest(
		    j->env, &j->source, &j->recipe.source, &j->waiter);
}

static void
begin(struct job_env *env, const struct source *s, const char *scope,
    const struct variant_recipe *r, const char *key, struct flight_waiter *w)
{
	struct variant_job *j = mem_zalloc(1, sizeof(*j));

	j->env = env;
	j->host = mem_strdup(s->host);
	j->repository = mem_strdup(s->repository);
	j->source = (struct source){s->upstream, j->host, j->repository};
	j->scope = mem_strdup(scope);
	variant_recipe_copy(&j->recipe, r);
	j->waiter.done = on_manifest;
	j->waiter.arg = j;
	flight_enter(env->flights, &j->flight, key, cancel_variant);
	j->flight.describe = describe_variant;
	flight_join(&j->flight, w);
	j->waiter.asker = flight_asker(&j->flight);
	j->next = evtimer_new(env->base, on_begin, j);
	event_active(j->next, EV_TIMEOUT, 0);
}

int
variant_build(struct job_env *env, const struct source *s, const char *scope,
    const struct variant_recipe *r, struct flight_waiter *w, struct err *e)
{
	char hex[DIGEST_TEXT];
	auto_free char *key =
	    mem_printf("variant %s %s", digest_format_hex(&r->key, hex), scope);
	struct flight *f = flight_find(env->flights, key);

	if (f != NULL) {
		flight_join(f, w);
		return 0;
	}
	if (flights_count(env->flights) >= env->config->jobs)
		return err_set(e, ERR_BUSY,
		    "%llu jobs are under way already (jobs: in the "
		    "configuration)",
		    (unsigned long long)env->config->jobs);
	begin(env, s, scope, r, key, w);
	return 0;
}
