/* server: what requests are answered, byte for byte. */
#include "server_fixture.h"

#include <poll.h>
#include <stdio.h>

#include "winnow/auto.h"
#include "winnow/json.h"
#include "winnow/mem.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* Requests that need no answer of core. */
static void
test_fixed_replies(void **state)
{
	static const struct {
		const char *request;
		int status;
		const char *body; /* a part of it */
	} cases[] = {
	    {"GET /v2/", 200, "{}"},
	    {"GET /v2", 200, "{}"},
	    {"GET /v2/?ns=docker.io", 200, "{}"},
	    {"GET http://host/v2/", 200, "{}"},
	    {"GET HTTPS://user@[::1]:5000/v2?ns=docker.io", 200, "{}"},
	    {"GET http://h/v2/a/referrers/sha512:" HEX HEX, 200,
		"\"manifests\":[]"},
	    {"GET http://h/v2/A/manifests/x", 400, "\"NAME_INVALID\""},
	    {"GET http://h", 404, "\"UNSUPPORTED\""},
	    {"GET http://h?/v2/", 404, "\"UNSUPPORTED\""},
	    {"GET http://h#/v2/", 404, "\"UNSUPPORTED\""},
	    {"GET http://h/http://h/v2/", 404, "\"UNSUPPORTED\""},
	    {"GET http://", 400, "\"UNSUPPORTED\""},
	    {"GET http:///v2/", 400, "\"UNSUPPORTED\""},
	    {"GET http://?/v2/", 400, "\"UNSUPPORTED\""},
	    {"GET http:/v2/", 404, "\"UNSUPPORTED\""},
	    {"GET ftp://x/v2/", 404, "\"UNSUPPORTED\""},
	    {"GET //x/v2/", 404, "\"UNSUPPORTED\""},
	    {"PUT http://h/v2/", 405, "\"UNSUPPORTED\""},
	    {"GET /", 404, "\"UNSUPPORTED\""},
	    {"GET //v2/", 404, "\"UNSUPPORTED\""},
	    {"GET /v22", 404, "\"UNSUPPORTED\""},
	    {"GET /v2/_catalog", 404, "\"UNSUPPORTED\""},
	    {"GET /v2/a/b", 404, "\"UNSUPPORTED\""},
	    {"GET /v2/a/other/b", 404, "\"UNSUPPORTED\""},
	    {"GET /v2/A/manifests/x", 400, "\"NAME_INVALID\""},
	    {"GET /v2//a/manifests/x", 400, "\"NAME_INVALID\""},
	    {"GET /v2/a%2fb/manifests/x", 400, "\"NAME_INVALID\""},
	    {"GET /v2/a/../b/manifests/x", 400, "\"NAME_INVALID\""},
	    {"GET /v2/a/manifests/.INVALID_NAME", 404, "\"MANIFEST_UNKNOWN\""},
	    {"GET /v2/a/manifests/", 404, "\"MANIFEST_UNKNOWN\""},
	    {"GET /v2/a/manifests/a%20b", 404, "\"MANIFEST_UNKNOWN\""},
	    {"GET /v2/a/manifests/sha256:12", 400, "\"DIGEST_INVALID\""},
	    {"GET /v2/a/manifests/sha512:" HEX HEX, 404,
		"\"MANIFEST_UNKNOWN\""},
	    {"GET /v2/a/blobs/latest", 400, "\"DIGEST_INVALID\""},
	    {"GET /v2/a/blobs/sha256%00", 400, "\"DIGEST_INVALID\""},
	    {"GET /v2/a/tags/list?n=x", 400, "\"PAGINATION_NUMBER_INVALID\""},
	    {"GET /v2/a/tags/list?n=-1", 400, "\"PAGINATION_NUMBER_INVALID\""},
	    {"GET /v2/a/tags/list?ns=a/b", 400, "\"NAME_INVALID\""},
	    {"GET /v2/a/referrers/x", 400, "\"DIGEST_INVALID\""},
	    {"GET /v2/a/referrers/sha512:" HEX HEX, 200, "\"manifests\":[]"},
	    {"GET /v2/a/referrers/sha512:" HEX HEX "?n=x", 400,
		"\"PAGINATION_NUMBER_INVALID\""},
	    {"GET /v2/a/referrers/sha256:" HEX "?artifactType=%00", 400,
		"\"PAGINATION_NUMBER_INVALID\""},
	    {"GET /v2/a/tags/list?last=%2", 400,
		"\"PAGINATION_NUMBER_INVALID\""},
	    {"GET /v2/_winnow/map", 400, "\"NAME_INVALID\""},
	    {"GET /v2/_winnow/map?repo=a", 400, "\"DIGEST_INVALID\""},
	    {"GET /v2/_winnow/map?repo=a%20b&digest=x", 400,
		"\"NAME_INVALID\""},
	    {"GET /v2/_winnow/map?digest=sha256:" HEX, 400, "\"NAME_INVALID\""},
	    {"GET /v2/_winnow/map?repo=a&digest=sha256:1", 400,
		"\"DIGEST_INVALID\""},
	    {"GET /v2/_winnow/other", 404, "\"UNSUPPORTED\""},
	    {"DELETE /v2/a/manifests/x", 405, "\"UNSUPPORTED\""},
	    {"OPTIONS /v2/", 405, "\"UNSUPPORTED\""},
	    {"TRACE /v2/", 405, "\"UNSUPPORTED\""},
	    {"CONNECT localhost:1", 405, "\"UNSUPPORTED\""},
	    {"BREW /v2/", 405, "\"UNSUPPORTED\""},
	    {"POST /v2/a/blobs/uploads/", 405, "\"UNSUPPORTED\""},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_free char *text = mem_printf(
		    "%s HTTP/1.1\r\nHost: x\r\n\r\n", cases[i].request);
		auto_fd int fd = client_open();
		auto_reply struct reply r;

		client_send(fd, text);
		client_receive(fd, false, &r);
		if (r.status != cases[i].status ||
		    strstr(strbuf_string(&r.body), cases[i].body) == NULL)
			fail_msg("%s: %d %s", cases[i].request, r.status,
			    strbuf_string(&r.body));
		assert_string_equal(
		    reply_header(&r, "Docker-Distribution-Api-Version"),
		    "registry/2.0");
		if (r.status != 405) {
			expect_open(fd);
			continue;
		}
		assert_string_equal(reply_header(&r, "Allow"), "GET, HEAD");
		if (strncmp(cases[i].request, "CONNECT", 7) != 0)
			expect_closed(fd);
	}
	expect_silence();
}

