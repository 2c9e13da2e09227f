/* image_config: checks against layers, edits, directories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../common/image_config.h"
#include "fixture.h"
#include "winnow/json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ID                                                                   \
	"\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61" \
	"caaff8a\""
#define CONFIG(runtime, diff_ids, history)                          \
	"{\"os\":\"linux\",\"x\":1,\"config\":{" runtime            \
	"},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[" diff_ids \
	"]},\"history\":[" history "],\"y\":[null]}"

static json_t *
parse(const char *text, size_t layers)
{
	json_t *config = NULL;
	struct err e;

	if (image_config_parse(text, strlen(text), layers, &config, &e) == -1)
		fail_msg("%s", e.message);
	return config;
}

static void
test_refuses(void **state)
{
	static const struct {
		const char *text;
		size_t layers;
		const char *says;
	} cases[] = {
	    {"[]", 0, "not a JSON object"},
	    {"{}", 0, "rootfs"},
	    {CONFIG("", ID, ""), 2, "1 diff_ids for the manifest's 2 layers"},
	    {CONFIG("", ID "," ID, ""), 1, "2 diff_ids"},
	    {CONFIG("", "\"sha256:0\"", ""), 1, "diff_ids[0]"},
	    {CONFIG("", ID, "{},{\"empty_layer\":true},{}"), 1,
		"2 history entries"},
	    {CONFIG("", ID, "7"), 1, "history[0]"},
	    {CONFIG("", ID, "{\"empty_layer\":\"true\"}"), 1,
		"\"empty_layer\" is not true or false"},
	    {CONFIG("\"Cmd\":\"sh\"", "", ""), 0, "Cmd"},
	    {CONFIG("\"Env\":[\"A=b\",1]", "", ""), 0, "Env[1]"},
	    {CONFIG("\"User\":7", "", ""), 0, "User"},
	    {CONFIG("\"Volumes\":[]", "", ""), 0, "Volumes"},
	    /* One member to clients, two to us. */
	    {CONFIG("\"User\":\"5\",\"user\":\"0\"", "", ""), 0,
		"config: \"User\" is there twice"},
	    {CONFIG("\"u\u017fer\":\"0\",\"User\":\"5\"", "", ""), 0,
		"config: \"User\" is there twice"},
	    {CONFIG("\"Healthcheck\":{\"Test\":[],\"TEST\":[]}", "", ""), 0,
		"config: Healthcheck: \"Test\" is there twice"},
	    {CONFIG("},\"Config\":{", "", ""), 0, "\"config\" is there twice"},
	    {CONFIG("", "],\"DIFF_IDS\":[" ID, ""), 0,
		"rootfs: \"diff_ids\" is there twice"},
	    {CONFIG("", ID, "{\"empty_layer\":false,\"Empty_Layer\":true}"), 1,
		"history[0]: \"empty_layer\" is there twice"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		json_t *config = NULL;
		struct err e = {0};

		assert_int_equal(
		    image_config_parse(cases[i].text, strlen(cases[i].text),
			cases[i].layers, &config, &e),
		    -1);
		assert_int_equal(e.code, ERR_INVALID);
		if (strstr(e.message, cases[i].says) == NULL)
			fail_msg("%s", e.message);
	}
}

