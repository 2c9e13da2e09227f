#include "upstream_registry.h"

#include <stdlib.h>
#include <string.h>

#include "credential.h"
#include "misses.h"
#include "upstream_call.h"
#include "upstream_challenge.h"
#include "winnow/auto.h"
#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/oci.h"
#include "winnow/strbuf.h"

static const char *const accept_manifests[] = {
    "Accept: " OCI_TYPE_INDEX ", " OCI_TYPE_MANIFEST ", " DOCKER_TYPE_LIST
    ", " DOCKER_TYPE_MANIFEST,
    NULL};

struct manifest_request {
	struct registry_request base; /* first */
	char *repository;
	char *reference;
	bool head;
	upstream_manifest_cb cb;
	void *arg;
	struct upstream_call *call; /* NULL: the callback has begun */
	struct strbuf body;
};

static void
manifest_request_free(struct manifest_request *r)
{
	free(r->repository);
	free(r->reference);
	strbuf_clear(&r->body);
	free(r);
}

/* Calls back, with a manifest or an error, and frees the request. */
static void
manifest_finish(struct manifest_request *r, const struct upstream_manifest *m,
    const struct err *e)
{
	r->call = NULL;
	r->cb(r->arg, m, e);
	manifest_request_free(r);
}

/*
 * The media type in a response, without parameters, NULL when it is not one
 * of a manifest.  The caller frees it.
 */
static char *
media_type_of(const struct http_response *r)
{
	const char *value = http_response_header(r, "content-type");
	char *type;

	if (value == NULL || strncmp(value, "application/vnd.", 16) != 0)
		return NULL;
	type = mem_strndup(value, strcspn(value, "; \t"));
	return type;
}

/* The digest that a response claims; false without one that winnow reads. */
static bool
digest_of_response(const struct http_response *r, struct digest *out)
{
	const char *value = http_response_header(r, "docker-content-digest");
	struct err unused;

	return value != NULL && digest_parse(value, out, &unused) == 0;
}

/* Compares the bytes with what was asked for and what was claimed. */
static int
check_digest(const struct manifest_request *r,
    const struct http_response *response, const struct digest *found,
    struct err *e)
{
	char found_text[DIGEST_TEXT], claimed_text[DIGEST_TEXT];
	struct digest claimed;

	digest_format(found, found_text);
	if (strchr(r->reference, ':') != NULL &&
	    strcmp(found_text, r->reference) != 0)
		return err_set(e, ERR_DIGEST,
		    "the registry sent other bytes, of digest %s", found_text);
	if (digest_of_response(response, &claimed) &&
	    !digest_equal(&claimed, found))
		return err_set(e, ERR_DIGEST,
		    "the registry sent bytes of digest %s and called them %s",
		    found_text, digest_format(&claimed, claimed_text));
	return 0;
}

/* Fills *m from a complete response to GET; m->media_type is owned. */
static int
read_manifest(const struct manifest_request *r,
    const struct http_response *response, struct upstream_manifest *m,
    struct err *e)
{
	m->data = r->body.data;
	m->len = r->body.len;
	if (m->len == 0)
		return err_set(e, ERR_UPSTREAM, "the registry sent no bytes");
	digest_of(m->data, m->len, &m->digest);
	if (check_digest(r, response, &m->digest, e) == -1)
		return -1;
	m->media_type = media_type_of(response);
	if (m->media_type == NULL)
		return upstream_guess_media_type(
		    m->data, m->len, &m->media_type, e);
	return 0;
}

static int
on_manifest_data(void *arg, const void *data, size_t len, struct err *e)
{
	struct manifest_request *r = arg;

	strbuf_add(&r->body, data, len);
	if (r->body.overflow)
		return err_set(e, ERR_LIMIT,
		    "the manifest is larger than %u bytes",
		    LIMIT_MANIFEST_SIZE);
	return 0;
}

