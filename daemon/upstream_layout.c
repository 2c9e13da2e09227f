/*
 * upstream_layout: an OCI image layout directory as an upstream (image-spec
 * image-layout.md).  Everything is a small file or an open(): the work is
 * done in one go, on the loop's next turn.
 */
#include <errno.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "upstream.h"
#include "winnow/auto.h"
#include "winnow/fsutil.h"
#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/oci.h"
#include "winnow/ref.h"

#define ANNOTATION_REF "org.opencontainers.image.ref.name"
#define ANNOTATION_CONTAINERD "io.containerd.image.name"

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

/* Opens `path`, which must be a regular file; *size is its size. */
static int
open_regular(const char *path, uint64_t *size, int *out, struct err *e)
{
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd == -1 && (errno == ENOENT || errno == ENOTDIR))
		return err_set(e, ERR_NOT_FOUND, "%s does not exist", path);
	if (fd == -1)
		return err_set_errno(e, "cannot open %s", path);
	if (fsutil_size(fd, size, e) == -1)
		return err_wrap(e, "%s", path);
	*out = steal_fd(&fd);
	return 0;
}

/* True when `dir` holds an image layout. */
static bool
is_layout(const char *dir)
{
	auto_free char *path = mem_printf("%s/oci-layout", dir);

	return access(path, F_OK) == 0;
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
	if (is_layout(own))
		*out = steal(&own);
	else if (is_layout(l->dir))
		*out = mem_strdup(l->dir);
	else
		return err_set(e, ERR_NOT_FOUND,
		    "no image layout: neither %s nor %s has an oci-layout file",
		    own, l->dir);
	return 0;
}

static int
open_blob(const char *dir, const struct digest *digest, uint64_t *size,
    int *out, struct err *e)
{
	char hex[DIGEST_TEXT];
	auto_free char *path = mem_printf(
	    "%s/blobs/sha256/%s", dir, digest_format_hex(digest, hex));

	return open_regular(path, size, out, e);
}

/*
 * How well an entry of index.json with these annotations answers to `tag`
 * and `names` ("REPOSITORY:TAG", "HOST/REPOSITORY:TAG"): 0 not at all, 2
 * better than 1.  A full name that containerd or docker wrote decides alone:
 * the bare tag beside it may be that of any repository.
 */
static int
match_annotations(const json_t *annotations, const char *tag, char *names[2])
{
	const char *full = json_string_value(
	    json_object_get(annotations, ANNOTATION_CONTAINERD));
	const char *name =
	    json_string_value(json_object_get(annotations, ANNOTATION_REF));

	if (full != NULL)
		return strcmp(full, names[1]) == 0 ? 2 : 0;
	if (name == NULL)
		return 0;
	if (strcmp(name, names[0]) == 0 || strcmp(name, names[1]) == 0)
		return 2;
	return strcmp(name, tag) == 0 ? 1 : 0;
}

/* The entry of index.json that answers to the request's tag, or NULL. */
static const json_t *
find_entry(const struct layout_request *r, const json_t *manifests)
{
	auto_free char *name = mem_printf("%s:%s", r->repository, r->reference);
	auto_free char *full =
	    mem_printf("%s/%s", r->request.upstream->host, name);
	char *names[2] = {name, full};
	const json_t *best = NULL;
	int best_match = 0;
	size_t i;

	for (i = 0; i < json_array_size(manifests); i++) {
		const json_t *entry = json_array_get(manifests, i);
		int match = match_annotations(
		    json_object_get(entry, "annotations"), r->reference, names);

		if (match > best_match) {
			best = entry;
			best_match = match;
		}
	}
	return best;
}

/* Looks the request's tag up in index.json; the caller frees *media_type. */
static int
resolve_tag(const struct layout_request *r, const char *dir,
    struct digest *digest, char **media_type, struct err *e)
{
	auto_free char *path = mem_printf("%s/index.json", dir);
	auto_free char *text = NULL;
	auto_json json_t *index = NULL;
	const json_t *entry;
	json_t *manifests;
	const char *type, *value;
	size_t len;

	if (fsutil_read_file(
		AT_FDCWD, path, LIMIT_MANIFEST_SIZE, &text, &len, e) == -1 ||
	    json_parse_object(text, len, path, &index, e) == -1)
		return -1;
	if (json_get_array(index, "manifests", JSON_REQUIRED, &manifests, e) ==
	    -1)
		return err_wrap(e, "%s", path);
	entry = find_entry(r, manifests);
	if (entry == NULL)
		return err_set(
		    e, ERR_NOT_FOUND, "%s does not name this tag", path);
	if (json_get_string(entry, "mediaType", JSON_REQUIRED, &type, e) ==
		-1 ||
	    json_get_string(entry, "digest", JSON_REQUIRED, &value, e) == -1 ||
	    digest_parse(value, digest, e) == -1)
		return err_wrap(e, "%s", path);
	*media_type = mem_strdup(type);
	return 0;
}

/* Fills m->digest, m->media_type and m->data for the request. */
static int
read_manifest(const struct layout_request *r, const char *dir,
    struct upstream_manifest *m, struct err *e)
{
	auto_fd int fd = -1;
	struct digest wanted;
	uint64_t size;

	if (strchr(r->reference, ':') == NULL) {
		if (resolve_tag(r, dir, &wanted, &m->media_type, e) == -1)
			return -1;
	} else if (digest_parse(r->reference, &wanted, e) == -1) {
		return -1;
	}
	if (open_blob(dir, &wanted, &size, &fd, e) == -1 ||
	    fsutil_read_fd(fd, "the manifest", LIMIT_MANIFEST_SIZE, &m->data,
		&m->len, e) == -1)
		return -1;
	digest_of(m->data, m->len, &m->digest);
	if (!digest_equal(&m->digest, &wanted)) {
		char text[DIGEST_TEXT];

		return err_set(e, ERR_DIGEST,
		    "the bytes in %s/blobs differ from their digest %s", dir,
		    digest_format(&wanted, text));
	}
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

/* Opens the request's blob and compares its size. */
static int
find_blob(const struct layout_request *r, int *out, struct err *e)
{
	const struct layout *l = (const struct layout *)r->request.upstream;
	auto_free char *dir = NULL;
	auto_fd int fd = -1;
	uint64_t size;

	if (find_layout(l, r->repository, &dir, e) == -1 ||
	    open_blob(dir, &r->digest, &size, &fd, e) == -1)
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
	if (r->reference != NULL)
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
