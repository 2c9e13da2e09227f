#include "variant_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image_job.h"
#include "index_walk.h"
#include "winnow/clock.h"
#include "winnow/image.h"
#include "winnow/json.h"
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

void
variant_recipe_init(struct variant_recipe *r, const struct config *c,
    const struct names_target *t, const struct digest *source)
{
	const struct policy *p = t->policy;
	auto_hash struct hash *h = hash_new();
	struct digest policy;
	char form[64];
	size_t i;

	r->source = *source;
	r->policy_file = mem_strdup(p->file);
	r->artifact_scope = p->artifacts_pass && t->pass_scope != NULL
	    ? mem_strdup(t->pass_scope)
	    : NULL;
	r->policy = policy_format(p, &r->policy_len);
	r->platforms = p->platform_count > 0 ? p->platforms : c->platforms;
	r->platform_count =
	    p->platform_count > 0 ? p->platform_count : c->platform_count;
	snprintf(form, sizeof(form), "variant %d %s", LAYER_INDEX_VERSION,
	    layer_emit_form());
	hash_update(h, form, strlen(form) + 1);
	hash_update(h, source->bytes, DIGEST_BYTES);
	policy_digest(p, &policy);
	hash_update(h, policy.bytes, DIGEST_BYTES);
	for (i = 0; i < r->platform_count; i++)
		hash_update(h, r->platforms[i], strlen(r->platforms[i]) + 1);
	hash_final(h, &r->key);
}

void
variant_recipe_clear(struct variant_recipe *r)
{
	free(r->policy);
	free(r->policy_file);
	free(r->artifact_scope);
	r->policy = r->policy_file = r->artifact_scope = NULL;
}

static void
copy_recipe(struct variant_recipe *to, const struct variant_recipe *from)
{
	size_t i;

	*to = *from;
	to->policy = mem_strndup(from->policy, from->policy_len);
	to->policy_file = mem_strdup(from->policy_file);
	to->artifact_scope = from->artifact_scope == NULL
	    ? NULL
	    : mem_strdup(from->artifact_scope);
	to->platforms = mem_zalloc(from->platform_count, sizeof(char *));
	for (i = 0; i < from->platform_count; i++)
		to->platforms[i] = mem_strdup(from->platforms[i]);
}

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
	for (i = 0; i < j->recipe.platform_count; i++)
		free(j->recipe.platforms[i]);
	free(j->recipe.platforms);
	variant_recipe_clear(&j->recipe);
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
		log_event(LOG_LEVEL_INFO, "variant.built", "repository",
		    j->scope, "source", source, "ms", ms, NULL);
	else
		log_event(LOG_LEVEL_ERROR, "variant.failed", "repository",
		    j->scope, "source", source, "ms", ms, "code",
		    err_code_name(e->code), "error", e->message, NULL);
}

static void
end_variant(struct variant_job *j, const struct err *e)
{
	note_end(j, e);
	flight_end(&j->flight, e);
	variant_job_free(j);
}

static void
put_manifest(struct job_env *env, const char *scope,
    const struct digest *digest, const char *media_type, uint64_t size,
    struct store_manifest *row)
{
	snprintf(row->media_type, sizeof(row->media_type), "%s", media_type);
	row->size = size;
	store_put_manifest(env->store, scope, digest, row);
}

int
variant_publish_original(struct job_env *env, const char *scope,
    const struct digest *digest, struct store_manifest *row, struct err *e)
{
	auto_oci_manifest struct oci_manifest *m = NULL;
	auto_free char *data = NULL;
	size_t len, i;

	if (source_load_manifest(env, digest, &data, &len, &m, e) == -1)
		return -1;
	store_begin(env->store);
	put_manifest(env, scope, digest, m->media_type, len, row);
	if (m->kind != OCI_INDEX) {
		store_put_reach(
		    env->store, scope, &m->config.digest, m->config.size);
		store_put_holds(env->store, digest, &m->config.digest);
		for (i = 0; i < m->layer_count; i++) {
			store_put_reach(env->store, scope, &m->layers[i].digest,
			    m->layers[i].size);
			store_put_holds(
			    env->store, digest, &m->layers[i].digest);
		}
	}
	for (i = 0; i < m->manifest_count; i++) {
		store_put_child(env->store, scope, &m->manifests[i].digest);
		store_put_holds(env->store, digest, &m->manifests[i].digest);
	}
	store_commit(env->store);
	store_note_use(env->store, digest);
	return 0;
}

/* The recipe as the store remembers it: enough to build the variant again. */
static char *
format_recipe(const struct variant_job *j)
{
	json_t *platforms = json_array(), *reports = json_array();
	char source[DIGEST_TEXT], report[DIGEST_TEXT];
	auto_json json_t *recipe = NULL;
	size_t i;

	for (i = 0; i < j->recipe.platform_count; i++)
		json_array_append_new(
		    platforms, json_string(j->recipe.platforms[i]));
	for (i = 0; i < j->child_count; i++)
		json_array_append_new(reports,
		    json_string(digest_format(
			&j->children[i].result.report.digest, report)));
	recipe = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "host", j->host,
	    "repository", j->repository, "source",
	    digest_format(&j->recipe.source, source), "policy",
	    j->recipe.policy, "platforms", platforms, "reports", reports);
	return json_format(recipe, NULL);
}