static void
test_edits(void **state)
{
	static const struct {
		const char *before, *edits, *after;
	} cases[] = {
	    {"\"User\":\"a\",\"Z\":{}", "{\"user\":\"b\",\"workdir\":\"/w\"}",
		"\"User\":\"b\",\"Z\":{},\"WorkingDir\":\"/w\""},
	    {"\"Cmd\":[\"c\"],\"Entrypoint\":[\"e\"]",
		"{\"entrypoint\":[\"n\"]}", "\"Entrypoint\":[\"n\"]"},
	    {"\"Cmd\":[\"c\"],\"Entrypoint\":[\"e\"]",
		"{\"entrypoint\":[\"n\"],\"cmd\":[\"d\"]}",
		"\"Entrypoint\":[\"n\"],\"Cmd\":[\"d\"]"},
	    {"\"Cmd\":[\"c\"],\"Entrypoint\":[\"e\"]", "{\"cmd\":null}",
		"\"Entrypoint\":[\"e\"]"},
	    {"\"Env\":[\"A=1\",\"B=2\",\"AB=3\"]",
		"{\"env\":{\"A\":\"9\",\"B\":null,\"C\":\"4\"}}",
		"\"Env\":[\"A=9\",\"AB=3\",\"C=4\"]"},
	    /* The last of several would count. */
	    {"\"Env\":[\"A=1\",\"B=1\",\"A=2\",\"B=2\"]",
		"{\"env\":{\"A\":\"9\",\"B\":null}}", "\"Env\":[\"A=9\"]"},
	    /* Members as clients take them. */
	    {"\"user\":\"a\",\"Z\":{},\"wor\u212aingDir\":\"/\"",
		"{\"user\":\"b\"}",
		"\"User\":\"b\",\"Z\":{},\"WorkingDir\":\"/\""},
	    {"\"Users\":\"a\",\"labels\":{\"B\":\"1\",\"b\":\"2\"}",
		"{\"user\":\"b\"}",
		"\"Users\":\"a\",\"Labels\":{\"B\":\"1\",\"b\":\"2\"},"
		"\"User\":\"b\""},
	    {"\"Labels\":{\"a\":\"1\",\"b\":\"2\"}",
		"{\"labels\":{\"b\":null,\"c\":\"3\"}}",
		"\"Labels\":{\"a\":\"1\",\"c\":\"3\"}"},
	    {"\"Healthcheck\":{\"Test\":[\"NONE\"]}", "{\"healthcheck\":null}",
		""},
	    {"",
		"{\"healthcheck\":{\"test\":[\"CMD\",\"x\"],\"interval\":"
		"\"30s\",\"retries\":3}}",
		"\"Healthcheck\":{\"Test\":[\"CMD\",\"x\"],\"Interval\":"
		"30000000000,\"Retries\":3}"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		auto_json json_t *edits = json_loads(cases[i].edits, 0, NULL);
		auto_json json_t *config = NULL;
		auto_free char *before = NULL, *after = NULL, *text = NULL;
		struct err e;

		assert_int_not_equal(
		    asprintf(&before, CONFIG("%s", "", ""), cases[i].before),
		    -1);
		assert_int_not_equal(
		    asprintf(&after, CONFIG("%s", "", ""), cases[i].after), -1);
		config = parse(before, 0);
		/* No pattern among the edits: no tree is looked at. */
		assert_int_equal(image_config_edit(config, edits, NULL, &e), 0);
		text = json_format(config, NULL);
		assert_string_equal(text, after);
	}
}

/* Two versions of an application, and a link to the one. */
static const struct fixture_entry versions[] = {
    {.path = "opt/erl/erts-13.1/bin/erlexec"},
    {.path = "opt/erl/erts-13.1/bin/beam"},
    {.path = "opt/app-1/run"},
    {.path = "opt/app-2/run"},
    {.path = "usr/lib/jvm/java-17/bin/java"},
    {.type = ENTRY_SYMLINK, .path = "usr/lib/jvm/java-1.17", .link = "java-17"},
    {.type = ENTRY_SYMLINK, .path = "lib", .link = "usr/lib"},
    {.type = ENTRY_SYMLINK, .path = "opt/dead-1", .link = "nowhere"},
    {.path = "opt/odd-\xff/x"},
};

static void
test_paths(void **state)
{
	static const struct {
		const char *edits, *after;
	} cases[] = {
	    {"{\"entrypoint\":[{\"path\":\"/opt/erl/erts-*/bin/erlexec\"},"
	     "\"-x\",{\"path\":\"/opt/app-1/*\"}],\"cmd\":[\"/opt/app-*\"]}",
		"\"Entrypoint\":[\"/opt/erl/erts-13.1/bin/erlexec\",\"-x\","
		"\"/opt/app-1/run\"],\"Cmd\":[\"/opt/app-*\"]"},
	    {"{\"workdir\":{\"path\":\"/opt/erl/erts-*\"}}",
		"\"WorkingDir\":\"/opt/erl/erts-13.1\""},
	    /* A variable may be called path. */
	    {"{\"env\":{\"path\":\"/opt/*\",\"BIN\":{\"path\":"
	     "\"/opt/{erl,erlang}/erts-*/bin\"},\"X\":null}}",
		"\"Env\":[\"path=/opt/*\",\"BIN=/opt/erl/erts-13.1/bin\"]"},
	    {"{\"healthcheck\":{\"test\":[\"CMD\",{\"path\":"
	     "\"/opt/app-[2-9]/run\"}]}}",
		"\"Healthcheck\":{\"Test\":[\"CMD\",\"/opt/app-2/run\"]}"},
	    /* Names of one directory, and a prefix that is a link. */
	    {"{\"env\":{\"JAVA_HOME\":{\"path\":\"/lib/jvm/java-*\"}}}",
		"\"Env\":[\"JAVA_HOME=/usr/lib/jvm/java-17\"]"},
	    {"{\"cmd\":[{\"path\":\"/usr/lib/jvm/java-1.*\"}]}",
		"\"Cmd\":[\"/usr/lib/jvm/java-1.17\"]"},
	};
	struct layer_index *layer = fixture_layer(versions, COUNT(versions));
	auto_tree struct tree *t = fixture_tree(layer);
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		auto_json json_t *edits = json_loads(cases[i].edits, 0, NULL);
		auto_json json_t *config = parse(CONFIG("", "", ""), 0);
		auto_free char *after = NULL, *text = NULL;
		struct err e;

		assert_int_not_equal(
		    asprintf(&after, CONFIG("%s", "", ""), cases[i].after), -1);
		if (image_config_edit(config, edits, t, &e) == -1)
			fail_msg("%s", e.message);
		text = json_format(config, NULL);
		assert_string_equal(text, after);
	}
	fixture_free_layer(layer);
}

