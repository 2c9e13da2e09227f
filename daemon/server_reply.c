#include "server_reply.h"

#include <errno.h>
#include <event2/buffer.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "byte_range.h"
#include "server.h"
#include "server_stream.h"
#include "winnow/auto.h"
#include "winnow/fsutil.h"
#include "winnow/json.h"
#include "winnow/log.h"
#include "winnow/mem.h"
#include "winnow/num.h"
#include "winnow/oci.h"
#include "winnow/strbuf.h"

/* Without Retry-After containerd tries six times in a row. */
#define RETRY_AFTER_S 10
/* Clients learn it from whichever reply they see first. */
#define CHALLENGE "Basic realm=\"winnow\", charset=\"UTF-8\""
/* Blobs never change; a year is what caches take for ever. */
#define BLOB_CACHE_CONTROL "max-age=31536000"

static void
auto_evbuffer_cleanup(struct evbuffer **b)
{
	if (*b != NULL)
		evbuffer_free(*b);
}
#define auto_evbuffer __attribute__((cleanup(auto_evbuffer_cleanup)))

static const char *
reason_of(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {
	    {200, "OK"},
	    {206, "Partial Content"},
	    {304, "Not Modified"},
	    {400, "Bad Request"},
	    {401, "Unauthorized"},
	    {403, "Forbidden"},
	    {404, "Not Found"},
	    {405, "Method Not Allowed"},
	    {416, "Range Not Satisfiable"},
	    {429, "Too Many Requests"},
	    {500, "Internal Server Error"},
	    {502, "Bad Gateway"},
	    {503, "Service Unavailable"},
	    {504, "Gateway Timeout"},
	};
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}

/* A value that is no header (a line break inside) is left out. */
static void
add_header(struct exchange *x, const char *name, const char *value)
{
	evhttp_add_header(
	    evhttp_request_get_output_headers(x->http), name, value);
}

static void
add_header_number(struct exchange *x, const char *name, uint64_t value)
{
	char text[NUM_TEXT];

	add_header(x, name, num_format(value, text));
}

static const char *
find_header(const struct exchange *x, const char *name)
{
	return evhttp_find_header(
	    evhttp_request_get_input_headers(x->http), name);
}

/* What every reply has; `length` is that of its body, or would be on HEAD. */
static void
add_common_headers(struct exchange *x, int status, uint64_t length)
{
	add_header(x, "Docker-Distribution-Api-Version", "registry/2.0");
	if (x->request.ns[0] != '\0')
		add_header(x, "OCI-Namespace", x->request.ns);
	if (x->close || x->server->draining ||
	    connection_is_refused(x->connection) ||
	    connection_is_outdated(x->connection) || status == 405) {
		add_header(x, "Connection", "close");
		connection_end_after_reply(x->connection);
	}
	if (status != 304)
		add_header_number(x, "Content-Length", length);
	/* evhttp would format one for each reply. */
	add_header(x, "Date", server_date(x->server));
	x->status = status;
}

/*
 * Sends the status and, but for HEAD, the body (its bytes are taken), which
 * is `length` bytes.  evhttp would write a body on HEAD too, and add neither
 * length nor type there.
 */
static void
send_reply(
    struct exchange *x, int status, struct evbuffer *body, uint64_t length)
{
	add_common_headers(x, status, length);
	if (x->head || status == 304)
		body = NULL;
	x->length = body == NULL ? 0 : length;
	evhttp_send_reply(x->http, status, reason_of(status), body);
	connection_write_now(x->connection);
}

static void
add_digest(struct exchange *x, const struct answer *a)
{
	char digest[DIGEST_TEXT];

	add_header(
	    x, "Docker-Content-Digest", digest_format(&a->digest, digest));
	add_header(x, "Etag", a->etag);
	if (a->warning != NULL) {
		add_header(x, "Warning", a->warning);
		x->stale = true;
	}
}

/* True when the header (If-None-Match, If-Range) names this very content. */
static bool
header_matches(
    const struct exchange *x, const char *name, const struct answer *a)
{
	char digest[DIGEST_TEXT];
	const char *value = find_header(x, name);

	return value != NULL &&
	    (strcmp(value, "*") == 0 ||
		strstr(value, digest_format(&a->digest, digest)) != NULL);
}

static void
unref_answer(const void *data, size_t len, void *answer)
{
	(void)data;
	(void)len;
	answer_unref(answer);
}

