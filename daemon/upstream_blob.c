/*
 * upstream_blob: fetches blobs from a registry into files, a bounded number
 * at a time, and goes on where a connection dropped.
 */
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>

#include "upstream_call.h"
#include "upstream_registry.h"
#include "winnow/auto.h"
#include "winnow/fsutil.h"
#include "winnow/mem.h"
#include "winnow/num.h"

#define RESUMES_MAX 3
/* Before the first resume; four times as long before each next. */
#define RESUME_DELAY_MS 100

static const char *const accept_any[] = {"Accept: */*", NULL};

enum blob_state {
	BLOB_WAITING, /* in the registry's queue */
	BLOB_RUNNING,
	BLOB_PAUSING, /* before a resume */
	BLOB_DONE /* on_done is being called */
};

struct blob_request {
	struct registry_request base; /* first */
	struct registry *registry;
	TAILQ_ENTRY(blob_request) entry; /* while WAITING */
	enum blob_state state;
	char *repository;
	char digest[DIGEST_TEXT];
	uint64_t size;
	int fd;
	struct upstream_blob_callbacks cb;
	struct upstream_call *call; /* while RUNNING */
	struct event pause;
	int resumes;
	bool broken; /* the registry's answer is wrong: no resume */
	uint64_t position; /* of the next byte that arrives */
	/* Bytes in the file.  They are never written again: who reads along has
	 * hashed them. */
	uint64_t received;
};

static void blob_run(struct blob_request *r);

static void
blob_request_free(struct blob_request *r)
{
	event_del(&r->pause);
	free(r->repository);
	free(r);
}

/* Gives the request's place to the next in the queue. */
static void
release_place(struct registry *g)
{
	struct blob_request *next = TAILQ_FIRST(&g->blobs_waiting);

	g->blobs_running--;
	if (next == NULL)
		return;
	TAILQ_REMOVE(&g->blobs_waiting, next, entry);
	g->blobs_running++;
	blob_run(next);
}

/* Calls back and frees the request. */
static void
blob_finish(struct blob_request *r, const struct err *e)
{
	r->state = BLOB_DONE;
	release_place(r->registry);
	r->cb.on_done(r->cb.arg, e == NULL ? r->fd : -1, e);
	blob_request_free(r);
}

/* The number at the start of `text`, which `end` must follow. */
static bool
read_number(const char *text, char end, uint64_t *out, const char **behind)
{
	size_t len = strspn(text, "0123456789");
	auto_free char *digits = mem_strndup(text, len);
	struct err unused;

	*behind = text + len;
	return **behind == end &&
	    num_parse(digits, 0, UINT64_MAX, "", out, &unused) == 0;
}

/* True for "bytes FROM-(size-1)/size", or with "*" for the size. */
static bool
is_rest(const char *range, uint64_t from, uint64_t size)
{
	uint64_t first, last, total;
	const char *p;

	if (range == NULL || strncasecmp(range, "bytes ", 6) != 0 ||
	    !read_number(range + 6, '-', &first, &p) ||
	    !read_number(p + 1, '/', &last, &p))
		return false;
	p++;
	if (strcmp(p, "*") != 0 &&
	    (!read_number(p, '\0', &total, &p) || total != size))
		return false;
	return first == from && last == size - 1;
}

/* Checks a Content-Length, when there is one, against what must come. */
static int
check_length(const struct blob_request *r, const struct http_response *response,
    struct err *e)
{
	const char *text = http_response_header(response, "content-length");
	uint64_t length, total;

	if (text == NULL)
		return 0;
	if (num_parse(text, 0, UINT64_MAX, "Content-Length", &length, e) == -1)
		return -1;
	if (__builtin_add_overflow(r->position, length, &total) ||
	    total != r->size)
		return err_set(e, ERR_DIGEST,
		    "the registry has %llu bytes, the manifest says %llu",
		    (unsigned long long)total, (unsigned long long)r->size);
	return 0;
}

static int
on_blob_headers(void *arg, const struct http_response *response, struct err *e)
{
	struct blob_request *r = arg;

	r->broken = true;
	if (response->status == 206) {
		if (r->received == 0 ||
		    !is_rest(http_response_header(response, "content-range"),
			r->received, r->size))
			return err_set(e, ERR_UPSTREAM,
			    "the registry sent another range than was asked "
			    "for");
		r->position = r->received;
	} else if (response->status == 200) {
		/* Without ranges everything comes again. */
		r->position = 0;
	} else {
		return err_set(
		    e, ERR_UPSTREAM, "registry answered %ld", response->status);
	}
	if (check_length(r, response, e) == -1)
		return -1;
	r->broken = false;
	return 0;
}

