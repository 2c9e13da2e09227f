#include "upstream.h"

#include <string.h>

static bool
has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

int
upstream_new(struct event_base *base, struct http_client *client,
    const struct config *config, const struct config_upstream *cu,
    struct upstream **out, struct err *e)
{
	if (has_prefix(cu->url, "oci:"))
		return upstream_layout_new(base, cu, out, e);
	if (has_prefix(cu->url, "https://") || has_prefix(cu->url, "http://"))
		return upstream_registry_new(base, client, config, cu, out, e);
	return err_set(e, ERR_INVALID,
	    "upstream %s: the URL %s starts with none of https://, http:// and "
	    "oci:",
	    cu->host, cu->url);
}

void
upstream_free(struct upstream *u)
{
	if (u != NULL)
		u->ops->free(u);
}

struct upstream_request *
upstream_head(struct upstream *u, const char *repository, const char *tag,
    upstream_manifest_cb cb, void *arg)
{
	return u->ops->head(u, repository, tag, cb, arg);
}

struct upstream_request *
upstream_get_manifest(struct upstream *u, const char *repository,
    const char *reference, upstream_manifest_cb cb, void *arg)
{
	return u->ops->get_manifest(u, repository, reference, cb, arg);
}

struct upstream_request *
upstream_get_blob(struct upstream *u, const char *repository,
    const struct digest *digest, uint64_t size, int tmp_fd,
    const struct upstream_blob_callbacks *cb)
{
	return u->ops->get_blob(u, repository, digest, size, tmp_fd, cb);
}

void
upstream_request_cancel(struct upstream_request *r)
{
	if (r != NULL)
		r->upstream->ops->cancel(r);
}