static void
test_upload_is_refused(void **state)
{
	static const char *const requests[] = {
	    "PUT /v2/a/manifests/x HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
	    "PATCH /v2/a/blobs/uploads/1 HTTP/1.1\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
	    "PUT /v2/a/manifests/x HTTP/1.1\r\nExpect: 100-continue\r\n"
	    "Content-Length: 5\r\n\r\nhello",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		auto_fd int fd = client_open();
		auto_reply struct reply r;

		client_send(fd, requests[i]);
		client_receive(fd, false, &r);
		assert_int_equal(r.status, 405);
		assert_non_null(
		    strstr(strbuf_string(&r.body), "\"UNSUPPORTED\""));
		expect_closed(fd);
	}
}

static const char manifest[] = "{\"schemaVersion\":2}";
#define MANIFEST_REQUEST "/v2/library/x/manifests/1?ns=docker.io HTTP/1.1\r\n"

static void
expect_manifest(int fd, bool head, const char *digest)
{
	auto_free char *expected =
	    mem_printf("HTTP/1.1 200 OK\r\n"
		       "Docker-Content-Digest: %s\r\n"
		       "Etag: \"%s\"\r\n"
		       "Content-Type: " MEDIA_TYPE "\r\n"
		       "Docker-Distribution-Api-Version: registry/2.0\r\n"
		       "OCI-Namespace: docker.io\r\n"
		       "Content-Length: %zu\r\n"
		       "Date: ",
		digest, digest, strlen(manifest));
	auto_reply struct reply r;

	client_send(fd, head ? "HEAD " : "GET ");
	client_send(fd, MANIFEST_REQUEST "\r\n");
	client_receive(fd, head, &r);
	assert_memory_equal(r.head.data, expected, strlen(expected));
	assert_string_equal(strbuf_string(&r.body), head ? "" : manifest);
}