void
reply_manifest(struct exchange *x, struct answer *a)
{
	auto_evbuffer struct evbuffer *body = evbuffer_new();

	add_digest(x, a);
	if (header_matches(x, "If-None-Match", a)) {
		send_reply(x, 304, NULL, 0);
		return;
	}
	add_header(x, "Content-Type", a->media_type);
	if (!x->head)
		evbuffer_add_reference(body, a->data, (size_t)a->size,
		    unref_answer, answer_ref(a));
	send_reply(x, 200, body, a->size);
}

/*
 * Opens the blob: 0, or -1 with ERR_NOT_FOUND when the store lacks it.
 */
static int
open_blob(int blobs, const struct answer *a, int *out, struct err *e)
{
	char hex[DIGEST_TEXT], path[DIGEST_TEXT + 4];
	auto_fd int fd = -1;
	uint64_t size;

	digest_format_hex(&a->digest, hex);
	snprintf(path, sizeof(path), "%.2s/%s", hex, hex);
	fd = openat(blobs, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd == -1 && errno == ENOENT)
		return err_set(e, ERR_NOT_FOUND, "no blob %s", hex);
	if (fd == -1)
		return err_set_errno(e, "cannot open blob %s", hex);
	if (fsutil_size(fd, &size, e) == -1)
		return -1;
	/* Core drops it when it is asked again. */
	if (size != a->size)
		return err_set(e, ERR_NOT_FOUND,
		    "blob %s has %" PRIu64 " bytes instead of %" PRIu64, hex,
		    size, a->size);
	*out = steal_fd(&fd);
	return 0;
}

void
reply_blob_failed(struct exchange *x, const struct err *e)
{
	static const struct err hidden = {
	    .code = ERR_INTERNAL, .message = "the blob cannot be read"};

	log_event(LOG_LEVEL_ERROR, "blob.failed", "id", x->id, "why",
	    e->message, NULL);
	reply_error(x, &hidden, OCI_SUBJECT_BLOB, 0);
}

/* What of a blob a client gets. */
struct part {
	int status;
	uint64_t first;
	uint64_t length;
};

static enum byte_range_kind
find_range(const struct exchange *x, const struct answer *a, struct part *part)
{
	if (x->head ||
	    (find_header(x, "If-Range") != NULL &&
		!header_matches(x, "If-Range", a)))
		return BYTE_RANGE_WHOLE;
	return byte_range_parse(
	    find_header(x, "Range"), a->size, &part->first, &part->length);
}

/* Adds the headers of a blob's reply and says what follows them. */
static struct part
start_blob(struct exchange *x, const struct answer *a)
{
	struct part part = {304, 0, 0};
	char range[80];

	add_digest(x, a);
	add_header(x, "Cache-Control", BLOB_CACHE_CONTROL);
	if (header_matches(x, "If-None-Match", a))
		return part;
	add_header(x, "Accept-Ranges", "bytes");
	add_header(x, "Content-Type", "application/octet-stream");
	switch (find_range(x, a, &part)) {
	case BYTE_RANGE_WHOLE:
		return (struct part){200, 0, a->size};
	case BYTE_RANGE_PART:
		part.status = 206;
		snprintf(range, sizeof(range),
		    "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, part.first,
		    part.first + part.length - 1, a->size);
		break;
	case BYTE_RANGE_UNSATISFIABLE:
		part = (struct part){416, 0, 0};
		snprintf(range, sizeof(range), "bytes */%" PRIu64, a->size);
		break;
	}
	add_header(x, "Content-Range", range);
	return part;
}

/* Takes `fd`. */
static void
stream_blob(struct exchange *x, struct answer *a, int fd)
{
	struct server_stream *s = server_stream_new(x->server->base, a, fd, -1);

	(void)server_stream_begin(s, x);
	server_stream_unref(s);
}

bool
reply_blob(struct exchange *x, struct answer *a)
{
	auto_evbuffer struct evbuffer *body = evbuffer_new();
	struct part part;
	auto_fd int fd = -1;
	struct err e;

	if (open_blob(x->server->blobs, a, &fd, &e) == -1) {
		if (e.code == ERR_NOT_FOUND)
			return false;
		reply_blob_failed(x, &e);
		return true;
	}
	if (connection_is_tls(x->connection)) {
		stream_blob(x, a, steal_fd(&fd));
		return true;
	}
	part = start_blob(x, a);
	if (!x->head && part.length > 0) {
		/* Else libevent maps the file instead of using sendfile. */
		evbuffer_set_flags(body, EVBUFFER_FLAG_DRAINS_TO_FD);
		evbuffer_add_file(body, steal_fd(&fd), (ev_off_t)part.first,
		    (ev_off_t)part.length);
	}
	send_reply(x, part.status, body, part.length);
	return true;
}

