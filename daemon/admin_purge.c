/*
 * purge: what the cache has of an image goes, and its tags are asked for anew.
 * What makes digests reachable stays, so that clients in the middle of a pull
 * and pinned digests still get their bytes: they are made again.
 */
#include <stdlib.h>
#include <string.h>

#include "admin_private.h"
#include "misses.h"
#include "names.h"
#include "reference.h"
#include "winnow/auto.h"
#include "winnow/log.h"
#include "winnow/mem.h"
#include "winnow/num.h"

/* Removes the blobs and says how many. */
static int
remove_blobs(struct admin *a, const struct store_purge *p, json_t **result,
    struct err *e)
{
	struct job_env *env = &a->core.context->env;
	auto_free struct store_blob *blobs = NULL;
	struct store_usage before, after;
	char number[NUM_TEXT], bytes[32];
	size_t count;

	store_flush_uses(env->store);
	store_list_purged(env->store, p, gc_in_use_since(env), &blobs, &count);
	store_get_usage(env->store, &before);
	if (store_evict(env->store, blobs, count, e) == -1)
		return -1;
	store_get_usage(env->store, &after);
	misses_forget_all(env->misses);
	servers_forget(a->core.servers);
	log_event(LOG_LEVEL_INFO, "store.purged", "scope",
	    p->scope == NULL ? "everything" : p->scope, "blobs",
	    num_format(count, number), "freed",
	    num_format_size(before.bytes - after.bytes, bytes), NULL);
	*result = json_pack("{s:I, s:I}", "blobs", (json_int_t)count, "bytes",
	    (json_int_t)(before.bytes - after.bytes));
	return 0;
}

/* `first` is a tag, a digest, or NULL for the whole repository. */
static int
purge_target(struct admin *a, const struct names_target *t, const char *first,
    json_t **result, struct err *e)
{
	struct store *store = a->core.context->env.store;
	auto_free char *source = mem_printf("%s/%s", t->host, t->repository);
	struct store_purge p = {.scope = t->scope};
	struct store_tag row;
	struct digest digest;

	if (first != NULL && strchr(first, ':') != NULL) {
		if (digest_parse(first, &digest, e) == -1)
			return -1;
		p.digest = &digest;
	} else if (first != NULL) {
		if (!store_get_tag(store, source, first, &row))
			return err_set(e, ERR_NOT_FOUND,
			    "the cache knows no %s:%s", source, first);
		if (store_drop_tags(store, source, first, e) == -1)
			return -1;
		p.digest = &row.source;
		p.variants = t->mode == NAMES_STRIP;
	} else if (store_drop_tags(store, source, NULL, e) == -1) {
		return -1;
	}
	return remove_blobs(a, &p, result, e);
}

int
admin_purge(
    struct admin *a, const char *reference, json_t **result, struct err *e)
{
	const struct context *context = a->core.context;
	auto_free char *repository = NULL, *first = NULL;
	struct store_purge all = {.scope = NULL};
	auto_names_target struct names_target t = {.mode = NAMES_PASS};
	const char *tag;

	if (reference == NULL) {
		if (store_drop_tags(context->env.store, NULL, NULL, e) == -1)
			return -1;
		return remove_blobs(a, &all, result, e);
	}
	if (reference_split(reference, &repository, &first, e) == -1)
		return -1;
	tag = first != NULL && strchr(first, ':') == NULL ? first : NULL;
	if (names_find(context->config, context->policies, repository, NULL,
		tag, &t, e) == -1)
		return -1;
	return purge_target(a, &t, first, result, e);
}
