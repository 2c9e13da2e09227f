/*
 * upstream_layout: an OCI image layout directory as an upstream (image-spec
 * image-layout.md).  Everything is a small file or an open(): the work is
 * done in one go, on the loop's next turn.
 */
#include <event2/event_struct.h>
#include <string.h>

#include "upstream.h"
#include "winnow/auto.h"
#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/oci_layout.h"
#include "winnow/ref.h"

struct layout {
	struct upstream upstream; /* first */
	char *dir;
};

struct layout_request {
	struct upstream_request request; /* first */
	struct event turn;
	char *repository;
	char *reference; /* of a manifest; NULL: this is for a blob */
	upstream_manifest_cb manifest_cb;
	void *arg;
	upstream_list_cb list_cb; /* or NULL: this is for no list */
	bool lists_tags;
	struct digest digest; /* of a blob */
	uint64_t size;
	struct upstream_blob_callbacks blob_cb;
	bool done; /* the callback has begun */
};

static void
layout_request_free(struct layout_request *r)
{
	event_del(&r->turn);
	free(r->repository);
	free(r->reference);
	free(r);
}

/*
 * The layout that holds a repository: its own directory below the
 * upstream's, else the upstream's.  The caller frees it.
 */
static int
find_layout(
    const struct layout *l, const char *repository, char **out, struct err *e)
{
	auto_free char *own = NULL;

	if (!ref_is_repository(repository))
		return err_set(
		    e, ERR_NOT_FOUND, "the name is not a repository's");
	own = mem_printf("%s/%s", l->dir, repository);
	if (oci_layout_is_one(own))
		*out = steal(&own);
	else if (oci_layout_is_one(l->dir))
		*out = mem_strdup(l->dir);
	else
		return err_set(e, ERR_NOT_FOUND,
		    "no image layout: neither %s nor %s has an oci-layout file",
		    own, l->dir);
	return 0;
}

/* Looks the request's tag up in index.json; the caller frees *media_type. */
static int
resolve_tag(const struct layout_request *r, const char *dir,
    struct digest *digest, char **media_type, struct err *e)
{
	auto_free char *name = mem_printf("%s:%s", r->repository, r->reference);
	auto_free char *full =
	    mem_printf("%s/%s", r->request.upstream->host, name);
	const struct oci_layout_name want = {
	    .tag = r->reference, .name = name, .full_name = full};

	return oci_layout_find(dir, &want, digest, media_type, e);
}

/* Fills m->digest, m->media_type and m->data for the request. */
static int
read_manifest(const struct layout_request *r, const char *dir,
    struct upstream_manifest *m, struct err *e)
{
	if (strchr(r->reference, ':') == NULL) {
		if (resolve_tag(r, dir, &m->digest, &m->media_type, e) == -1)
			return -1;
	} else if (digest_parse(r->reference, &m->digest, e) == -1) {
		return -1;
	}
	if (oci_layout_read_blob(dir, &m->digest, LIMIT_MANIFEST_SIZE, &m->data,
		&m->len, e) == -1)
		return -1;
	if (m->media_type == NULL)
		return upstream_guess_media_type(
		    m->data, m->len, &m->media_type, e);
	return 0;
}

/*
 * Gives an error its context.  A layout that cannot be read or understood is
 * an upstream that misbehaves.
 */
static void
describe_failure(const struct layout_request *r, const char *separator,
    const char *reference, struct err *e)
{
	if (e->code == ERR_SYSTEM || e->code == ERR_INVALID)
		e->code = ERR_UPSTREAM;
	err_wrap(e, "%s: %s%s%s", r->request.upstream->host, r->repository,
	    separator, reference);
}

/* Ends a request for a manifest. */
static void
finish_manifest(struct layout_request *r)
{
	const struct layout *l = (const struct layout *)r->request.upstream;
	struct upstream_manifest m = {.data = NULL};
	auto_free char *dir = NULL;
	struct err e;

	if (find_layout(l, r->repository, &dir, &e) == -1 ||
	    read_manifest(r, dir, &m, &e) == -1) {
		describe_failure(r,
		    strchr(r->reference, ':') == NULL ? ":" : "@", r->reference,
		    &e);
		upstream_note(r->request.upstream, &e);
		r->manifest_cb(r->arg, NULL, &e);
	} else {
		upstream_note(r->request.upstream, NULL);
		r->manifest_cb(r->arg, &m, NULL);
	}
	free(m.media_type);
	free(m.data);
}

/* Lists what index.json names; layouts list no referrers. */
static int
list_tags(const struct layout_request *r, json_t *tags, struct err *e)
{
	const struct layout *l = (const struct layout *)r->request.upstream;
	auto_free char *name = mem_printf("%s:", r->repository);
	auto_free char *full =
	    mem_printf("%s/%s", r->request.upstream->host, name);
	const struct oci_layout_name want = {.name = name, .full_name = full};
	auto_free char *dir = NULL;

	if (find_layout(l, r->repository, &dir, e) == -1)
		return -1;
	return oci_layout_list_tags(dir, &want, tags, e);
}