static void
on_get_done(
    void *arg, const struct http_response *response, const struct err *e)
{
	struct manifest_request *r = arg;
	struct upstream_manifest m = {.data = NULL};
	struct err failure;

	if (e == NULL && read_manifest(r, response, &m, &failure) == -1) {
		err_wrap(&failure, "%s: %s%s%s", r->base.request.upstream->host,
		    r->repository,
		    strchr(r->reference, ':') == NULL ? ":" : "@",
		    r->reference);
		e = &failure;
	}
	manifest_finish(r, e == NULL ? &m : NULL, e);
	free(m.media_type);
}

static void on_head_done(
    void *arg, const struct http_response *response, const struct err *e);

/* Asks for the manifest, or with HEAD about it. */
static void
manifest_call(struct manifest_request *r, bool head)
{
	struct registry *g = (struct registry *)r->base.request.upstream;
	const struct upstream_call_options o = {
	    .method = head ? "HEAD" : "GET",
	    .repository = r->repository,
	    .kind = "manifests",
	    .reference = r->reference,
	    .headers = accept_manifests,
	};
	const struct http_callbacks cb = {
	    .on_data = on_manifest_data,
	    .on_done = head ? on_head_done : on_get_done,
	    .arg = r,
	};

	r->call = upstream_call_start(g, &o, &cb);
}

/* Answers with the headers; where they do not say enough, GET does. */
static void
on_head_done(
    void *arg, const struct http_response *response, const struct err *e)
{
	struct manifest_request *r = arg;
	struct upstream_manifest m = {.data = NULL};

	if (e != NULL && response->status != 405 && response->status != 501) {
		manifest_finish(r, NULL, e);
		return;
	}
	if (e == NULL && digest_of_response(response, &m.digest))
		m.media_type = media_type_of(response);
	if (m.media_type == NULL) {
		manifest_call(r, false);
		return;
	}
	manifest_finish(r, &m, NULL);
	free(m.media_type);
}

static void
manifest_cancel(struct upstream_request *request)
{
	struct manifest_request *r = (struct manifest_request *)request;

	if (r->call == NULL)
		return;
	upstream_call_cancel(r->call);
	manifest_request_free(r);
}

static struct upstream_request *
manifest_request_start(struct upstream *u, const char *repository,
    const char *reference, upstream_manifest_cb cb, void *arg, bool head)
{
	struct manifest_request *r = mem_zalloc(1, sizeof(*r));

	r->base.request.upstream = u;
	r->base.cancel = manifest_cancel;
	r->repository = mem_strdup(repository);
	r->reference = mem_strdup(reference);
	r->cb = cb;
	r->arg = arg;
	strbuf_init(&r->body, LIMIT_MANIFEST_SIZE);
	manifest_call(r, head);
	return &r->base.request;
}

static struct upstream_request *
registry_head(struct upstream *u, const char *repository, const char *tag,
    upstream_manifest_cb cb, void *arg)
{
	return manifest_request_start(u, repository, tag, cb, arg, true);
}

static struct upstream_request *
registry_get_manifest(struct upstream *u, const char *repository,
    const char *reference, upstream_manifest_cb cb, void *arg)
{
	return manifest_request_start(u, repository, reference, cb, arg, false);
}

static void
registry_cancel(struct upstream_request *request)
{
	((struct registry_request *)request)->cancel(request);
}

struct upstream_auth *
registry_mirror_auth(struct registry *g, const char *url)
{
	struct upstream_auth_options o = {
	    .host = g->upstream.host, .access = g->access};
	auto_http_url struct http_url origin = {.scheme = NULL};
	auto_free char *base_url = NULL;
	struct registry_mirror *m;
	struct err unused;
	size_t i;

	if (http_url_parse(url, &origin, &unused) == -1)
		return NULL;
	for (i = 0; i < g->mirror_count; i++) {
		if (http_url_same_origin(&g->mirrors[i].origin, &origin))
			return g->mirrors[i].auth;
	}
	if (g->mirror_count == REGISTRY_MIRRORS_MAX)
		return NULL;
	base_url = mem_printf(
	    "%s://%s:%u", origin.scheme, origin.host, (unsigned)origin.port);
	o.base_url = base_url;
	m = &g->mirrors[g->mirror_count++];
	m->origin = origin;
	memset(&origin, 0, sizeof(origin));
	m->auth = upstream_auth_new(g->upstream.base, g->client, &o);
	return m->auth;
}

