#include "index_walk.h"

#include <stdlib.h>
#include <string.h>

#include "winnow/auto.h"
#include "winnow/fsutil.h"
#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/log.h"
#include "winnow/mem.h"

/* Indexes in one index; nobody is known to nest more than two. */
#define INDEXES_MAX 32
/* Entries whose configs are fetched to know their platforms. */
#define UNNAMED_MAX 16

struct level {
	const struct oci_manifest *manifest;
	struct oci_manifest *owned; /* the same, but for the first */
	unsigned depth;
};

struct index_image {
	const struct oci_descriptor *descriptor; /* as its index has it */
	bool has_platform;
	struct oci_platform platform;
};

enum walk_state {
	WALK_INDEXES, /* reads the indexes in the index */
	WALK_MANIFESTS, /* the manifests of images without a platform */
	WALK_CONFIGS, /* and the config of the one that is current */
	WALK_DONE
};

struct index_walk {
	struct job_env *env;
	struct source source;
	enum walk_state state;
	struct level levels[INDEXES_MAX];
	size_t level_count;
	size_t level, entry; /* WALK_INDEXES: the entry that is current */
	struct index_image *images;
	size_t image_count;
	size_t image; /* WALK_MANIFESTS, WALK_CONFIGS: current */
	size_t unnamed;
	struct oci_descriptor config; /* WALK_CONFIGS; only digest and size */
	struct flight_waiter waiter;
	struct event *turn;
	struct err error;
	void (*done)(void *arg, const struct err *e);
	void *arg;
};

static void walk(struct index_walk *w);

void
index_walk_free(struct index_walk *w)
{
	size_t i;

	if (w == NULL)
		return;
	flight_leave(&w->waiter);
	/* The images' descriptors stand in the manifests. */
	for (i = 0; i < w->image_count; i++)
		if (!w->images[i].descriptor->has_platform)
			oci_platform_clear(&w->images[i].platform);
	for (i = 1; i < w->level_count; i++)
		oci_manifest_free(w->levels[i].owned);
	free(w->images);
	event_free(w->turn);
	free(w);
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct index_walk *w = arg;

	(void)fd;
	(void)what;
	if (w->state != WALK_DONE)
		walk(w);
	else
		w->done(w->arg, w->error.code == ERR_NONE ? NULL : &w->error);
}

static void
finish(struct index_walk *w)
{
	w->state = WALK_DONE;
	event_active(w->turn, EV_TIMEOUT, 0);
}

static void
fail(struct index_walk *w, const struct err *e)
{
	w->error = *e;
	finish(w);
}

/* What upstream lacks is no image of it. */
static void
note_missing(const struct index_walk *w, const char *what,
    const struct digest *digest, const struct err *e)
{
	char text[DIGEST_TEXT];

	log_event(LOG_LEVEL_WARN, "index.sparse", "id", w->waiter.asker,
	    "repository", w->source.repository, "host", w->source.host, "what",
	    what, "digest", digest_format(digest, text), "error", e->message,
	    NULL);
}

static struct oci_manifest *
read_manifest(
    const struct index_walk *w, const struct digest *digest, struct err *e)
{
	struct oci_manifest *m = NULL;
	auto_free char *data = NULL;
	size_t len;

	if (source_load_manifest(w->env, digest, &data, &len, &m, e) == -1)
		return NULL;
	return m;
}

static bool
is_index_type(const char *media_type)
{
	return strcmp(media_type, OCI_TYPE_INDEX) == 0 ||
	    strcmp(media_type, DOCKER_TYPE_LIST) == 0;
}

/* Adds an index whose bytes are in the store. */
static int
add_level(struct index_walk *w, const struct digest *digest, struct err *e)
{
	unsigned depth = w->levels[w->level].depth + 1;
	struct oci_manifest *m;

	if (depth > LIMIT_INDEX_DEPTH || w->level_count == INDEXES_MAX)
		return err_set(e, ERR_LIMIT,
		    "the index holds more than %d indexes, or more than %d in "
		    "each other",
		    INDEXES_MAX, LIMIT_INDEX_DEPTH);
	m = read_manifest(w, digest, e);
	if (m == NULL)
		return err_wrap(e, "an index inside the index");
	if (m->kind != OCI_INDEX) {
		oci_manifest_free(m);
		return err_set(
		    e, ERR_INVALID, "an index inside the index is none");
	}
	w->levels[w->level_count++] = (struct level){m, m, depth};
	return 0;
}