/* Makes a rewritten image reachable. */
static void
publish_child(struct variant_job *j, const struct variant_child *c)
{
	const struct image_result *r = &c->result;
	struct store *store = j->env->store;
	struct store_manifest row;
	size_t i;

	put_manifest(j->env, j->scope, &r->manifest.digest, r->media_type,
	    r->manifest.size, &row);
	store_put_map(store, j->scope, &c->digest, &r->manifest.digest);
	for (i = 0; i < r->blob_count; i++) {
		store_put_reach(
		    store, j->scope, &r->blobs[i].digest, r->blobs[i].size);
		store_put_holds(
		    store, &r->manifest.digest, &r->blobs[i].digest);
	}
	store_put_holds(store, &r->manifest.digest, &r->report.digest);
}

/* Writes the index over the children; *digest is its digest. */
static int
store_index(
    struct variant_job *j, struct digest *digest, uint64_t *size, struct err *e)
{
	struct image_child *children;
	char source[DIGEST_TEXT];
	auto_free char *name = mem_printf("%s/%s@%s", j->host, j->repository,
	    digest_format(&j->recipe.source, source));
	struct image_base base = {name, j->recipe.source};
	auto_free void *memory = NULL;
	auto_free char *text = NULL;
	size_t len, i;

	children = memory = mem_zalloc(j->child_count, sizeof(*children));
	for (i = 0; i < j->child_count; i++)
		children[i] =
		    (struct image_child){.source = j->children[i].source,
			.digest = j->children[i].result.manifest.digest,
			.size = j->children[i].result.manifest.size};
	if (image_index(j->manifest, children, j->child_count, &base, &text,
		&len, e) == -1)
		return -1;
	*size = len;
	return store_add_bytes(j->env->store, text, len, digest, e);
}

/* Everything is built: one transaction makes the variant known. */
static int
publish(struct variant_job *j, struct err *e)
{
	struct store *store = j->env->store;
	auto_free char *recipe = format_recipe(j);
	struct store_variant row = {
	    .source = j->recipe.source, .recipe = recipe};
	struct store_manifest index_row;
	uint64_t size = 0;
	size_t i;

	if (j->manifest->kind != OCI_INDEX)
		row.digest = j->children[0].result.manifest.digest;
	else if (store_index(j, &row.digest, &size, e) == -1)
		return -1;
	store_begin(store);
	for (i = 0; i < j->child_count; i++)
		publish_child(j, &j->children[i]);
	if (j->manifest->kind == OCI_INDEX) {
		put_manifest(j->env, j->scope, &row.digest,
		    j->manifest->media_type, size, &index_row);
		store_put_map(store, j->scope, &j->recipe.source, &row.digest);
		for (i = 0; i < j->child_count; i++)
			store_put_holds(store, &row.digest,
			    &j->children[i].result.manifest.digest);
	}
	store_put_variant(store, &j->recipe.key, j->scope, &row);
	store_commit(store);
	store_note_use(store, &row.digest);
	return 0;
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
	log_event(LOG_LEVEL_WARN, "variant.sparse", "repository", j->scope,
	    "missing", digest_format(&c->digest, text), "error", e->message,
	    NULL);
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
	if (store_has_blob(j->env->store, &c->digest, NULL))
		on_child_manifest(c, NULL);
	else
		source_get_manifest(j->env, &j->source, &c->digest, &c->waiter);
}

/* What the index has, for the message that nothing fits. */
static void
list_platforms(const struct variant_job *j, struct strbuf *out)
{
	size_t count, i;
	const struct index_image *images = index_walk_images(j->walk, &count);

	for (i = 0; i < count; i++) {
		const struct oci_platform *p = &images[i].platform;

		if (!images[i].has_platform)
			continue;
		strbuf_add_format(out, "%s%s/%s%s%s", out->len > 0 ? ", " : "",
		    p->os, p->architecture, p->variant == NULL ? "" : "/",
		    p->variant == NULL ? "" : p->variant);
	}
}

/* The child of an index for a platform, or NULL. */
static const struct oci_descriptor *
find_child(const struct variant_job *j, const struct oci_platform *want)
{
	size_t count, i;
	const struct index_image *images = index_walk_images(j->walk, &count);

	for (i = 0; i < count; i++)
		if (images[i].has_platform &&
		    oci_platform_matches(&images[i].platform, want))
			return images[i].descriptor;
	return NULL;
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
		d = find_child(j, &want);
		oci_platform_clear(&want);
		if (d != NULL)
			add_child(j, d, &d->digest);
	}
	if (j->child_count > 0)
		return 0;
	list_platforms(j, &have);
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
		store_put_variant(
		    j->env->store, &j->recipe.key, j->scope, &row);
		end_variant(j, NULL);
		return;
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
		j->walk = index_walk_start(
		    j->env, &j->source, j->manifest, start_children, j);
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
	copy_recipe(&j->recipe, r);
	j->waiter.done = on_manifest;
	j->waiter.arg = j;
	flight_enter(env->flights, &j->flight, key, cancel_variant);
	j->flight.describe = describe_variant;
	flight_join(&j->flight, w);
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