/* Ends a request for a list. */
static void
finish_list(struct layout_request *r)
{
	auto_json json_t *items = json_array();
	struct err e;

	if (r->lists_tags && list_tags(r, items, &e) == -1) {
		describe_failure(r, ": ", "list of tags", &e);
		r->list_cb(r->arg, NULL, &e);
	} else {
		r->list_cb(r->arg, items, NULL);
	}
}

/* Opens the request's blob and compares its size. */
static int
find_blob(const struct layout_request *r, int *out, struct err *e)
{
	const struct layout *l = (const struct layout *)r->request.upstream;
	auto_free char *dir = NULL;
	auto_fd int fd = -1;
	uint64_t size;

	if (find_layout(l, r->repository, &dir, e) == -1 ||
	    oci_layout_open_blob(dir, &r->digest, &size, &fd, e) == -1)
		return -1;
	if (size != r->size)
		return err_set(e, ERR_DIGEST,
		    "the file in %s/blobs has %llu bytes, the descriptor says "
		    "%llu",
		    dir, (unsigned long long)size, (unsigned long long)r->size);
	*out = steal_fd(&fd);
	return 0;
}

/* Ends a request for a blob. */
static void
finish_blob(struct layout_request *r)
{
	char text[DIGEST_TEXT];
	auto_fd int fd = -1;
	struct err e;

	if (find_blob(r, &fd, &e) == -1) {
		describe_failure(r, "@", digest_format(&r->digest, text), &e);
		upstream_note(r->request.upstream, &e);
		r->blob_cb.on_done(r->blob_cb.arg, -1, &e);
	} else {
		upstream_note(r->request.upstream, NULL);
		r->blob_cb.on_done(r->blob_cb.arg, fd, NULL);
	}
}

static void
layout_turn(evutil_socket_t fd, short what, void *arg)
{
	struct layout_request *r = arg;

	(void)fd;
	(void)what;
	r->done = true;
	if (r->list_cb != NULL)
		finish_list(r);
	else if (r->reference != NULL)
		finish_manifest(r);
	else
		finish_blob(r);
	layout_request_free(r);
}

/* A new request that is answered on the loop's next turn. */
static struct layout_request *
layout_request_new(struct upstream *u, const char *repository)
{
	struct layout_request *r = mem_zalloc(1, sizeof(*r));

	r->request.upstream = u;
	r->repository = mem_strdup(repository);
	event_assign(&r->turn, u->base, -1, 0, layout_turn, r);
	event_active(&r->turn, EV_TIMEOUT, 0);
	return r;
}

static struct upstream_request *
layout_get_manifest(struct upstream *u, const char *repository,
    const char *reference, upstream_manifest_cb cb, void *arg)
{
	struct layout_request *r = layout_request_new(u, repository);

	r->reference = mem_strdup(reference);
	r->manifest_cb = cb;
	r->arg = arg;
	return &r->request;
}

static struct upstream_request *
layout_get_blob(struct upstream *u, const char *repository,
    const struct digest *digest, uint64_t size, int tmp_fd,
    const struct upstream_blob_callbacks *cb)
{
	struct layout_request *r = layout_request_new(u, repository);

	(void)tmp_fd;
	r->digest = *digest;
	r->size = size;
	r->blob_cb = *cb;
	return &r->request;
}

static struct upstream_request *
layout_list(struct upstream *u, const char *repository,
    const struct digest *subject, upstream_list_cb cb, void *arg)
{
	struct layout_request *r = layout_request_new(u, repository);

	r->list_cb = cb;
	r->lists_tags = subject == NULL;
	r->arg = arg;
	return &r->request;
}

static void
layout_cancel(struct upstream_request *request)
{
	struct layout_request *r = (struct layout_request *)request;

	if (!r->done)
		layout_request_free(r);
}

static void
layout_free(struct upstream *u)
{
	struct layout *l = (struct layout *)u;

	free(l->upstream.host);
	free(l->dir);
	free(l);
}

/* A manifest is as cheap to read as to ask about: head is get_manifest. */
static const struct upstream_ops layout_ops = {
    .head = layout_get_manifest,
    .get_manifest = layout_get_manifest,
    .get_blob = layout_get_blob,
    .list = layout_list,
    .cancel = layout_cancel,
    .free = layout_free,
};

int
upstream_layout_new(struct event_base *base, const struct config_upstream *cu,
    struct upstream **out, struct err *e)
{
	const char *dir = cu->url + strlen("oci:");
	struct layout *l;

	if (*dir == '\0')
		return err_set(e, ERR_INVALID,
		    "upstream %s: the URL oci: names no directory", cu->host);
	l = mem_zalloc(1, sizeof(*l));
	l->upstream.ops = &layout_ops;
	l->upstream.base = base;
	l->upstream.host = mem_strdup(cu->host);
	l->dir = mem_strdup(dir);
	*out = &l->upstream;
	return 0;
}