static void
add_image(struct index_walk *w, const struct oci_descriptor *d)
{
	struct index_image *i = &w->images[w->image_count++];

	i->descriptor = d;
	i->has_platform = d->has_platform;
	if (d->has_platform)
		i->platform = d->platform;
}

/* Every entry that is an image, now that all indexes are read. */
static void
list_images(struct index_walk *w)
{
	size_t total = 0, i, k;

	for (i = 0; i < w->level_count; i++)
		total += w->levels[i].manifest->manifest_count;
	w->images = mem_zalloc(total + 1, sizeof(*w->images));
	for (i = 0; i < w->level_count; i++) {
		const struct oci_manifest *m = w->levels[i].manifest;

		for (k = 0; k < m->manifest_count; k++)
			if (!m->manifests[k].attestation &&
			    !is_index_type(m->manifests[k].media_type))
				add_image(w, &m->manifests[k]);
	}
}

static void
on_index(void *arg, const struct err *e)
{
	struct index_walk *w = arg;
	const struct digest *digest =
	    &w->levels[w->level].manifest->manifests[w->entry].digest;
	struct err own;

	if (e != NULL && e->code == ERR_NOT_FOUND) {
		note_missing(w, "index", digest, e);
	} else if (e != NULL) {
		fail(w, e);
		return;
	} else if (add_level(w, digest, &own) == -1) {
		fail(w, &own);
		return;
	}
	w->entry++;
	event_active(w->turn, EV_TIMEOUT, 0);
}

/* Fetches the next index in the indexes; at the end lists the images. */
static void
walk_indexes(struct index_walk *w)
{
	for (; w->level < w->level_count; w->level++, w->entry = 0) {
		const struct oci_manifest *m = w->levels[w->level].manifest;

		for (; w->entry < m->manifest_count; w->entry++) {
			const struct oci_descriptor *d =
			    &m->manifests[w->entry];

			if (d->attestation || !is_index_type(d->media_type))
				continue;
			w->waiter.done = on_index;
			if (store_has_blob(w->env->store, &d->digest, NULL))
				on_index(w, NULL);
			else
				source_get_manifest(
				    w->env, &w->source, &d->digest, &w->waiter);
			return;
		}
	}
	list_images(w);
	w->state = WALK_MANIFESTS;
	walk(w);
}

/* Goes on to the next image without a platform. */
static void
next_image(struct index_walk *w)
{
	w->image++;
	w->state = WALK_MANIFESTS;
	event_active(w->turn, EV_TIMEOUT, 0);
}

static int
read_platform(
    const struct index_walk *w, struct oci_platform *out, struct err *e)
{
	const char *os, *architecture, *variant;
	auto_json json_t *config = NULL;
	auto_free char *data = NULL;
	auto_fd int fd = -1;
	size_t len;

	if (store_open_blob(w->env->store, &w->config.digest, &fd, e) == -1 ||
	    fsutil_read_fd(
		fd, "the config", LIMIT_CONFIG_SIZE, &data, &len, e) == -1 ||
	    json_parse_object(data, len, "the config", &config, e) == -1 ||
	    json_get_string(config, "os", JSON_REQUIRED, &os, e) == -1 ||
	    json_get_string(config, "architecture", JSON_REQUIRED,
		&architecture, e) == -1 ||
	    json_get_string(config, "variant", JSON_OPTIONAL, &variant, e) ==
		-1)
		return -1;
	out->os = mem_strdup(os);
	out->architecture = mem_strdup(architecture);
	out->variant = mem_strdup_optional(variant);
	return 0;
}

