/*
 * question: from an "ask" to its answer, with a store, an image layout and
 * real workers (the program is its own), or an upstream that says nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>
#include <unistd.h>

#include "../../daemon/lists.h"
#include "../../daemon/process.h"
#include "../../daemon/question.h"
#include "daemon_fixture.h"
#include "tar.h"
#include "winnow/fsutil.h"
#include "winnow/json.h"
#include "winnow/mem.h"
#include "winnow/oci.h"

static const char *const policy_texts[] = {
    "repository: docker.io/library/app\ntags: [\"1\", \"broken\"]\n"
    "keep: [/kept]\n",
    NULL,
};

static char dir[64], layout_dir[80];
static size_t open_before;
static struct config config;
static struct config_upstream upstream_config;
static char *platforms[1];
static struct context context;
static struct stub_upstream stub;
static struct upstream *layout;
static struct questions questions;
static size_t answered;
static json_t *last; /* answer */
static struct digest manifest, layer, top_index;

/* Writes a blob of the layout. */
static void
put_blob(const void *data, size_t len, struct digest *d)
{
	char hex[DIGEST_TEXT];
	auto_free char *path = NULL;
	FILE *f;

	digest_of(data, len, d);
	path = mem_printf(
	    "%s/blobs/sha256/%s", layout_dir, digest_format_hex(d, hex));
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static json_t *
describe(const char *type, const struct digest *d, size_t size)
{
	char text[DIGEST_TEXT];

	return json_pack("{s:s, s:s, s:I}", "mediaType", type, "digest",
	    digest_format(d, text), "size", (json_int_t)size);
}

static size_t
put_json(json_t *value, struct digest *d)
{
	size_t len;
	auto_free char *text = json_format(value, &len);

	put_blob(text, len, d);
	json_decref(value);
	return len;
}

/* An image whose layer has /kept and /dropped. */
static size_t
put_image(void)
{
	static const struct tar_member members[] = {
	    {.name = "dropped", .data = "dropped", .mode = 0644},
	    {.name = "kept", .data = "kept", .mode = 0644},
	};
	auto_strbuf struct strbuf tar;
	struct digest config_digest;
	char text[DIGEST_TEXT];
	size_t config_size, i;

	strbuf_init(&tar, 1 << 20);
	for (i = 0; i < 2; i++)
		tar_add(&tar, &members[i]);
	tar_end(&tar);
	put_blob(tar.data, tar.len, &layer);
	config_size = put_json(
	    json_pack("{s:s, s:s, s:{}, s:{s:s, s:[s]}}", "architecture",
		"amd64", "os", "linux", "config", "rootfs", "type", "layers",
		"diff_ids", digest_format(&layer, text)),
	    &config_digest);
	return put_json(json_pack("{s:i, s:s, s:o, s:[o]}", "schemaVersion", 2,
			    "mediaType", OCI_TYPE_MANIFEST, "config",
			    describe("application/vnd.oci.image.config.v1+json",
				&config_digest, config_size),
			    "layers",
			    describe("application/vnd.oci.image.layer.v1.tar",
				&layer, tar.len)),
	    &manifest);
}

/*
 * A layout with tag 1 and, over it, an index with tag 2; tag "broken" is no
 * manifest.
 */
static void
make_layout(void)
{
	static const char *const tags[] = {"1", "2", "broken"};
	auto_free char *blobs = mem_printf("%s/blobs/sha256", layout_dir);
	json_t *entries = json_array(), *d[3];
	auto_json json_t *index = NULL;
	auto_free char *text = NULL;
	struct digest bad;
	struct err e;
	size_t size, i;

	assert_int_equal(fsutil_make_dirs(blobs, 0755, &e), 0);
	scratch_write(
	    layout_dir, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
	size = put_image();
	d[0] = describe(OCI_TYPE_MANIFEST, &manifest, size);
	size = put_json(
	    json_pack("{s:i, s:s, s:[o]}", "schemaVersion", 2, "mediaType",
		OCI_TYPE_INDEX, "manifests", json_deep_copy(d[0])),
	    &top_index);
	d[1] = describe(OCI_TYPE_INDEX, &top_index, size);
	put_blob("{\"a\":1}", 7, &bad);
	d[2] = describe(OCI_TYPE_MANIFEST, &bad, 7);
	for (i = 0; i < 3; i++) {
		json_object_set_new(d[i], "annotations",
		    json_pack(
			"{s:s}", "org.opencontainers.image.ref.name", tags[i]));
		json_array_append_new(entries, d[i]);
	}
	index =
	    json_pack("{s:i, s:o}", "schemaVersion", 2, "manifests", entries);
	text = json_format(index, NULL);
	scratch_write(layout_dir, "index.json", text);
}

static void
on_tag_moved(void *arg)
{
	(void)arg;
}

static void
open_context(void)
{
	struct err e;

	context = (struct context){.base = event_base_new(), .access_log = -1};
	context.config = mem_zalloc(1, sizeof(config));
	*context.config = config;
	context.policies = scratch_policies(dir, policy_texts);
	context.env.tag_moved = on_tag_moved;
	if (context_open(&context, &e) == -1)
		fail_msg("%s", e.message);
	layout = context.upstreams[0];
	stub_init(&stub, context.base);
	TAILQ_INIT(&questions);
}

/* config_free() must not free what is static. */
static void
close_context(void)
{
	context.upstreams[0] = layout;
	question_leave_all(&questions);
	*context.config = (struct config){.upstream_count = 0};
	context.config->upstream_count = 0;
	upstream_free(layout);
	context.upstreams[0] = NULL;
	context_close(&context);
}

static int
setup(void **state)
{
	static char host[] = "docker.io", prefix[] = "original",
		    platform[] = "linux/amd64";
	static char store_dir[80], url[100];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	open_before = count_fds();
	scratch_make(dir);
	snprintf(store_dir, sizeof(store_dir), "%s/store", dir);
	snprintf(layout_dir, sizeof(layout_dir), "%s/layout", dir);
	snprintf(url, sizeof(url), "oci:%s", layout_dir);
	platforms[0] = platform;
	upstream_config = (struct config_upstream){.host = host, .url = url};
	config = (struct config){.store = store_dir,
	    .default_upstream = host,
	    .upstreams = &upstream_config,
	    .upstream_count = 1,
	    .original_prefix = prefix,
	    .platforms = platforms,
	    .platform_count = 1,
	    .workers = 2,
	    .worker_memory = 1ull << 31,
	    .worker_time_ms = 20000,
	    .tag_ttl_ms = 60000,
	    .stale_if_error = true,
	    .wait_ms = 20000,
	    .wait_containerd_ms = 100,
	    .jobs = 4};
	make_layout();
	open_context();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	close_context();
	json_decref(last);
	last = NULL;
	scratch_remove(dir);
	assert_int_equal(count_fds(), open_before);
	return 0;
}

static void
on_answer(void *arg, json_t *answer, const int *fds, size_t fd_count)
{
	(void)arg;
	(void)fds;
	(void)fd_count;
	answered++;
	json_decref(last);
	last = json_incref(answer);
}

static void
send_ask(uint64_t id, const char *kind, const char *repository,
    const char *reference, const char *client)
{
	auto_json json_t *body = json_pack("{s:s, s:I, s:s, s:s, s:s, s:s}",
	    "type", "ask", "id", (json_int_t)id, "kind", kind, "repository",
	    repository, "reference", reference, "client", client);

	answered = 0;
	question_ask(&context, &questions, body, on_answer, NULL);
}

/* Asks and waits for the answer, which is in `last`. */
static void
ask(const char *kind, const char *repository, const char *reference)
{
	send_ask(7, kind, repository, reference, "other");
	loop_until(context.base, &answered);
	assert_int_equal(answered, 1);
	assert_int_equal(json_integer_value(json_object_get(last, "id")), 7);
	assert_true(TAILQ_EMPTY(&questions));
}

static const char *
member(const char *name)
{
	const char *value = json_string_value(json_object_get(last, name));

	return value == NULL ? "" : value;
}

static void
assert_error(const char *code, const char *what, const char *text)
{
	if (strcmp(member("error"), code) != 0 ||
	    strcmp(member("what"), what) != 0 ||
	    strstr(member("message"), text) == NULL)
		fail_msg("%s (%s): %s", member("error"), member("what"),
		    member("message"));
}

static void
assert_digest(const char *text)
{
	if (strcmp(member("digest"), text) != 0)
		fail_msg(
		    "%s: %s, not %s", member("error"), member("message"), text);
}

static void
test_variant_by_tag_and_digest(void **state)
{
	char source[DIGEST_TEXT], source_layer[DIGEST_TEXT];
	auto_free char *variant = NULL;

	(void)state;
	digest_format(&manifest, source);
	digest_format(&layer, source_layer);
	/* Before the variant is known the source's digest says nothing. */
	ask("manifest", "app", source);
	assert_error("not-found", "manifest", "pull the tag");
	ask("manifest", "app", "1");
	assert_string_equal(member("error"), "");
	assert_string_equal(member("media_type"), OCI_TYPE_MANIFEST);
	assert_string_not_equal(member("digest"), source);
	assert_true(json_integer_value(json_object_get(last, "ttl_ms")) > 0);
	variant = mem_strdup(member("digest"));
	/* Again, from what is known: at once. */
	send_ask(8, "manifest", "app", "1", "other");
	assert_int_equal(answered, 1);
	assert_digest(variant);
	ask("manifest", "app", variant);
	assert_digest(variant);
	ask("manifest", "app", source);
	assert_error("not-found", "manifest", variant);
	/* Nothing of the source is reachable under the stripped name. */
	ask("blob", "app", source_layer);
	assert_error("not-found", "blob", "no manifest served as app");
	ask("manifest", "original/app", source);
	assert_digest(source);
	ask("blob", "original/app", source_layer);
	assert_digest(source_layer);
	ask("blob", "app", source_layer);
	assert_error("not-found", "blob", "no manifest served as app");
	ask("manifest", "original/app", variant);
	assert_error("not-found", "manifest", variant);
	/* All of it survives. */
	close_context();
	open_context();
	context.upstreams[0] = &stub.upstream;
	ask("manifest", "app", "1");
	assert_digest(variant);
	ask("blob", "original/app", source_layer);
	assert_digest(source_layer);
	assert_int_equal(stub.asked, 0);
}

/* A tag without a policy passes, with its children, beside one that has. */
static void
test_index_that_passes(void **state)
{
	char index[DIGEST_TEXT], child[DIGEST_TEXT], blob[DIGEST_TEXT];

	(void)state;
	digest_format(&top_index, index);
	digest_format(&manifest, child);
	digest_format(&layer, blob);
	ask("manifest", "app", "2");
	assert_digest(index);
	ask("manifest", "app", index);
	assert_digest(index);
	ask("blob", "app", blob);
	assert_error("not-found", "blob", "refers to");
	ask("manifest", "app", child);
	assert_digest(child);
	ask("blob", "app", blob);
	assert_digest(blob);
	/* A manifest is no blob: a client would remember the wrong type. */
	ask("blob", "app", child);
	assert_error("not-found", "blob", "refers to");
	ask("blob", "app", index);
	assert_error("not-found", "blob", "refers to");
}

/* What passed before there was a policy is not reachable afterwards. */
static void
test_policy_closes_the_source(void **state)
{
	struct policy_set *with = context.policies;
	static const char *const other[] = {
	    "repository: docker.io/library/other\nkeep: [/kept]\n", NULL};
	static const char *const every_tag[] = {
	    "repository: docker.io/library/app\nkeep: [/kept]\n", NULL};
	char child[DIGEST_TEXT], blob[DIGEST_TEXT];

	(void)state;
	digest_format(&manifest, child);
	digest_format(&layer, blob);
	context.policies = scratch_policies(dir, other);
	ask("manifest", "app", child);
	assert_digest(child);
	ask("blob", "app", blob);
	assert_digest(blob);
	policy_set_free(context.policies);
	context.policies = scratch_policies(dir, every_tag);
	ask("manifest", "app", child);
	assert_error("not-found", "manifest", "original/");
	ask("blob", "app", blob);
	assert_error("not-found", "blob", "refers to");
	policy_set_free(context.policies);
	context.policies = with;
}

static void
test_errors(void **state)
{
	auto_json json_t *body = json_pack("{s:s, s:I, s:s, s:s, s:s}", "type",
	    "ask", "id", (json_int_t)5, "kind", "manifest", "repository", "app",
	    "client", "other");

	(void)state;
	ask("manifest", "app", "no-such-tag");
	assert_error("not-found", "manifest", "no-such-tag");
	ask("manifest", "quay.io/app", "1");
	assert_error("not-found", "repository", "quay.io");
	ask("manifest", "app", "broken");
	assert_string_not_equal(member("error"), "");
	ask("blob", "app", "1");
	assert_error("invalid", "manifest", "");
	ask("manifest", "app", "sha256:xyz");
	assert_error("invalid", "manifest", "");
	ask("manifest", "app", "../../v2/other/manifests/1");
	assert_error("invalid", "manifest", "not a tag");
	ask("nonsense", "app", "1");
	assert_error("invalid", "manifest", "not a question");
	question_ask(&context, &questions, body, on_answer, NULL);
	assert_error("invalid", "manifest", "not a tag");
	json_object_set_new(body, "reference", json_string("1"));
	json_object_set_new(body, "request", json_string("12-3 event=x"));
	question_ask(&context, &questions, body, on_answer, NULL);
	assert_error("invalid", "manifest", "id of a request");
	json_object_del(body, "client");
	question_ask(&context, &questions, body, on_answer, NULL);
	assert_error("invalid", "manifest", "client");
	assert_true(TAILQ_EMPTY(&questions));
}

/* A client that asks for one new tag after another is told to come back. */
static void
test_too_much_work(void **state)
{
	uint64_t id;

	(void)state;
	context.upstreams[0] = &stub.upstream;
	answered = 0;
	for (id = 1; answered == 0 && id < 5000; id++) {
		auto_free char *tag = mem_printf("t%d", (int)id);

		send_ask(id, "manifest", "app", tag, "other");
	}
	assert_error("busy", "manifest", "come back");
	assert_int_equal(stub.asked, 1024);
	question_leave_all(&questions);
}

static void
test_wait_is_over(void **state)
{
	struct err e;

	(void)state;
	context.upstreams[0] = &stub.upstream;
	send_ask(1, "manifest", "app", "1", "containerd");
	send_ask(2, "manifest", "app", "1", "other");
	assert_int_equal(stub.asked, 1);
	loop_until(context.base, &answered);
	assert_error("rate-limit", "manifest", "come back");
	assert_int_equal(json_integer_value(json_object_get(last, "id")), 1);
	assert_int_equal(
	    json_integer_value(json_object_get(last, "retry_after_s")), 5);
	/* The work went on, and the other one gets its outcome. */
	answered = 0;
	err_set(&e, ERR_DENIED, "go away");
	stub_fail_manifest(stub_first(&stub), &e);
	assert_int_equal(answered, 1);
	assert_error("denied", "manifest", "go away");
	assert_true(TAILQ_EMPTY(&questions));
}

static void
test_leaving(void **state)
{
	struct err e;

	(void)state;
	context.upstreams[0] = &stub.upstream;
	send_ask(1, "manifest", "app", "1", "other");
	send_ask(2, "manifest", "app", "1", "other");
	question_leave(&questions, 1);
	question_leave(&questions, 99);
	err_set(&e, ERR_UPSTREAM, "gone");
	stub_fail_manifest(stub_first(&stub), &e);
	assert_int_equal(answered, 1);
	assert_int_equal(json_integer_value(json_object_get(last, "id")), 2);
	send_ask(3, "manifest", "app", "1", "other");
	send_ask(4, "manifest", "original/app", "1", "other");
	question_leave_all(&questions);
	stub_fail_manifest(stub_first(&stub), &e);
	assert_int_equal(answered, 0);
	assert_true(TAILQ_EMPTY(&questions));
}

/* What upstream said last serves while it fails, and says so. */
static void
test_stale_answer(void **state)
{
	auto_free char *variant = NULL;
	struct err e;

	(void)state;
	ask("manifest", "app", "1");
	variant = mem_strdup(member("digest"));
	assert_string_equal(member("warning"), "");
	context.config->tag_ttl_ms = 0;
	context.upstreams[0] = &stub.upstream;
	send_ask(1, "manifest", "app", "1", "other");
	err_set(&e, ERR_UPSTREAM, "gone");
	stub_fail_manifest(stub_first(&stub), &e);
	assert_digest(variant);
	assert_non_null(strstr(member("warning"), "110 "));
	/* Not when upstream says that the tag is gone, nor when forbidden. */
	send_ask(2, "manifest", "app", "1", "other");
	err_set(&e, ERR_NOT_FOUND, "no such tag");
	stub_fail_manifest(stub_first(&stub), &e);
	assert_error("not-found", "manifest", "no such tag");
	context.config->stale_if_error = false;
	send_ask(3, "manifest", "app", "1", "other");
	err_set(&e, ERR_TIMEOUT, "slow");
	stub_fail_manifest(stub_first(&stub), &e);
	assert_error("timeout", "manifest", "slow");
	assert_true(TAILQ_EMPTY(&questions));
}

/* A tag that upstream lacks is not asked for again at once. */
static void
test_missing_tag(void **state)
{
	struct err e;

	(void)state;
	context.config->negative_ttl_ms = 60000;
	context.upstreams[0] = &stub.upstream;
	send_ask(1, "manifest", "app", "9", "other");
	err_set(&e, ERR_NOT_FOUND, "no such tag");
	stub_fail_manifest(stub_first(&stub), &e);
	assert_error("not-found", "manifest", "no such tag");
	assert_int_equal(stub.asked, 1);
	send_ask(2, "manifest", "original/app", "9", "other");
	assert_error("not-found", "manifest", "no such tag");
	assert_int_equal(stub.asked, 1);
	/* Another tag is another question; failures are no misses. */
	send_ask(3, "manifest", "app", "8", "other");
	err_set(&e, ERR_UPSTREAM, "broken");
	stub_fail_manifest(stub_first(&stub), &e);
	send_ask(4, "manifest", "app", "8", "other");
	err_set(&e, ERR_NOT_FOUND, "no such tag");
	stub_fail_manifest(stub_first(&stub), &e);
	assert_int_equal(stub.asked, 3);
	assert_true(TAILQ_EMPTY(&questions));
}

/* The end of core in the middle of all that can be under way. */
static void
test_shutdown_with_work(void **state)
{
	struct stub_request *stub_tag;
	char source[DIGEST_TEXT];

	(void)state;
	digest_format(&manifest, source);
	/* A variant that joins an original's manifest, which is older. */
	context.upstreams[0] = &stub.upstream;
	send_ask(2, "manifest", "app", "1", "other");
	stub_tag = stub_first(&stub);
	send_ask(1, "manifest", "original/app", source, "other");
	stub_resolve(stub_tag, &manifest);
	loop_turn(context.base);
	assert_int_equal(answered, 0);
	assert_int_equal(stub.asked, 2);
	assert_int_equal(flights_count(context.env.flights), 2);
}

/* With workers and fetches in flight. */
static void
test_shutdown_while_building(void **state)
{
	(void)state;
	send_ask(1, "manifest", "app", "1", "other");
	loop_turn(context.base);
	assert_int_equal(answered, 0);
	assert_int_equal(flights_count(context.env.flights), 1);
}

static const char *
item(size_t i)
{
	const char *text = json_string_value(
	    json_array_get(json_object_get(last, "items"), i));

	return text == NULL ? "" : text;
}

static void
put_tag(const char *tag)
{
	struct store_tag row = {.checked_ms = 1};
	struct err e;

	assert_int_equal(store_put_tag(context.env.store,
			     "docker.io/library/app", tag, &row, &e),
	    0);
}

/* Upstream's tags, kept for a while; those that were pulled when it is gone. */
static void
test_tags(void **state)
{
	struct err e;

	(void)state;
	ask("tags", "app", "");
	assert_int_equal(json_array_size(json_object_get(last, "items")), 3);
	assert_string_equal(item(0), "1");
	assert_string_equal(item(2), "broken");
	assert_true(json_is_false(json_object_get(last, "more")));
	context.upstreams[0] = &stub.upstream;
	ask("tags", "original/app", "");
	assert_string_equal(item(2), "broken");
	assert_int_equal(stub.asked, 0);
	err_set(&e, ERR_UPSTREAM, "gone");
	/* Known, but too old. */
	context.config->tag_ttl_ms = 0;
	send_ask(1, "tags", "app", "", "other");
	stub_fail_list(stub_first(&stub), &e);
	assert_string_equal(item(2), "broken");
	assert_non_null(strstr(member("warning"), "110 "));
	/* Nothing is known of another one, but what was pulled. */
	send_ask(1, "tags", "other", "", "other");
	stub_fail_list(stub_first(&stub), &e);
	assert_error("upstream", "repository", "gone");
	put_tag("pulled");
	lists_free(context.env.lists);
	context.env.lists = lists_new();
	send_ask(1, "tags", "app", "", "other");
	stub_fail_list(stub_first(&stub), &e);
	assert_string_equal(item(0), "pulled");
	/* Only an upstream that fails is excused. */
	send_ask(1, "tags", "app", "", "other");
	err_set(&e, ERR_DENIED, "no");
	stub_fail_list(stub_first(&stub), &e);
	assert_error("denied", "repository", "no");
}

/* Only what may be pulled under the name is listed. */
static void
test_tags_that_are_served(void **state)
{
	static const char *const policies[] = {
	    "repository: docker.io/library/app\ntags: [\"1\"]\nkeep: [/x]\n",
	    "repository: virtual\nsource: docker.io/library/app\n"
	    "tags: [\"b*\"]\nkeep: [/x]\n",
	    NULL};
	struct policy_set *with = context.policies;

	(void)state;
	context.policies = scratch_policies(dir, policies);
	ask("tags", "app", "");
	assert_int_equal(json_array_size(json_object_get(last, "items")), 3);
	context.config->default_action = CONFIG_DENY;
	ask("tags", "app", "");
	assert_int_equal(json_array_size(json_object_get(last, "items")), 1);
	assert_string_equal(item(0), "1");
	ask("tags", "virtual", "");
	assert_int_equal(json_array_size(json_object_get(last, "items")), 1);
	assert_string_equal(item(0), "broken");
	ask("tags", "original/app", "");
	assert_int_equal(json_array_size(json_object_get(last, "items")), 3);
	ask("tags", "other", "");
	assert_error("denied", "repository", "no policy");
	policy_set_free(context.policies);
	context.policies = with;
}

/* Signatures are of sources; nobody refers to a variant. */
static void
test_referrers_and_signatures(void **state)
{
	char source[DIGEST_TEXT], signature[DIGEST_TEXT + 8];

	(void)state;
	digest_format(&manifest, source);
	snprintf(signature, sizeof(signature), "sha256-%s.sig", source + 7);
	ask("manifest", "app", "1");
	ask("referrers", "app", member("digest"));
	assert_int_equal(json_array_size(json_object_get(last, "items")), 0);
	ask("referrers", "app", source);
	assert_int_equal(json_array_size(json_object_get(last, "items")), 0);
	context.upstreams[0] = &stub.upstream;
	send_ask(1, "referrers", "original/app", source, "other");
	stub_list(stub_first(&stub),
	    json_pack("[{s:s, s:s}]", "digest", "d", "artifactType", "t"));
	assert_int_equal(json_array_size(json_object_get(last, "items")), 1);
	send_ask(1, "referrers", "original/app", source, "other");
	assert_int_equal(stub.asked, 1);
	context.upstreams[0] = layout;
	context.policies->items[0]->tag_count = 0;
	ask("manifest", "app", signature);
	assert_error("not-found", "manifest", "original/");
	context.policies->items[0]->tag_count = 2;
	/* No policy speaks of that tag: upstream is asked. */
	ask("manifest", "app", signature);
	assert_error("not-found", "manifest", "index.json");
}

static const char *
mapped(const char *key)
{
	const char *value = json_string_value(
	    json_object_get(json_object_get(last, "map"), key));

	return value == NULL ? "" : value;
}

static void
test_map(void **state)
{
	auto_free char *variant = NULL;
	char source[DIGEST_TEXT];
	int i;

	(void)state;
	digest_format(&manifest, source);
	ask("map", "app", source);
	assert_error("not-found", "manifest", "pull the tag");
	ask("manifest", "app", "1");
	variant = mem_strdup(member("digest"));
	for (i = 0; i < 2; i++) {
		ask("map", "app", source);
		assert_string_equal(mapped("variant"), variant);
		ask("map", "app", variant);
		assert_string_equal(mapped("source"), source);
		assert_string_equal(
		    mapped("repository"), "docker.io/library/app");
		close_context();
		open_context();
	}
	ask("map", "original/app", source);
	assert_error("not-found", "manifest", "served as it is");
}

/* Past the number of jobs: refused at once, nothing waits. */
static void
test_busy(void **state)
{
	(void)state;
	context.config->jobs = 0;
	ask("manifest", "app", "1");
	assert_error("busy", "manifest", "jobs");
	assert_int_equal(
	    json_integer_value(json_object_get(last, "retry_after_s")), 5);
}

int
main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_variant_by_tag_and_digest),
	    TEST(test_index_that_passes),
	    TEST(test_policy_closes_the_source),
	    TEST(test_errors),
	    TEST(test_too_much_work),
	    TEST(test_wait_is_over),
	    TEST(test_leaving),
	    TEST(test_stale_answer),
	    TEST(test_shutdown_with_work),
	    TEST(test_shutdown_while_building),
	    TEST(test_missing_tag),
	    TEST(test_tags),
	    TEST(test_tags_that_are_served),
	    TEST(test_referrers_and_signatures),
	    TEST(test_map),
	    TEST(test_busy),
	};

	if (argc == 3 && strcmp(argv[1], "--role") == 0)
		return worker_main();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