/* Asked once, remembered, equal on HEAD and GET; a hit reads no file. */
static void
test_manifest(void **state)
{
	auto_reply struct reply first, unchanged, any, other, evicted;
	auto_fd int fd = client_open();
	auto_json json_t *ask = NULL;
	auto_free char *conditional = NULL;
	char digest[DIGEST_TEXT];

	(void)state;
	put_blob(manifest, strlen(manifest), digest);
	client_send(fd, "HEAD " MANIFEST_REQUEST);
	client_send(fd, "User-Agent: containerd/1.6\r\n\r\n");
	ask = receive_message();
	assert_string_equal(
	    json_string_value(json_object_get(ask, "ns")), "docker.io");
	assert_string_equal(
	    json_string_value(json_object_get(ask, "client")), "containerd");
	assert_true(json_is_true(json_object_get(ask, "head")));
	send_answer(json_integer_value(json_object_get(ask, "id")), digest,
	    strlen(manifest), 60000);
	client_receive(fd, true, &first);
	expect_manifest(fd, true, digest);
	expect_manifest(fd, false, digest);
	conditional = mem_printf(
	    "GET " MANIFEST_REQUEST "If-None-Match: \"%s\"\r\n\r\n", digest);
	client_send(fd, conditional);
	client_receive(fd, false, &unchanged);
	assert_int_equal(unchanged.status, 304);
	client_send(fd, "GET " MANIFEST_REQUEST "If-None-Match: *\r\n\r\n");
	client_receive(fd, false, &any);
	assert_int_equal(any.status, 304);
	remove_blob(digest);
	expect_manifest(fd, false, digest);
	expect_silence();
	/* Gone from the store: core is asked again, once. */
	send_message(json_pack("{s:s}", "type", "forget"));
	/* Messages keep their order: behind this one, all is forgotten. */
	client_send(fd, "HEAD /v2/a/manifests/b HTTP/1.1\r\n\r\n");
	send_message(json_pack("{s:s, s:I, s:s}", "type", "answer", "id",
	    expect_ask("manifest", "a", "b"), "error", "not-found"));
	client_receive(fd, true, &other);
	client_send(fd, "GET " MANIFEST_REQUEST "\r\n");
	send_answer(expect_ask("manifest", "library/x", "1"), digest,
	    strlen(manifest), 60000);
	send_answer(expect_ask("manifest", "library/x", "1"), digest,
	    strlen(manifest), 60000);
	client_receive(fd, false, &evicted);
	assert_int_equal(evicted.status, 500);
}

static void
test_warning(void **state)
{
	auto_fd int fd = client_open();
	auto_reply struct reply r;
	char digest[DIGEST_TEXT];

	(void)state;
	put_blob("{}", 2, digest);
	client_send(fd, "GET /v2/a/manifests/b HTTP/1.1\r\n\r\n");
	send_message(json_pack("{s:s, s:I, s:s, s:s, s:i, s:s}", "type",
	    "answer", "id", expect_ask("manifest", "a", "b"), "digest", digest,
	    "media_type", MEDIA_TYPE, "size", 2, "warning",
	    "110 - \"Response is Stale\""));
	client_receive(fd, false, &r);
	assert_string_equal(
	    reply_header(&r, "Warning"), "110 - \"Response is Stale\"");
}

