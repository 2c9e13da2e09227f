#include "upstream.h"

#include <string.h>
#include <time.h>

#include "winnow/clock.h"
#include "winnow/json.h"
#include "winnow/mem.h"
#include "winnow/num.h"
#include "winnow/oci.h"

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
	int status;

	if (has_prefix(cu->url, "oci:"))
		status = upstream_layout_new(base, cu, out, e);
	else if (has_prefix(cu->url, "https://") ||
	    has_prefix(cu->url, "http://"))
		status =
		    upstream_registry_new(base, client, config, cu, out, e);
	else
		status = err_set(e, ERR_INVALID,
		    "upstream %s: the URL %s starts with none of https://, "
		    "http:// and oci:",
		    cu->host, cu->url);
	if (status == 0)
		(*out)->state.rate_limit = (*out)->state.rate_remaining = -1;
	return status;
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

struct upstream_request *
upstream_list(struct upstream *u, const char *repository,
    const struct digest *subject, upstream_list_cb cb, void *arg)
{
	return u->ops->list(u, repository, subject, cb, arg);
}

void
upstream_request_cancel(struct upstream_request *r)
{
	if (r != NULL)
		r->upstream->ops->cancel(r);
}

int
upstream_guess_media_type(
    const char *text, size_t len, char **out, struct err *e)
{
	auto_json json_t *json = NULL;
	const char *type;

	if (json_parse_object(text, len, "the manifest", &json, e) == -1 ||
	    json_get_string(json, "mediaType", JSON_OPTIONAL, &type, e) == -1) {
		e->code = ERR_UPSTREAM;
		return -1;
	}
	if (type == NULL)
		type = json_object_get(json, "manifests") != NULL
		    ? OCI_TYPE_INDEX
		    : OCI_TYPE_MANIFEST;
	*out = mem_strdup(type);
	return 0;
}

void
upstream_note(struct upstream *u, const struct err *e)
{
	struct upstream_state *s = &u->state;

	s->requests++;
	if (e != NULL)
		s->errors[e->code]++;
	if (e == NULL || e->code == ERR_NOT_FOUND) {
		s->succeeded = (int64_t)time(NULL);
		return;
	}
	s->failed = (int64_t)time(NULL);
	s->error = *e;
}

void
upstream_note_retry(struct upstream *u, uint64_t seconds)
{
	uint64_t at_ms = clock_now_ms() + seconds * 1000;

	if (at_ms > u->state.retry_at_ms)
		u->state.retry_at_ms = at_ms;
}

uint64_t
upstream_retry_after(const struct upstream *u)
{
	uint64_t now = clock_now_ms();

	if (u->state.retry_at_ms <= now)
		return 0;
	return (u->state.retry_at_ms - now + 999) / 1000;
}

/* "100;w=21600" is 100 in six hours. */
static void
read_rate(const struct http_response *r, const char *name, int64_t *out)
{
	const char *value = http_response_header(r, name);
	auto_free char *digits = NULL;
	uint64_t number;
	struct err ignored;

	if (value == NULL)
		return;
	digits = mem_strndup(value, strspn(value, "0123456789"));
	if (num_parse(digits, 0, INT64_MAX, name, &number, &ignored) == 0)
		*out = (int64_t)number;
}

void
upstream_note_rate(struct upstream *u, const struct http_response *r)
{
	read_rate(r, "ratelimit-limit", &u->state.rate_limit);
	read_rate(r, "ratelimit-remaining", &u->state.rate_remaining);
}