bool
reply_blob_start(struct exchange *x, const struct answer *a, uint64_t *first,
    uint64_t *length)
{
	struct part part = start_blob(x, a);

	if (x->head || part.length == 0) {
		send_reply(x, part.status, NULL, part.length);
		return false;
	}
	add_common_headers(x, part.status, part.length);
	evhttp_send_reply_start(x->http, part.status, reason_of(part.status));
	*first = part.first;
	*length = part.length;
	return true;
}

static void
send_json(
    struct exchange *x, int status, const json_t *body, const char *media_type)
{
	auto_evbuffer struct evbuffer *buffer = evbuffer_new();
	size_t len;
	auto_free char *text = json_format(body, &len);

	add_header(x, "Content-Type", media_type);
	evbuffer_add(buffer, text, len);
	send_reply(x, status, buffer, len);
}

void
reply_json(struct exchange *x, const json_t *body, const char *media_type)
{
	send_json(
	    x, 200, body, media_type == NULL ? "application/json" : media_type);
}

/* Adds `key`=`value` to a query, escaped. */
static void
add_parameter(struct strbuf *query, const char *key, const char *value)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~:/";

	if (value[0] == '\0')
		return;
	strbuf_add_format(query, "%s%s=", query->len == 0 ? "?" : "&", key);
	for (; *value != '\0'; value++)
		if (strchr(plain, *value) != NULL)
			strbuf_add_char(query, *value);
		else
			strbuf_add_format(
			    query, "%%%02X", (unsigned char)*value);
}

/* The link to what follows the item `last` of a list (RFC 8288). */
static void
add_link(struct exchange *x, const char *endpoint, const char *last)
{
	const struct request *r = &x->request;
	auto_free char *link = NULL;
	auto_strbuf struct strbuf query;
	char n[24] = "";

	if (r->has_n)
		snprintf(n, sizeof(n), "%" PRIu64, r->n);
	strbuf_init(&query, 4096);
	add_parameter(&query, "n", n);
	add_parameter(&query, "last", last);
	add_parameter(&query, "artifactType", r->artifact_type);
	add_parameter(&query, "ns", r->ns);
	link = mem_printf("</v2/%s/%s%s>; rel=\"next\"", r->repository,
	    endpoint, strbuf_string(&query));
	add_header(x, "Link", link);
}

void
reply_tags(struct exchange *x, json_t *tags, bool more, const char *warning)
{
	size_t count = json_array_size(tags);
	auto_json json_t *body = json_pack(
	    "{s:s, s:O}", "name", x->request.repository, "tags", tags);
	const char *last =
	    json_string_value(json_array_get(tags, count == 0 ? 0 : count - 1));

	if (more && last != NULL)
		add_link(x, "tags/list", last);
	if (warning != NULL)
		add_header(x, "Warning", warning);
	reply_json(x, body, NULL);
}

void
reply_referrers(
    struct exchange *x, json_t *descriptors, bool more, const char *warning)
{
	size_t count = json_array_size(descriptors);
	auto_free char *endpoint =
	    mem_printf("referrers/%s", x->request.reference);
	auto_json json_t *body = json_pack("{s:i, s:s, s:O}", "schemaVersion",
	    2, "mediaType", OCI_TYPE_INDEX, "manifests", descriptors);
	const char *last = json_string_value(json_object_get(
	    json_array_get(descriptors, count == 0 ? 0 : count - 1), "digest"));

	if (x->request.artifact_type[0] != '\0')
		add_header(x, "OCI-Filters-Applied", "artifactType");
	if (more && last != NULL)
		add_link(x, endpoint, last);
	if (warning != NULL)
		add_header(x, "Warning", warning);
	reply_json(x, body, OCI_TYPE_INDEX);
}

void
reply_error(struct exchange *x, const struct err *error,
    enum oci_subject subject, uint64_t retry_after_s)
{
	struct oci_error oci = oci_error_find(error->code, subject);
	/* json_pack refuses text that is not UTF-8. */
	json_t *message = json_string(error->message);
	auto_json json_t *body = NULL;

	if (message == NULL)
		message = json_string("the reason is not printable");
	body = json_pack("{s:[{s:s, s:o, s:{s:s}}]}", "errors", "code",
	    oci.code, "message", message, "detail", "id", x->id);
	free(x->error);
	x->error = mem_strdup(error->message);
	if (oci.status == 401)
		add_header(x, "WWW-Authenticate", CHALLENGE);
	if (oci.status == 405)
		add_header(x, "Allow", "GET, HEAD");
	if (retry_after_s > 0 || oci.status == 429 || oci.status == 503)
		add_header_number(x, "Retry-After",
		    retry_after_s > 0 ? retry_after_s : RETRY_AFTER_S);
	send_json(x, oci.status, body, "application/json");
}