static void
test_blob_ranges(void **state)
{
	static const struct {
		const char *header;
		int status;
		const char *range, *body;
	} cases[] = {
	    {"X: y", 200, "", "0123456789"},
	    {"Range: bytes=0-", 206, "bytes 0-9/10", "0123456789"},
	    {"Range: bytes=4-", 206, "bytes 4-9/10", "456789"},
	    {"Range: bytes=4-5", 206, "bytes 4-5/10", "45"},
	    {"Range: bytes=4-500", 206, "bytes 4-9/10", "456789"},
	    {"Range: bytes=-3", 206, "bytes 7-9/10", "789"},
	    {"Range: bytes=-30", 206, "bytes 0-9/10", "0123456789"},
	    {"Range: bytes=10-", 416, "bytes */10", ""},
	    {"Range: bytes=-0", 416, "bytes */10", ""},
	    {"Range: bytes=5-4", 200, "", "0123456789"},
	    {"Range: bytes=1-2,4-5", 200, "", "0123456789"},
	    {"Range: bytes=", 200, "", "0123456789"},
	    {"Range: bytes=-", 200, "", "0123456789"},
	    {"Range: bytes=a-", 200, "", "0123456789"},
	    {"Range: bytes=99999999999999999999-", 200, "", "0123456789"},
	    {"Range: lines=1-2", 200, "", "0123456789"},
	    {"If-Range: \"x\"\r\nRange: bytes=4-", 200, "", "0123456789"},
	};
	char digest[DIGEST_TEXT], etag[DIGEST_TEXT + 2];
	auto_fd int fd = client_open();
	size_t i;

	(void)state;
	put_blob("0123456789", 10, digest);
	snprintf(etag, sizeof(etag), "\"%s\"", digest);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* The colon may come escaped; names may hold any word. */
		auto_free char *text = mem_printf(
		    "GET /v2/blobs/manifests/a/blobs/sha256%%3A%s HTTP/1.1\r\n"
		    "%s\r\n\r\n",
		    digest + 7, cases[i].header);
		auto_reply struct reply r;

		client_send(fd, text);
		if (i == 0)
			send_answer(
			    expect_ask("blob", "blobs/manifests/a", digest),
			    digest, 10, 60000);
		client_receive(fd, false, &r);
		if (r.status != cases[i].status)
			fail_msg("%s: %d", cases[i].header, r.status);
		assert_string_equal(
		    reply_header(&r, "Content-Range"), cases[i].range);
		assert_string_equal(strbuf_string(&r.body), cases[i].body);
		assert_string_equal(reply_header(&r, "Content-Type"),
		    "application/octet-stream");
		assert_string_equal(reply_header(&r, "Accept-Ranges"), "bytes");
		assert_string_equal(reply_header(&r, "Etag"), etag);
		assert_string_equal(
		    reply_header(&r, "Docker-Content-Digest"), digest);
		assert_string_equal(
		    reply_header(&r, "Cache-Control"), "max-age=31536000");
	}
	expect_silence();
}

static void
test_blob_head_and_eviction(void **state)
{
	char digest[DIGEST_TEXT], other[DIGEST_TEXT];
	auto_reply struct reply by_head, by_get, evicted, wrong;
	auto_free char *head = NULL, *get = NULL;
	auto_fd int fd = client_open();
	json_int_t id;

	(void)state;
	put_blob("hello", 5, digest);
	put_blob("longer", 6, other);
	head = mem_printf("HEAD /v2/a/blobs/%s HTTP/1.1\r\n\r\n", digest);
	get = mem_printf("GET /v2/a/blobs/%s HTTP/1.1\r\n\r\n", digest);
	client_send(fd, head);
	send_answer(expect_ask("blob", "a", digest), digest, 5, 60000);
	client_receive(fd, true, &by_head);
	assert_string_equal(reply_header(&by_head, "Content-Length"), "5");
	client_send(fd, get);
	client_receive(fd, false, &by_get);
	assert_string_equal(strbuf_string(&by_get.body), "hello");
	/* Evicted, and made again when core hears of it. */
	remove_blob(digest);
	client_send(fd, get);
	id = expect_ask("blob", "a", digest);
	put_blob("hello", 5, digest);
	send_answer(id, digest, 5, 0);
	client_receive(fd, false, &evicted);
	assert_string_equal(strbuf_string(&evicted.body), "hello");
	/* Another size than promised is never sent: core is asked once more. */
	client_send(fd, get);
	send_answer(expect_ask("blob", "a", digest), other, 5, 0);
	send_answer(expect_ask("blob", "a", digest), other, 5, 0);
	client_receive(fd, false, &wrong);
	assert_int_equal(wrong.status, 500);
}