static void
registry_free(struct upstream *u)
{
	struct registry *g = (struct registry *)u;
	size_t i;

	for (i = 0; i < g->mirror_count; i++) {
		upstream_auth_free(g->mirrors[i].auth);
		http_url_clear(&g->mirrors[i].origin);
	}
	for (i = 0; i < g->endpoint_count; i++) {
		upstream_auth_free(g->endpoints[i].auth);
		free(g->endpoints[i].base_url);
	}
	free(g->endpoints);
	misses_free(g->held);
	credential_free(g->credential);
	http_access_clear(&g->access);
	free(g->upstream.host);
	free(g);
}

static const struct upstream_ops registry_ops = {
    .head = registry_head,
    .get_manifest = registry_get_manifest,
    .get_blob = registry_get_blob,
    .list = registry_list,
    .cancel = registry_cancel,
    .free = registry_free,
};

/*
 * Adds an address.  The password goes where a token server of the registry
 * could be, too: to its own host and domain; other fallbacks are asked
 * anonymously.
 */
static int
add_endpoint(struct registry *g, const char *text, struct err *e)
{
	struct registry_endpoint *p = &g->endpoints[g->endpoint_count];
	auto_http_url struct http_url url = {.scheme = NULL};
	struct upstream_auth_options o = {
	    .host = g->upstream.host, .access = g->access};
	size_t len = strlen(text);
	struct err unused;

	if (http_url_parse(text, &url, e) == -1)
		return err_wrap(e, "upstream %s: %s", g->upstream.host, text);
	while (len > 0 && text[len - 1] == '/')
		len--;
	p->base_url = mem_strndup(text, len);
	if (g->endpoint_count == 0 ||
	    challenge_check_realm(
		g->endpoints[0].base_url, p->base_url, &unused) == 0)
		o.credential = g->credential;
	o.base_url = p->base_url;
	p->auth = upstream_auth_new(g->upstream.base, g->client, &o);
	g->endpoint_count++;
	return 0;
}

int
upstream_registry_new(struct event_base *base, struct http_client *client,
    const struct config *config, const struct config_upstream *cu,
    struct upstream **out, struct err *e)
{
	struct http_access access = {cu->ca_file, cu->proxy,
	    config->upstream_connect_timeout_ms,
	    config->upstream_idle_timeout_ms};
	const struct credential_source source = {cu->host, cu->username,
	    cu->password_file, cu->docker_config, cu->credential_helper};
	struct registry *g = mem_zalloc(1, sizeof(*g));
	size_t i;
	int result;

	g->upstream.ops = &registry_ops;
	g->upstream.base = base;
	g->upstream.host = mem_strdup(cu->host);
	g->client = client;
	http_access_copy(&access, &g->access);
	g->credential = credential_new(base, &source);
	g->blobs_max =
	    config->upstream_connections > 0 ? config->upstream_connections : 1;
	TAILQ_INIT(&g->blobs_waiting);
	g->held = misses_new();
	g->endpoints =
	    mem_zalloc(1 + cu->fallback_count, sizeof(*g->endpoints));
	result = add_endpoint(g, cu->url, e);
	for (i = 0; i < cu->fallback_count && result == 0; i++)
		result = add_endpoint(g, cu->fallbacks[i], e);
	if (result == -1) {
		registry_free(&g->upstream);
		return -1;
	}
	*out = &g->upstream;
	return 0;
}
