/* image_assemble, image_index: the documents of a variant, pinned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "winnow/image.h"
#include "winnow/json.h"

#define D8(c) c c c c c c c c
#define D(c) "sha256:" D8(c) D8(c) D8(c) D8(c) D8(c) D8(c) D8(c) D8(c)
#define LAYER(type, d, extra) \
	"{\"mediaType\":\"" type "\",\"digest\":\"" d "\",\"size\":9" extra "}"
#define ZSTD "application/vnd.oci.image.layer.v1.tar+zstd"
#define FOREIGN "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"

static const char oci_manifest[] =
    "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" OCI_TYPE_CONFIG
    "\",\"digest\":\"" D(
	"1") "\",\"size\":5,\"data\":\"e30=\"},"
	     "\"layers\":[" LAYER(ZSTD, D("2"),
		 ",\"annotations\":{\"io.github."
		 "containers."
		 "zstd-chunked.manifest-checksum\":"
		 "\"x\"}") "," LAYER(OCI_TYPE_LAYER_GZIP, D("3"),
		 "") "," LAYER(OCI_TYPE_LAYER_GZIP, D("4"),
		 ",\"annotations\":{\"keep\":\"me\","
		 "\"containerd.io/snapshot/stargz/"
		 "toc.digest\":\"x\"}") "],"
					"\"subject\""
					":" LAYER(OCI_TYPE_MANIFEST, D("5"),
					    "") ",\"annot"
						"ations\""
						":{\"a\":"
						"\"b\"},"
						"\"future"
						"\":1}";

static const char docker_manifest[] =
    "{\"schemaVersion\":2,\"mediaType\":\"" DOCKER_TYPE_MANIFEST
    "\",\"config\":{\"mediaType\":\"" DOCKER_TYPE_CONFIG "\",\"digest\":\"" D(
	"1") "\",\"size\":5},\"layers\":[" LAYER(FOREIGN, D("2"),
	",\"urls\":[\"https://example.org/\"]") "," LAYER(DOCKER_TYPE_LAYER_GZIP,
	D("3"), "") "," LAYER(DOCKER_TYPE_LAYER_GZIP, D("4"), "") "]}";

static const char config_text[] =
    "{\"architecture\":\"amd64\",\"config\":{},\"rootfs\":{\"type\":"
    "\"layers\",\"diff_ids\":[\"" D("6") "\",\"" D("7") "\",\"" D(
	"8") "\"]},\"history\":[{\"created_by\":\"a\"},{\"created_by\":\"b\","
	     "\"empty_layer\":true},{\"created_by\":\"c\"},{\"created_by\":"
	     "\"d\"}],"
	     "\"os\":\"linux\"}";

static const struct layer_emitted first = {
    .digest = {{0xaa}}, .size = 100, .diff_id = {{0xbb}}, .tar_size = 200};
static const struct layer_emitted last = {
    .digest = {{0xcc}}, .size = 300, .diff_id = {{0xdd}}, .tar_size = 400};
static const struct layer_emitted *const emitted[] = {&first, NULL, &last};
static const struct image_base base = {
    .name = "docker.io/library/x:1", .digest = {{0xee}}};

struct assembled {
	char *config;
	size_t config_len;
	char *manifest;
	size_t manifest_len;
};

static void
assemble(const char *source, struct assembled *a)
{
	auto_json json_t *config = json_loads(config_text, 0, NULL);
	auto_oci_manifest struct oci_manifest *m = NULL;
	struct err e;

	if (oci_manifest_parse(source, strlen(source), NULL, &m, &e) == -1)
		fail_msg("%s", e.message);
	assert_int_equal(
	    image_assemble(m, config, emitted, 3, &base, &a->config,
		&a->config_len, &a->manifest, &a->manifest_len, &e),
	    0);
	assert_int_equal(strlen(a->config), a->config_len);
	assert_int_equal(strlen(a->manifest), a->manifest_len);
}

static void
check_digest(const char *text, const char *expected)
{
	struct digest digest;
	char buf[DIGEST_TEXT];

	digest_of(text, strlen(text), &digest);
	assert_string_equal(digest_format(&digest, buf), expected);
}

static void
test_oci(void **state)
{
	struct assembled a;
	auto_oci_manifest struct oci_manifest *m = NULL;
	struct digest digest;
	struct err e;

	(void)state;
	assemble(oci_manifest, &a);
	assert_null(strstr(a.manifest, "zstd"));
	assert_null(strstr(a.manifest, "stargz"));
	assert_null(strstr(a.manifest, "subject"));
	assert_null(strstr(a.manifest, "\"data\""));
	assert_non_null(strstr(a.manifest, "\"keep\":\"me\""));
	assert_non_null(strstr(a.manifest,
	    "\"annotations\":{\"a\":\"b\",\"org.opencontainers.image.base.name"
	    "\":\"docker.io/library/x:1\",\"org.opencontainers.image.base."
	    "digest\":\"sha256:ee00"));
	assert_non_null(strstr(a.manifest, "\"future\":1}"));
	assert_non_null(strstr(a.config,
	    "{\"created_by\":\"c\",\"empty_layer\":true},"
	    "{\"created_by\":\"d\"}"));
	assert_int_equal(
	    oci_manifest_parse(a.manifest, a.manifest_len, NULL, &m, &e), 0);
	assert_int_equal(m->kind, OCI_IMAGE);
	assert_int_equal(m->layer_count, 2);
	assert_string_equal(m->layers[0].media_type, OCI_TYPE_LAYER_GZIP);
	assert_true(digest_equal(&m->layers[1].digest, &last.digest));
	assert_int_equal(m->layers[1].size, 300);
	digest_of(a.config, a.config_len, &digest);
	assert_true(digest_equal(&m->config.digest, &digest));
	check_digest(a.config,
	    "sha256:"
	    "a6fcff08d369a15112b64c35e083ccf2252d7936f5b33bc14e849722d52bea31");
	check_digest(a.manifest,
	    "sha256:"
	    "d725f10a73adcfbaf303bed7fc6e4037cf32f4e7e8655622f8666f13219ad427");
	free(a.config);
	free(a.manifest);
}

static void
test_docker(void **state)
{
	struct assembled a;

	(void)state;
	assemble(docker_manifest, &a);
	assert_null(strstr(a.manifest, "urls"));
	assert_null(strstr(a.manifest, "foreign"));
	assert_null(strstr(a.manifest, "annotations"));
	assert_null(strstr(a.manifest, "vnd.oci"));
	assert_non_null(strstr(a.manifest,
	    "{\"schemaVersion\":2,\"mediaType\":\"" DOCKER_TYPE_MANIFEST));
	check_digest(a.manifest,
	    "sha256:"
	    "4d37e95a7eefbc94109f829c448b771d6070865a9c66d2ae594ed5396070b613");
	free(a.config);
	free(a.manifest);
}

static void
test_layer_count(void **state)
{
	auto_json json_t *config = json_loads(config_text, 0, NULL);
	auto_oci_manifest struct oci_manifest *m = NULL;
	struct assembled a;
	struct err e;

	(void)state;
	assert_int_equal(oci_manifest_parse(
			     oci_manifest, strlen(oci_manifest), NULL, &m, &e),
	    0);
	assert_int_equal(image_assemble(m, config, emitted, 2, &base, &a.config,
			     &a.config_len, &a.manifest, &a.manifest_len, &e),
	    -1);
	assert_int_equal(e.code, ERR_INVALID);
}

#define CHILD(d, arch, extra)                                      \
	"{\"mediaType\":\"" OCI_TYPE_MANIFEST "\",\"digest\":\"" d \
	"\",\"size\":7,\"platform\":{\"architecture\":\"" arch     \
	"\",\"os\":\"linux\"}" extra "}"

static void
test_index(void **state)
{
	static const char text[] = "{\"schemaVersion\":2,\"manifests\":[" CHILD(
	    D("1"), "amd64", "") "," CHILD(D("2"), "arm64",
	    ",\"annotations\":{\"k\":\"v\"},\"urls\":[\"x\"]") "," CHILD(D("3"),
	    "unknown",
	    ",\"annotations\":{"
	    "\"vnd.docker.reference.type\":\"attestation-manifest\"}") "]}";
	auto_oci_manifest struct oci_manifest *m = NULL;
	struct image_child children[2];
	auto_free char *out = NULL;
	struct oci_descriptor other = {0};
	size_t len = 0;
	struct err e;

	(void)state;
	assert_int_equal(
	    oci_manifest_parse(text, strlen(text), NULL, &m, &e), 0);
	children[0] = (struct image_child){
	    .source = &m->manifests[1], .digest = {{0x12}}, .size = 50};
	assert_int_equal(image_index(m, children, 1, &base, &out, &len, &e), 0);
	assert_string_equal(out,
	    "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":"
	    "\"" OCI_TYPE_MANIFEST
	    "\",\"digest\":\"sha256:1200000000000000000000"
	    "000000000000000000000000000000000000000000\",\"size\":50,"
	    "\"platform\":{\"architecture\":\"arm64\",\"os\":\"linux\"},"
	    "\"annotations\":{\"k\":\"v\"}}],\"annotations\":{"
	    "\"org.opencontainers.image.base.name\":\"docker.io/library/x:1\","
	    "\"org.opencontainers.image.base.digest\":\"sha256:ee000000000000"
	    "00000000000000000000000000000000000000000000000000\"}}");
	assert_int_equal(len, strlen(out));
	children[1] = (struct image_child){.source = &other};
	assert_int_equal(
	    image_index(m, children, 2, &base, &out, &len, &e), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_oci),
	    cmocka_unit_test(test_docker),
	    cmocka_unit_test(test_layer_count),
	    cmocka_unit_test(test_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