static int
on_blob_data(void *arg, const void *data, size_t len, struct err *e)
{
	struct blob_request *r = arg;
	uint64_t known = r->received - r->position;
	const char *bytes = data;

	if (len > r->size - r->position) {
		r->broken = true;
		return err_set(e, ERR_DIGEST,
		    "the registry sends more than the %llu bytes that the "
		    "manifest says",
		    (unsigned long long)r->size);
	}
	r->position += len;
	if (known >= len)
		return 0;
	bytes += known;
	len -= (size_t)known;
	if (fsutil_pwrite_all(r->fd, bytes, len, (off_t)r->received, e) == -1) {
		r->broken = true;
		return -1;
	}
	r->received += len;
	if (r->cb.on_progress != NULL)
		r->cb.on_progress(r->cb.arg, r->received);
	return 0;
}

static void
on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	blob_run(arg);
}

/* Asks for the rest, after a pause that grows. */
static void
blob_resume(struct blob_request *r)
{
	long ms = RESUME_DELAY_MS << (2 * r->resumes);
	struct timeval tv = {ms / 1000, (ms % 1000) * 1000};

	r->resumes++;
	r->state = BLOB_PAUSING;
	evtimer_add(&r->pause, &tv);
}

static bool
may_resume(const struct blob_request *r, const struct err *e)
{
	return !r->broken && r->received > 0 && r->resumes < RESUMES_MAX &&
	    (e->code == ERR_UPSTREAM || e->code == ERR_TIMEOUT);
}

static void
on_blob_call_done(
    void *arg, const struct http_response *response, const struct err *e)
{
	struct blob_request *r = arg;
	struct err failure;

	(void)response;
	r->call = NULL;
	if (e != NULL && r->size > 0 && r->received == r->size) {
		/* Dropped after the last byte. */
		e = NULL;
	} else if (e != NULL && may_resume(r, e)) {
		blob_resume(r);
		return;
	} else if (e == NULL && r->received != r->size) {
		err_set(&failure, ERR_DIGEST,
		    "%s: %s@%s: the registry sent %llu of %llu bytes",
		    r->registry->upstream.host, r->repository, r->digest,
		    (unsigned long long)r->received,
		    (unsigned long long)r->size);
		e = &failure;
	}
	blob_finish(r, e);
}

static void
blob_run(struct blob_request *r)
{
	const struct upstream_call_options o = {
	    .method = "GET",
	    .repository = r->repository,
	    .kind = "blobs",
	    .reference = r->digest,
	    .headers = accept_any,
	    .range_from = r->received,
	};
	const struct http_callbacks cb = {
	    on_blob_headers, on_blob_data, on_blob_call_done, r};

	r->state = BLOB_RUNNING;
	r->call = upstream_call_start(r->registry, &o, &cb);
}

static void
blob_cancel(struct upstream_request *request)
{
	struct blob_request *r = (struct blob_request *)request;

	switch (r->state) {
	case BLOB_DONE:
		return;
	case BLOB_WAITING:
		TAILQ_REMOVE(&r->registry->blobs_waiting, r, entry);
		break;
	case BLOB_RUNNING:
		upstream_call_cancel(r->call);
		release_place(r->registry);
		break;
	case BLOB_PAUSING:
		release_place(r->registry);
		break;
	}
	blob_request_free(r);
}

struct upstream_request *
registry_get_blob(struct upstream *u, const char *repository,
    const struct digest *digest, uint64_t size, int tmp_fd,
    const struct upstream_blob_callbacks *cb)
{
	struct registry *g = (struct registry *)u;
	struct blob_request *r = mem_zalloc(1, sizeof(*r));

	r->base.request.upstream = u;
	r->base.cancel = blob_cancel;
	r->registry = g;
	r->repository = mem_strdup(repository);
	digest_format(digest, r->digest);
	r->size = size;
	r->fd = tmp_fd;
	r->cb = *cb;
	evtimer_assign(&r->pause, u->base, on_pause_over, r);
	if (g->blobs_running < g->blobs_max) {
		g->blobs_running++;
		blob_run(r);
	} else {
		r->state = BLOB_WAITING;
		TAILQ_INSERT_TAIL(&g->blobs_waiting, r, entry);
	}
	return &r->base.request;
}