static void
test_errors(void **state)
{
	static const struct {
		const char *error, *what;
		int retry, status;
		const char *code, *retry_after;
	} cases[] = {
	    {"not-found", "repository", 0, 404, "NAME_UNKNOWN", ""},
	    {"not-found", "manifest", 0, 404, "MANIFEST_UNKNOWN", ""},
	    {"not-found", "blob", 0, 404, "BLOB_UNKNOWN", ""},
	    {"denied", "manifest", 0, 403, "DENIED", ""},
	    {"policy", "manifest", 0, 403, "DENIED", ""},
	    {"rate-limit", "manifest", 30, 429, "TOOMANYREQUESTS", "30"},
	    {"busy", "manifest", 0, 429, "TOOMANYREQUESTS", "10"},
	    {"upstream", "manifest", 0, 502, "UNAVAILABLE", ""},
	    {"timeout", "manifest", 0, 504, "UNAVAILABLE", ""},
	    {"worker", "manifest", 0, 500, "UNKNOWN", ""},
	    {"nonsense", "nonsense", 0, 500, "UNKNOWN", ""},
	};
	auto_fd int fd = client_open();
	auto_reply struct reply by_head;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_free char *expected =
		    mem_printf("{\"errors\":[{\"code\":\"%s\",\"message\":"
			       "\"why \\\"so\\\"\",\"detail\":{\"id\":\"",
			cases[i].code);
		auto_reply struct reply r;

		client_send(fd, "GET /v2/a/manifests/b HTTP/1.1\r\n\r\n");
		send_message(json_pack("{s:s, s:I, s:s, s:s, s:s, s:i}", "type",
		    "answer", "id", expect_ask("manifest", "a", "b"), "error",
		    cases[i].error, "message", "why \"so\"", "what",
		    cases[i].what, "retry_after_s", cases[i].retry));
		client_receive(fd, false, &r);
		assert_int_equal(r.status, cases[i].status);
		assert_ptr_equal(strstr(strbuf_string(&r.body), expected),
		    strbuf_string(&r.body));
		assert_string_equal(
		    reply_header(&r, "Content-Type"), "application/json");
		assert_string_equal(
		    reply_header(&r, "Retry-After"), cases[i].retry_after);
	}
	/* HEAD: the same without a body; the connection stays usable. */
	client_send(fd, "HEAD /v2/a/manifests/b HTTP/1.1\r\n\r\n");
	send_message(json_pack("{s:s, s:I, s:s}", "type", "answer", "id",
	    expect_ask("manifest", "a", "b"), "error", "not-found"));
	client_receive(fd, true, &by_head);
	assert_int_equal(by_head.status, 404);
	expect_open(fd);
}

/* What core is told, and the link to the next page. */
static void
test_tags(void **state)
{
	static const struct {
		const char *query, *last, *link;
		bool more;
		int n;
	} cases[] = {
	    {"", "", "", false, -1},
	    {"", "", "</v2/a/tags/list?last=B>; rel=\"next\"", true, -1},
	    {"?n=2", "", "</v2/a/tags/list?n=2&last=B>; rel=\"next\"", true, 2},
	    {"?n=2&ns=x.io%3A1&last=a%2Bb", "a+b",
		"</v2/a/tags/list?n=2&last=B&ns=x.io:1>; rel=\"next\"", true,
		2},
	    {"?n=0", "", "", false, 0},
	    {"?artifactType=x&unknown", "", "", false, -1},
	};
	auto_fd int fd = client_open();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_free char *text = mem_printf(
		    "GET /v2/a/tags/list%s HTTP/1.1\r\n\r\n", cases[i].query);
		auto_json json_t *ask = NULL;
		auto_reply struct reply r;
		const json_t *n;

		client_send(fd, text);
		ask = receive_message();
		n = json_object_get(ask, "n");
		assert_int_equal(
		    n == NULL ? -1 : json_integer_value(n), cases[i].n);
		n = json_object_get(ask, "last");
		assert_string_equal(
		    n == NULL ? "" : json_string_value(n), cases[i].last);
		send_message(json_pack("{s:s, s:O, s:[s, s], s:b, s:s}", "type",
		    "answer", "id", json_object_get(ask, "id"), "items", "1",
		    "B", "more", cases[i].more, "warning", "110 - \"old\""));
		client_receive(fd, false, &r);
		assert_int_equal(r.status, 200);
		assert_string_equal(strbuf_string(&r.body),
		    "{\"name\":\"a\",\"tags\":[\"1\",\"B\"]}");
		assert_string_equal(reply_header(&r, "Link"), cases[i].link);
		assert_string_equal(
		    reply_header(&r, "Warning"), "110 - \"old\"");
	}
}