/* The config of the current image is in the store, or will not be. */
static void
on_config(void *arg, const struct err *e)
{
	struct index_walk *w = arg;
	struct index_image *i = &w->images[w->image];
	struct err own;

	if (e == NULL && read_platform(w, &i->platform, &own) == -1)
		e = &own;
	if (e == NULL)
		i->has_platform = true;
	else
		note_missing(w, "config", &w->config.digest, e);
	next_image(w);
}

/* The manifest of the current image is in the store, or will not be. */
static void
on_manifest(void *arg, const struct err *e)
{
	struct index_walk *w = arg;
	const struct digest *digest = &w->images[w->image].descriptor->digest;
	auto_oci_manifest struct oci_manifest *m = NULL;
	struct err own;

	if (e == NULL) {
		m = read_manifest(w, digest, &own);
		e = m == NULL ? &own : NULL;
	}
	if (e != NULL)
		note_missing(w, "manifest", digest, e);
	if (e != NULL || m->kind != OCI_IMAGE) {
		next_image(w);
		return;
	}
	w->config = (struct oci_descriptor){
	    .digest = m->config.digest, .size = m->config.size};
	w->state = WALK_CONFIGS;
	event_active(w->turn, EV_TIMEOUT, 0);
}

static void
walk_manifests(struct index_walk *w)
{
	const struct digest *digest;

	while (w->image < w->image_count && w->images[w->image].has_platform)
		w->image++;
	if (w->image == w->image_count || w->unnamed == UNNAMED_MAX) {
		finish(w);
		return;
	}
	w->unnamed++;
	digest = &w->images[w->image].descriptor->digest;
	w->waiter.done = on_manifest;
	if (store_has_blob(w->env->store, digest, NULL))
		on_manifest(w, NULL);
	else
		source_get_manifest(w->env, &w->source, digest, &w->waiter);
}

static void
walk_configs(struct index_walk *w)
{
	w->waiter.done = on_config;
	if (store_has_blob(w->env->store, &w->config.digest, NULL))
		on_config(w, NULL);
	else
		source_get_blob(w->env, &w->source, &w->config.digest,
		    w->config.size, &w->waiter);
}

static void
walk(struct index_walk *w)
{
	switch (w->state) {
	case WALK_INDEXES:
		walk_indexes(w);
		break;
	case WALK_MANIFESTS:
		walk_manifests(w);
		break;
	case WALK_CONFIGS:
		walk_configs(w);
		break;
	case WALK_DONE:
		break;
	}
}

struct index_walk *
index_walk_start(struct job_env *env, const struct source *s,
    const struct oci_manifest *top,
    void (*done)(void *arg, const struct err *e), void *arg)
{
	struct index_walk *w = mem_zalloc(1, sizeof(*w));

	w->source = *s;
	w->env = env;
	w->levels[0].manifest = top;
	w->level_count = 1;
	w->waiter.arg = w;
	w->done = done;
	w->arg = arg;
	w->turn = evtimer_new(env->base, on_turn, w);
	event_active(w->turn, EV_TIMEOUT, 0);
	return w;
}

void
index_walk_set_asker(struct index_walk *w, const char *asker)
{
	w->waiter.asker = asker;
}

const struct oci_descriptor *
index_walk_find(const struct index_walk *w, const struct oci_platform *want)
{
	size_t i;

	for (i = 0; i < w->image_count; i++)
		if (w->images[i].has_platform &&
		    oci_platform_matches(&w->images[i].platform, want))
			return w->images[i].descriptor;
	return NULL;
}

void
index_walk_list_platforms(const struct index_walk *w, struct strbuf *out)
{
	size_t i;

	for (i = 0; i < w->image_count; i++) {
		const struct oci_platform *p = &w->images[i].platform;

		if (!w->images[i].has_platform)
			continue;
		strbuf_add_format(out, "%s%s/%s%s%s", out->len > 0 ? ", " : "",
		    p->os, p->architecture, p->variant == NULL ? "" : "/",
		    p->variant == NULL ? "" : p->variant);
	}
}