static void
test_refuses_paths(void **state)
{
	static const struct {
		const char *edits, *says;
	} cases[] = {
	    {"{\"entrypoint\":[\"x\",{\"path\":\"/opt/*/nothing\"}]}",
		"config.entrypoint[1]: /opt/*/nothing names nothing"},
	    {"{\"env\":{\"HOME\":{\"path\":\"/opt/app-*/run\"}}}",
		"config.env.HOME: /opt/app-*/run names several paths of the "
		"image, /opt/app-1/run and /opt/app-2/run"},
	    {"{\"cmd\":[{\"path\":\"/opt/dead-*\"}]}",
		"config.cmd[0]: /opt/dead-* names nothing"},
	    {"{\"workdir\":{\"path\":\"/opt/odd-*\"}}",
		"config.workdir: what /opt/odd-* names is not UTF-8"},
	    {"{\"healthcheck\":{\"test\":[\"CMD\",{\"path\":\"/x\"}]}}",
		"config.healthcheck.test[1]: /x names nothing"},
	};
	struct layer_index *layer = fixture_layer(versions, COUNT(versions));
	auto_tree struct tree *t = fixture_tree(layer);
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		auto_json json_t *edits = json_loads(cases[i].edits, 0, NULL);
		auto_json json_t *config = parse(CONFIG("", "", ""), 0);
		struct err e = {0};

		assert_int_equal(image_config_edit(config, edits, t, &e), -1);
		assert_int_equal(e.code, ERR_POLICY);
		if (strstr(e.message, cases[i].says) == NULL)
			fail_msg("%s", e.message);
	}
	fixture_free_layer(layer);
}

static void
test_dirs(void **state)
{
	static const struct fixture_entry entries[] = {
	    {.path = "etc/passwd",
		.content = "root:x:0:0:root:/root:/bin/sh\n"
			   "www:x:33:33::/srv/www:/sbin/nologin\n"
			   "nobody:x:65534:65534::/nonexistent:/bin/false"},
	    {.type = ENTRY_DIRECTORY, .path = "root"},
	    {.type = ENTRY_DIRECTORY, .path = "srv/www"},
	};
	static const struct {
		const char *runtime;
		const char *dirs; /* joined by spaces */
	} cases[] = {
	    {"", "root"},
	    {"\"User\":\"www\",\"WorkingDir\":\"/data/./x/\"",
		"data/x srv/www"},
	    {"\"User\":\"33:0\",\"WorkingDir\":\"/\"", "srv/www"},
	    {"\"User\":\"nobody\",\"Volumes\":{\"/v/../w\":{},\"/u\":{}}",
		"w u"},
	    {"\"User\":\"ghost\"", ""},
	};
	struct layer_index *layer = fixture_layer(entries, COUNT(entries));
	auto_tree struct tree *t = fixture_tree(layer);
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		auto_json json_t *config = NULL;
		auto_free char *text = NULL;
		auto_strbuf struct strbuf joined;
		struct selection_config dirs = {0};
		struct err e;

		strbuf_init(&joined, 1000);
		assert_int_not_equal(
		    asprintf(&text, CONFIG("%s", "", ""), cases[i].runtime),
		    -1);
		config = parse(text, 0);
		assert_int_equal(
		    image_config_selection(config, t, &dirs, &e), 0);
		for (j = 0; j < dirs.count; j++)
			strbuf_add_format(
			    &joined, "%s%s", j == 0 ? "" : " ", dirs.paths[j]);
		assert_string_equal(strbuf_string(&joined), cases[i].dirs);
		image_config_clear_selection(&dirs);
	}
	fixture_free_layer(layer);
}

static void
test_env(void **state)
{
	auto_json json_t *config =
	    parse(CONFIG("\"Env\":[\"PATHS=no\",\"PATH=/bin\"]", "", ""), 0);

	(void)state;
	assert_string_equal(image_config_env(config, "PATH"), "/bin");
	assert_null(image_config_env(config, "HOME"));
	assert_string_equal(image_config_string(config, "User"), "");
	assert_null(image_config_list(config, "Cmd"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_refuses),
	    cmocka_unit_test(test_edits),
	    cmocka_unit_test(test_paths),
	    cmocka_unit_test(test_refuses_paths),
	    cmocka_unit_test(test_dirs),
	    cmocka_unit_test(test_env),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