static void
test_referrers(void **state)
{
	static const char type[] = "application/vnd.x.y+json";
	auto_fd int fd = client_open();
	auto_reply struct reply some, filtered;
	auto_json json_t *ask = NULL;

	(void)state;
	client_send(fd, "GET /v2/a/referrers/sha256:" HEX " HTTP/1.1\r\n\r\n");
	send_message(json_pack("{s:s, s:I, s:[]}", "type", "answer", "id",
	    expect_ask("referrers", "a", "sha256:" HEX), "items"));
	client_receive(fd, false, &some);
	assert_string_equal(reply_header(&some, "Content-Type"),
	    "application/vnd.oci.image.index.v1+json");
	assert_string_equal(reply_header(&some, "OCI-Filters-Applied"), "");
	assert_string_equal(strbuf_string(&some.body),
	    "{\"schemaVersion\":2,\"mediaType\":\"application/"
	    "vnd.oci.image.index.v1+json\",\"manifests\":[]}");
	client_send(fd,
	    "GET /v2/a/referrers/sha256:" HEX
	    "?artifactType=application%2Fvnd.x.y%2Bjson HTTP/1.1\r\n\r\n");
	ask = receive_message();
	assert_string_equal(
	    json_string_value(json_object_get(ask, "artifact_type")), type);
	send_message(json_pack("{s:s, s:O, s:[{s:s}], s:b}", "type", "answer",
	    "id", json_object_get(ask, "id"), "items", "digest", "sha256:1",
	    "more", true));
	client_receive(fd, false, &filtered);
	assert_string_equal(
	    reply_header(&filtered, "OCI-Filters-Applied"), "artifactType");
	assert_string_equal(reply_header(&filtered, "Link"),
	    "</v2/a/referrers/sha256:" HEX "?last=sha256:1&artifactType="
	    "application/vnd.x.y%2Bjson>; rel=\"next\"");
}

static void
test_map(void **state)
{
	auto_fd int fd = client_open();
	auto_reply struct reply r;

	(void)state;
	client_send(fd,
	    "GET /v2/_winnow/map?repo=a/b&digest=sha256%3A" HEX
	    " HTTP/1.1\r\n\r\n");
	send_message(json_pack("{s:s, s:I, s:{s:s}}", "type", "answer", "id",
	    expect_ask("map", "a/b", "sha256:" HEX), "map", "variant", "x"));
	client_receive(fd, false, &r);
	assert_string_equal(strbuf_string(&r.body), "{\"variant\":\"x\"}");
}

#define SERVER_TEST(f) \
	cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SERVER_TEST(test_fixed_replies),
	    SERVER_TEST(test_upload_is_refused),
	    SERVER_TEST(test_manifest),
	    SERVER_TEST(test_warning),
	    SERVER_TEST(test_blob_ranges),
	    SERVER_TEST(test_blob_head_and_eviction),
	    SERVER_TEST(test_errors),
	    SERVER_TEST(test_tags),
	    SERVER_TEST(test_referrers),
	    SERVER_TEST(test_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
