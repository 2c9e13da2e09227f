#include "variant_publish.h"

#include <stdio.h>
#include <string.h>

#include "winnow/image.h"
#include "winnow/mem.h"

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
	if (store_commit(env->store, e) == -1)
		return -1;
	store_note_use(env->store, digest);
	return 0;
}

/* Makes a rewritten image reachable. */
static void
publish_image(struct job_env *env, const struct variant_product *p,
    const struct variant_image *image)
{
	const struct image_result *r = image->result;
	struct store *store = env->store;
	struct store_manifest row;
	size_t i;

	put_manifest(env, p->scope, &r->manifest.digest, r->media_type,
	    r->manifest.size, &row);
	store_put_map(store, p->scope, &image->source, &r->manifest.digest);
	for (i = 0; i < r->blob_count; i++) {
		store_put_reach(
		    store, p->scope, &r->blobs[i].digest, r->blobs[i].size);
		store_put_holds(
		    store, &r->manifest.digest, &r->blobs[i].digest);
	}
	store_put_holds(store, &r->manifest.digest, &r->report.digest);
}

/* Writes the index over the images; *digest is its digest. */
static int
store_index(struct job_env *env, const struct variant_product *p,
    struct digest *digest, uint64_t *size, struct err *e)
{
	char source[DIGEST_TEXT];
	auto_free char *name = mem_printf("%s/%s@%s", p->host, p->repository,
	    digest_format(&p->recipe->source, source));
	struct image_base base = {name, p->recipe->source};
	auto_free struct image_child *children =
	    mem_zalloc(p->count, sizeof(*children));
	auto_free char *text = NULL;
	size_t len, i;

	for (i = 0; i < p->count; i++)
		children[i] = (struct image_child){.source = p->images[i].entry,
		    .digest = p->images[i].result->manifest.digest,
		    .size = p->images[i].result->manifest.size};
	if (image_index(
		p->manifest, children, p->count, &base, &text, &len, e) == -1)
		return -1;
	*size = len;
	return store_add_bytes(env->store, text, len, digest, e);
}

/* The recipe as the store remembers it: enough to build the variant again. */
static char *
format_recipe(const struct variant_product *p)
{
	auto_free struct digest *reports =
	    mem_zalloc(p->count, sizeof(*reports));
	size_t i;

	for (i = 0; i < p->count; i++)
		reports[i] = p->images[i].result->report.digest;
	return variant_recipe_format(
	    p->recipe, p->host, p->repository, reports, p->count);
}

int
variant_publish(
    struct job_env *env, const struct variant_product *p, struct err *e)
{
	const bool indexed = p->manifest->kind == OCI_INDEX;
	struct store *store = env->store;
	auto_free char *recipe = format_recipe(p);
	struct store_variant row = {.source = p->recipe->source,
	    .recipe = recipe,
	    .policy = p->recipe->policy};
	struct store_manifest index_row;
	uint64_t size = 0;
	size_t i;

	if (!indexed)
		row.digest = p->images[0].result->manifest.digest;
	else if (store_index(env, p, &row.digest, &size, e) == -1)
		return -1;
	store_begin(store);
	for (i = 0; i < p->count; i++)
		publish_image(env, p, &p->images[i]);
	if (indexed) {
		put_manifest(env, p->scope, &row.digest,
		    p->manifest->media_type, size, &index_row);
		store_put_map(store, p->scope, &p->recipe->source, &row.digest);
		for (i = 0; i < p->count; i++)
			store_put_holds(store, &row.digest,
			    &p->images[i].result->manifest.digest);
	}
	store_put_variant(store, &p->recipe->key, p->scope, &row);
	if (store_commit(store, e) == -1)
		return -1;
	store_note_use(store, &row.digest);
	return 0;
}
