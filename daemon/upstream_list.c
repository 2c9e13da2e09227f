/*
 * Lists of a registry: tags ("Content Discovery") and referrers, of however
 * many pages.  A registry without referrers keeps them under a tag
 * ("Referrers Tag Schema").
 */
#include <stdlib.h>
#include <string.h>

#include "upstream_call.h"
#include "upstream_registry.h"
#include "winnow/auto.h"
#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/oci.h"
#include "winnow/strbuf.h"

/*
 * Docker Hub's longest repositories have some twenty thousand tags; registries
 * give 100 to 1000 a page.
 */
#define PAGES_MAX 256
#define LIST_BYTES_MAX (8u << 20)
#define FIRST_TAGS_QUERY "n=1000"

static const char *const accept_tags[] = {"Accept: application/json", NULL};
static const char *const accept_index[] = {"Accept: " OCI_TYPE_INDEX, NULL};

struct list_request {
	struct registry_request base; /* first */
	char *repository;
	char *subject; /* a digest; NULL: tags are asked for */
	upstream_list_cb cb;
	void *arg;
	struct upstream_call
	    *call; /* one of these, or the callback has begun */
	struct upstream_request *fallback;
	struct strbuf body; /* of the page that comes */
	json_t *items;
	size_t bytes; /* of all pages so far */
	unsigned pages;
};

static void
list_request_free(struct list_request *r)
{
	free(r->repository);
	free(r->subject);
	strbuf_clear(&r->body);
	json_decref(r->items);
	free(r);
}

/* Calls back and frees the request. */
static void
list_finish(struct list_request *r, const struct err *e)
{
	r->call = NULL;
	r->fallback = NULL;
	r->cb(r->arg, e == NULL ? r->items : NULL, e);
	list_request_free(r);
}

static void
list_fail(struct list_request *r, struct err *e)
{
	if (e->code == ERR_INVALID)
		e->code = ERR_UPSTREAM;
	err_wrap(e, "%s: %s: list of %s", r->base.request.upstream->host,
	    r->repository, r->subject == NULL ? "tags" : r->subject);
	list_finish(r, e);
}

/* Adds the items of a page (or of the index under the fallback's tag). */
static int
add_page(struct list_request *r, const char *text, size_t len, struct err *e)
{
	auto_json json_t *page = NULL;
	json_t *items = NULL;

	r->bytes += len;
	if (r->bytes > LIST_BYTES_MAX || ++r->pages > PAGES_MAX)
		return err_set(e, ERR_LIMIT,
		    "it is longer than %u bytes or %d pages", LIST_BYTES_MAX,
		    PAGES_MAX);
	/* "tags" is null in a repository without any. */
	if (json_parse_object(text, len, "the list", &page, e) == -1 ||
	    json_get_array(page, r->subject == NULL ? "tags" : "manifests",
		JSON_OPTIONAL, &items, e) == -1)
		return -1;
	if (items != NULL)
		json_array_extend(r->items, items);
	return 0;
}

/*
 * The query of the next page's URL in a Link header (RFC 8288), or NULL.  Only
 * the query: a registry leads to its own pages and nowhere else.
 */
static char *
next_query(const struct http_response *response)
{
	static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "abcdefghijklmnopqrstuvwxyz"
				   "0123456789%&=._~:/+-";
	const char *link = http_response_header(response, "link");
	const char *query, *end;

	if (link == NULL || *link != '<' || strstr(link, "next") == NULL)
		return NULL;
	end = strchr(link, '>');
	query = strchr(link, '?');
	if (end == NULL || query == NULL || query > end ||
	    strspn(query + 1, safe) != (size_t)(end - query - 1))
		return NULL;
	return mem_strndup(query + 1, (size_t)(end - query - 1));
}

static int
on_list_data(void *arg, const void *data, size_t len, struct err *e)
{
	struct list_request *r = arg;

	strbuf_add(&r->body, data, len);
	if (r->body.overflow)
		return err_set(e, ERR_LIMIT, "the page is larger than %u bytes",
		    LIMIT_MANIFEST_SIZE);
	return 0;
}

/* The index of referrers under its tag: it may be missing. */
static void
on_fallback(void *arg, const struct upstream_manifest *m, const struct err *e)
{
	struct list_request *r = arg;
	struct err own;

	r->fallback = NULL;
	if (e != NULL && e->code == ERR_NOT_FOUND) {
		list_finish(r, NULL);
	} else if (e != NULL) {
		list_finish(r, e);
	} else if (add_page(r, m->data, m->len, &own) == -1) {
		list_fail(r, &own);
	} else {
		list_finish(r, NULL);
	}
}

static void
start_fallback(struct list_request *r)
{
	auto_free char *tag = mem_strdup(r->subject);

	r->call = NULL;
	*strchr(tag, ':') = '-';
	r->fallback = upstream_get_manifest(
	    r->base.request.upstream, r->repository, tag, on_fallback, r);
}

static void list_call(struct list_request *r, const char *query);

static void
on_list_done(
    void *arg, const struct http_response *response, const struct err *e)
{
	struct list_request *r = arg;
	auto_free char *query = NULL;
	struct err own;

	if (e != NULL && r->subject != NULL && r->pages == 0 &&
	    (response->status == 404 || response->status == 405)) {
		start_fallback(r);
		return;
	}
	if (e != NULL) {
		list_finish(r, e);
		return;
	}
	if (add_page(r, r->body.data, r->body.len, &own) == -1) {
		list_fail(r, &own);
		return;
	}
	query = next_query(response);
	if (query == NULL)
		list_finish(r, NULL);
	else
		list_call(r, query);
}

/* Asks for a page. */
static void
list_call(struct list_request *r, const char *query)
{
	struct registry *g = (struct registry *)r->base.request.upstream;
	bool tags = r->subject == NULL;
	const struct upstream_call_options o = {
	    .method = "GET",
	    .repository = r->repository,
	    .kind = tags ? "tags" : "referrers",
	    .reference = tags ? "list" : r->subject,
	    .query = query,
	    .headers = tags ? accept_tags : accept_index,
	};
	const struct http_callbacks cb = {
	    .on_data = on_list_data, .on_done = on_list_done, .arg = r};

	strbuf_reset(&r->body);
	r->call = upstream_call_start(g, &o, &cb);
}

static void
list_cancel(struct upstream_request *request)
{
	struct list_request *r = (struct list_request *)request;

	if (r->call == NULL && r->fallback == NULL)
		return;
	if (r->call != NULL)
		upstream_call_cancel(r->call);
	upstream_request_cancel(r->fallback);
	list_request_free(r);
}

struct upstream_request *
registry_list(struct upstream *u, const char *repository,
    const struct digest *subject, upstream_list_cb cb, void *arg)
{
	struct list_request *r = mem_zalloc(1, sizeof(*r));
	char text[DIGEST_TEXT];

	r->base.request.upstream = u;
	r->base.cancel = list_cancel;
	r->repository = mem_strdup(repository);
	if (subject != NULL)
		r->subject = mem_strdup(digest_format(subject, text));
	r->cb = cb;
	r->arg = arg;
	r->items = json_array();
	strbuf_init(&r->body, LIMIT_MANIFEST_SIZE);
	list_call(r, subject == NULL ? FIRST_TAGS_QUERY : NULL);
	return &r->base.request;
}
