/* oci: manifests and indexes of both families, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "winnow/oci.h"
#include "winnow/strbuf.h"

#define HEX "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
#define DESC(type, size)                                       \
	"{\"mediaType\":\"" type "\",\"digest\":\"sha256:" HEX \
	"\",\"size\":" size "}"
#define OCI_CONFIG DESC(OCI_TYPE_CONFIG, "7")
#define OCI_LAYER DESC(OCI_TYPE_LAYER_GZIP, "9")
#define MANIFEST(extra, config, layers)                    \
	"{\"schemaVersion\":2" extra ",\"config\":" config \
	",\"layers\":[" layers "]}"
#define INDEX(extra, manifests) \
	"{\"schemaVersion\":2" extra ",\"manifests\":[" manifests "]}"
#define TYPE(t) ",\"mediaType\":\"" t "\""

static void
test_accepts(void **state)
{
	static const struct {
		const char *text, *told, *type;
		enum oci_kind kind;
		bool docker;
		size_t layers;
	} cases[] = {
	    {MANIFEST("", OCI_CONFIG, OCI_LAYER), NULL, OCI_TYPE_MANIFEST,
		OCI_IMAGE, false, 1},
	    {MANIFEST(TYPE(OCI_TYPE_MANIFEST), OCI_CONFIG, ""),
		"application/json", OCI_TYPE_MANIFEST, OCI_IMAGE, false, 0},
	    {MANIFEST(TYPE(DOCKER_TYPE_MANIFEST), DESC(DOCKER_TYPE_CONFIG, "7"),
		 DESC(DOCKER_TYPE_LAYER_GZIP, "1") "," DESC(
		     "application/vnd.docker.image.rootfs.foreign.diff.tar."
		     "gzip",
		     "2")),
		DOCKER_TYPE_MANIFEST "; charset=utf-8", DOCKER_TYPE_MANIFEST,
		OCI_IMAGE, true, 2},
	    {MANIFEST(
		 "", OCI_CONFIG, DESC("application/vnd.in-toto+json", "9")),
		NULL, OCI_TYPE_MANIFEST, OCI_ARTIFACT, false, 1},
	    {MANIFEST("", DESC("application/vnd.cncf.helm.config.v1+json", "7"),
		 OCI_LAYER),
		NULL, OCI_TYPE_MANIFEST, OCI_ARTIFACT, false, 1},
	    {INDEX("", ""), NULL, OCI_TYPE_INDEX, OCI_INDEX, false, 0},
	    {INDEX("", ""), DOCKER_TYPE_LIST, DOCKER_TYPE_LIST, OCI_INDEX, true,
		0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_oci_manifest struct oci_manifest *m = NULL;
		struct err e = {0};

		if (oci_manifest_parse(cases[i].text, strlen(cases[i].text),
			cases[i].told, &m, &e) == -1)
			fail_msg("case %zu: %s", i, e.message);
		assert_string_equal(m->media_type, cases[i].type);
		assert_int_equal(m->kind, cases[i].kind);
		assert_int_equal(m->docker, cases[i].docker);
		assert_int_equal(m->layer_count, cases[i].layers);
	}
}

static void
test_descriptors(void **state)
{
	static const char text[] = INDEX("",
	    "{\"mediaType\":\"" OCI_TYPE_MANIFEST "\",\"digest\":\"sha256:" HEX
	    "\",\"size\":12,\"platform\":{\"os\":\"linux\","
	    "\"architecture\":\"arm\",\"variant\":\"v7\"}},"
	    "{\"mediaType\":\"" OCI_TYPE_MANIFEST "\",\"digest\":\"sha256:" HEX
	    "\",\"size\":13,\"annotations\":{\"vnd.docker.reference.type\":"
	    "\"attestation-manifest\"},\"platform\":{\"os\":\"unknown\","
	    "\"architecture\":\"unknown\"}}," DESC(OCI_TYPE_MANIFEST, "14"));
	auto_oci_manifest struct oci_manifest *m = NULL;
	char buf[DIGEST_TEXT];
	struct err e;

	(void)state;
	assert_int_equal(
	    oci_manifest_parse(text, strlen(text), NULL, &m, &e), 0);
	assert_int_equal(m->manifest_count, 3);
	assert_int_equal(m->manifests[0].size, 12);
	assert_string_equal(
	    digest_format(&m->manifests[0].digest, buf), "sha256:" HEX);
	assert_true(m->manifests[0].has_platform);
	assert_string_equal(m->manifests[0].platform.variant, "v7");
	assert_false(m->manifests[0].attestation);
	assert_true(m->manifests[1].attestation);
	assert_false(m->manifests[2].has_platform);
}

static void
test_refuses(void **state)
{
	static const struct {
		const char *name, *text, *told;
		enum err_code code;
		const char *says;
	} cases[] = {
	    {"not json", "{", NULL, ERR_INVALID, "not JSON"},
	    {"schema 1", "{\"schemaVersion\":1,\"fsLayers\":[]}", NULL,
		ERR_UNSUPPORTED, "schema 1"},
	    {"schema 1 alone", "{\"schemaVersion\":1}", NULL, ERR_UNSUPPORTED,
		"schema 1"},
	    {"schema 1 by type", INDEX("", ""),
		"application/vnd.docker.distribution.manifest.v1+prettyjws",
		ERR_UNSUPPORTED, "schema 1"},
	    {"no version", "{\"manifests\":[]}", NULL, ERR_INVALID,
		"schemaVersion"},
	    {"version 3", "{\"schemaVersion\":3,\"manifests\":[]}", NULL,
		ERR_INVALID, "schemaVersion"},
	    {"both shapes",
		"{\"schemaVersion\":2,\"manifests\":[],\"layers\":[]}", NULL,
		ERR_INVALID, "both a manifest and an index"},
	    {"type disagrees",
		MANIFEST(TYPE(OCI_TYPE_MANIFEST), OCI_CONFIG, ""),
		DOCKER_TYPE_MANIFEST, ERR_INVALID, "calls itself"},
	    {"manifest called index", MANIFEST("", OCI_CONFIG, ""),
		OCI_TYPE_INDEX, ERR_INVALID, "\"manifests\" is missing"},
	    {"unknown type", INDEX("", ""), "text/html", ERR_UNSUPPORTED,
		"text/html"},
	    {"no config", "{\"schemaVersion\":2,\"layers\":[]}", NULL,
		ERR_INVALID, "config"},
	    {"huge config", MANIFEST("", DESC(OCI_TYPE_CONFIG, "9000000"), ""),
		NULL, ERR_LIMIT, "config"},
	    {"negative size",
		MANIFEST("", OCI_CONFIG, DESC(OCI_TYPE_LAYER_GZIP, "-1")), NULL,
		ERR_INVALID, "layers[0]"},
	    {"size as text",
		MANIFEST("", OCI_CONFIG, DESC(OCI_TYPE_LAYER_GZIP, "\"1\"")),
		NULL, ERR_INVALID, "size"},
	    {"layer is a number", MANIFEST("", OCI_CONFIG, OCI_LAYER ",7"),
		NULL, ERR_INVALID, "layers[1]"},
	    {"sha512",
		INDEX("",
		    "{\"mediaType\":\"x\",\"size\":1,\"digest\":"
		    "\"sha512:00\"}"),
		NULL, ERR_UNSUPPORTED, "manifests[0]"},
	    {"platform without os",
		INDEX("",
		    "{\"mediaType\":\"x\","
		    "\"size\":1,\"digest\":\"sha256:" HEX "\",\"platform\":{"
		    "\"architecture\":\"amd64\"}}"),
		NULL, ERR_INVALID, "platform"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct oci_manifest *m = NULL;
		struct err e = {0};

		if (oci_manifest_parse(cases[i].text, strlen(cases[i].text),
			cases[i].told, &m, &e) != -1)
			fail_msg("%s: accepted", cases[i].name);
		if (e.code != cases[i].code ||
		    strstr(e.message, cases[i].says) == NULL)
			fail_msg("%s: %s: %s", cases[i].name,
			    err_code_name(e.code), e.message);
		assert_null(m);
	}
}

static void
test_too_many_layers(void **state)
{
	auto_strbuf struct strbuf b;
	struct oci_manifest *m = NULL;
	struct err e;
	int i;

	(void)state;
	strbuf_init(&b, 1 << 20);
	strbuf_add_string(
	    &b, "{\"schemaVersion\":2,\"config\":" OCI_CONFIG ",\"layers\":[");
	for (i = 0; i < 257; i++)
		strbuf_add_string(&b, i == 0 ? OCI_LAYER : "," OCI_LAYER);
	strbuf_add_string(&b, "]}");
	assert_int_equal(oci_manifest_parse(b.data, b.len, NULL, &m, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
}

static void
test_platforms(void **state)
{
	static const struct {
		const char *have, *want;
		bool matches;
	} cases[] = {
	    {"linux/amd64", "linux/amd64", true},
	    {"linux/amd64", "linux/arm64", false},
	    {"windows/amd64", "linux/amd64", false},
	    {"linux/arm64", "linux/arm64/v8", true},
	    {"linux/arm64/v8", "linux/arm64", true},
	    {"linux/arm64/v9", "linux/arm64", false},
	    {"linux/arm/v7", "linux/arm", true},
	    {"linux/arm/v6", "linux/arm/v7", false},
	};
	static const char *const bad[] = {"", "linux", "linux/", "/amd64",
	    "linux/amd64/", "linux/a/b/c", "linux/am d64", "linux/amd64/v\n"};
	struct oci_platform a = {0}, b = {0};
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(oci_platform_parse(cases[i].have, &a, &e), 0);
		assert_int_equal(oci_platform_parse(cases[i].want, &b, &e), 0);
		assert_int_equal(
		    oci_platform_matches(&a, &b), cases[i].matches);
		oci_platform_clear(&a);
		oci_platform_clear(&b);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(oci_platform_parse(bad[i], &a, &e), -1);
		assert_int_equal(e.code, ERR_INVALID);
	}
	assert_int_equal(oci_platform_parse(oci_platform_host(), &a, &e), 0);
	oci_platform_clear(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_accepts),
	    cmocka_unit_test(test_descriptors),
	    cmocka_unit_test(test_refuses),
	    cmocka_unit_test(test_too_many_layers),
	    cmocka_unit_test(test_platforms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
