/* config: every key, its default, its mistakes, and its documents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "../../daemon/config.h"
#include "../../daemon/config_keys.h"
#include "winnow/fsutil.h"
#include "winnow/mem.h"
#include "winnow/strbuf.h"
#include "winnow/yaml.h"

/* Loads a text as a file; what is wrong goes to `mistakes`. */
static int
load(const char *text, struct config **out, char **mistakes)
{
	struct yaml_mistakes list = {0};
	auto_strbuf struct strbuf b;
	char path[] = "/tmp/test_config.XXXXXX";
	auto_fd int fd = mkstemp(path);
	struct err e;
	int status;

	assert_int_equal(fsutil_write_all(fd, text, strlen(text), &e), 0);
	status = config_load(path, out, &list, &e);
	strbuf_init(&b, 65536);
	yaml_mistakes_format(&list, &b);
	*mistakes = mem_strdup(strbuf_string(&b));
	yaml_mistakes_clear(&list);
	unlink(path);
	return status;
}

static char *
print(const struct config *c)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	config_print(c, f);
	fclose(f);
	return text;
}

static char *
read_source(const char *name)
{
	auto_free char *path = mem_printf("%s/%s", getenv("top_srcdir"), name);
	char *text;
	size_t len;
	struct err e;

	assert_int_equal(
	    fsutil_read_file(-1, path, 1 << 20, &text, &len, &e), 0);
	return text;
}

/* What is printed of it reads back as the same. */
static void
again_equal(const struct config *c)
{
	auto_config struct config *again = NULL;
	auto_free char *mistakes = NULL, *text = print(c), *more = NULL;

	if (load(text, &again, &mistakes) == -1)
		fail_msg("%s%s", text, mistakes);
	more = print(again);
	assert_string_equal(text, more);
}

static void
test_values(void **state)
{
	static const char text[] =
	    "listen: [\"[::1]:443\", \"0.0.0.0:80\",\n"
	    "  \"tls://[::]:443\", \"unix:/run/w\",\n"
	    "  \"fd:winnow.socket\", \"tls://fd:x\"]\n"
	    "tls:\n"
	    "  certificates: [{chain: a.pem, key: /k}]\n"
	    "  auto: [proxy.local, 192.0.2.1, \"::1\"]\n"
	    "  client_ca: b.pem\n"
	    "  client_certificate: required\n"
	    "htpasswd: users\n"
	    "groups: {ops: [carol, dave]}\n"
	    "access:\n"
	    "  - {users: [bob, \"@ops\"], pull: [a/**]}\n"
	    "  - pull: [\"**\", b]\n"
	    "store: data\n"
	    "policies: /p\n"
	    "default_upstream: ghcr.io\n"
	    "default: deny\n"
	    "tag_ttl: 90s\n"
	    "stale_if_error: false\n"
	    "worker_memory: 512M\n"
	    "connections: 7\n"
	    "platforms: [linux/arm64/v8]\n"
	    "upstreams:\n"
	    "  ghcr.io:\n"
	    "    url: https://ghcr.io\n"
	    "    username: me\n"
	    "    password_file: secret\n"
	    "  docker.io: {url: \"oci:images\"}\n";
	auto_config struct config *c = NULL;
	auto_free char *mistakes = NULL;
	const struct config_upstream *u;

	(void)state;
	assert_int_equal(load(text, &c, &mistakes), 0);
	assert_int_equal(c->listen_count, 6);
	assert_string_equal(c->listen[0], "[::1]:443");
	assert_int_equal(c->tls.certificate_count, 1);
	assert_string_equal(c->tls.certificates[0].chain, "/tmp/a.pem");
	assert_string_equal(c->tls.certificates[0].key, "/k");
	assert_int_equal(c->tls.auto_count, 3);
	assert_string_equal(c->tls.auto_names[2], "::1");
	assert_string_equal(c->tls.client_ca, "/tmp/b.pem");
	assert_true(c->tls.client_required);
	assert_string_equal(c->htpasswd, "/tmp/users");
	assert_int_equal(c->access.rule_count, 2);
	assert_int_equal(c->access.rules[0].user_count, 3);
	assert_string_equal(c->access.rules[0].users[2], "dave");
	assert_true(c->access.rules[1].everybody);
	assert_string_equal(c->access.rules[1].pull[1], "b");
	again_equal(c);
	assert_string_equal(c->store, "/tmp/data");
	assert_string_equal(c->policies, "/p");
	assert_int_equal(c->default_action, CONFIG_DENY);
	assert_int_equal(c->tag_ttl_ms, 90000);
	assert_false(c->stale_if_error);
	assert_int_equal(c->worker_memory, 512u << 20);
	assert_int_equal(c->connections, 7);
	assert_string_equal(c->platforms[0], "linux/arm64/v8");
	assert_int_equal(c->wait_ms, 600000);
	u = config_find_upstream(c, "ghcr.io");
	assert_string_equal(u->username, "me");
	assert_string_equal(u->password_file, "/tmp/secret");
	assert_null(u->ca_file);
	u = config_find_upstream(c, "docker.io");
	assert_string_equal(u->url, "oci:/tmp/images");
	assert_null(config_find_upstream(c, "quay.io"));
}

/* The defaults, and that what is printed reads back as the same. */
static void
test_print(void **state)
{
	auto_config struct config *c = NULL, *again = NULL;
	auto_free char *m1 = NULL, *m2 = NULL, *t1 = NULL, *t2 = NULL;

	(void)state;
	assert_int_equal(load("", &c, &m1), 0);
	assert_int_equal(c->servers, c->workers);
	assert_true(c->servers > 0);
	assert_string_equal(config_find_upstream(c, "docker.io")->url,
	    "https://registry-1.docker.io");
	t1 = print(c);
	assert_non_null(strstr(t1, "\ntag_ttl: 5m\n"));
	assert_non_null(strstr(t1, "\nidle_timeout: 75s\n"));
	assert_non_null(strstr(t1, "\nworker_memory: 2G\n"));
	assert_int_equal(load(t1, &again, &m2), 0);
	t2 = print(again);
	assert_string_equal(t1, t2);
}

static void
test_mistakes(void **state)
{
	static const struct {
		const char *text, *mistake; /* from the line on */
	} cases[] = {
	    {"listenn: [a]\n", ":1:1: "},
	    {"- a\n", ":1:1: "},
	    {"listen: x\n", ":1:9: "},
	    {"listen: []\n", ":1:9: listen must have 1 to 12 items"},
	    {"listen: [\"localhost:1\"]\n",
		":1:10: \"localhost:1\": not ADDRESS"},
	    {"listen: [\"1.2.3.4:0\"]\n", ":1:10: "},
	    {"listen: [\"::1:5\"]\n", ":1:10: "},
	    {"listen: [\"unix:winnow.sock\"]\n",
		":1:10: \"unix:winnow.sock\": "
		"the path of a socket must"},
	    {"listen: [\"unix:/0123456789012345678901234567890123456789"
	     "01234567890123456789012345678901234567890123456789"
	     "012345678901234567\"]\n",
		"the path of a socket has at most 107 bytes"},
	    {"listen: [\"fd:\"]\n", ":1:10: \"fd:\": fd: must name"},
	    {"listen: [\"tls://tls://[::1]:1\"]\n", ":1:10: "},
	    {"listen: [\"http://[::1]:1\"]\n", ":1:10: "},
	    {"listen: [\"tls://[::1]:1\"]\n",
		":1:10: \"tls://[::1]:1\" needs a certificate"},
	    {"tls: {certificates: [{chain: a}]}\n", ":1:22: "},
	    {"tls: {certificates: [a]}\n", ":1:22: "},
	    {"tls: {auto: []}\n", ":1:13: auto must have 1 to 64 names"},
	    {"tls: {auto: [\"a:443\"]}\n", ":1:14: \"a:443\" is not a host"},
	    {"tls: {client_ca: a, client_certificate: may}\n",
		":1:41: client_certificate must be optional or"},
	    {"tls: {client_certificate: required}\n",
		":1:27: client_certificate needs client_ca"},
	    {"access: [{users: [a]}]\n", ":1:10: "},
	    {"access: [{users: [\"@x\"], pull: [a]}]\n",
		":1:19: there is no group \"x\""},
	    {"access: [{pull: [/a]}]\n", ":1:18: a pattern starts with"},
	    {"access: [{pull: [\"a//b\"]}]\n", ":1:18: "},
	    {"access: [{pull: [\"[\"]}]\n", ":1:18: "},
	    {"groups: {a: b}\n", ":1:13: "},
	    {"htpasswd: \"\"\n", ":1:11: htpasswd must not be empty"},
	    {"store: \"\"\n", ":1:8: store must not be empty"},
	    {"default: maybe\n", ":1:10: default must be pass or deny"},
	    {"platforms: [amd64]\n", ":1:13: \"amd64\" is not a platform"},
	    {"servers: 0\n", ":1:10: "},
	    {"servers: two\n", ":1:10: "},
	    {"tag_ttl: soon\n", ":1:10: "},
	    {"wait: 0s\n", ":1:7: wait must be from 1000 to "},
	    {"worker_memory: 1K\n", ":1:16: worker_memory must be from "},
	    {"stale_if_error: perhaps\n", ":1:17: "},
	    {"original_prefix: a/b\n", ":1:18: "},
	    {"log_level: loud\n", ":1:12: \"loud\" is not error, warn"},
	    {"default_upstream: quay.io\n", ":1:19: \"quay.io\" is not among"},
	    {"upstreams: {a/b: {url: \"http://x\"}}\n",
		":1:13: \"a/b\" is not"},
	    {"upstreams: {a.b: {}}\n", ":1:18: "},
	    {"upstreams: {a.b: {url: \"ftp://x\"}}\n", ":1:24: url must be"},
	    {"upstreams: {a.b: {url: \"https:///x\"}}\n", ":1:24: url must be"},
	    {"upstreams: {a.b: {url: \"https://u:p@x\"}}\n",
		":1:24: url must be"},
	    {"upstreams: {a.b: {url: \"http://x\", proxy: \"x:1\"}}\n",
		":1:43: proxy must be"},
	    {"upstreams: {a.b: {url: \"oci:x\", fallbacks: [\"http://y\"]}}\n",
		":1:44: a layout has no fallbacks"},
	    {"upstreams: {a.b: {url: \"http://x\", fallbacks: [y]}}\n",
		":1:48: a fallback must be"},
	    {"upstreams: {a.b: {url: \"http://x\", docker_config: f,\n"
	     "  credential_helper: h}}\n",
		":1:18: give one of username"},
	    {"upstreams: {a.b: {url: \"http://x\", username: u}}\n",
		":1:18: username and password_file"},
	    {"wait: 1m\nwait: 2m\n", ":2:1: "},
	    {"warm: [a, \"a:\"]\n", ":1:11: \"a:\" is not NAME:TAG"},
	    {"warm: [\"a:1/b:c:d\"]\n", ":1:8: \"a:1/b:c:d\" is not"},
	    {"warm: [\"a@sha256:1\"]\n", ":1:8: \"a@sha256:1\" is not"},
	    {"warm: [Postgres]\n", ":1:8: \"Postgres\" is not"},
	    {"warm: [original/Postgres]\n", ":1:8: "},
	    {"warm: [\"\"]\n", ":1:8: \"\" is not"},
	    {"warm: [\n  a,\n  \"x y:1\"]\n", ":3:3: \"x y:1\" is not"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_config struct config *c = NULL;
		auto_free char *mistakes = NULL;

		assert_int_equal(load(cases[i].text, &c, &mistakes), -1);
		assert_null(c);
		if (strstr(mistakes, cases[i].mistake) == NULL)
			fail_msg("%s: %s", cases[i].text, mistakes);
	}
}

static void
test_all_mistakes_at_once(void **state)
{
	auto_config struct config *c = NULL;
	auto_free char *mistakes = NULL;

	(void)state;
	assert_int_equal(
	    load("bogus: 1\nservers: 0\nwait: x\ndefault: y\n", &c, &mistakes),
	    -1);
	assert_non_null(strstr(mistakes, ":1:1: "));
	assert_non_null(strstr(mistakes, ":2:10: "));
	assert_non_null(strstr(mistakes, ":3:7: "));
	assert_non_null(strstr(mistakes, ":4:10: "));
}

/* The sample with every key in force: "#key" and its "#  more" lines. */
static char *
enable_all(const char *sample)
{
	char *text = mem_strdup(sample), *p, *out = text;

	for (p = text; *p != '\0'; p++)
		if (*p != '#' || (p > text && p[-1] != '\n') ||
		    (p[1] == ' ' && p[2] != ' '))
			*out++ = *p;
	*out = '\0';
	return text;
}

/* The sample and the manual page know every key, with its default. */
static void
test_documents(void **state)
{
	auto_free char *sample = read_source("conf/winnow.conf");
	auto_free char *man = read_source("man/winnow.conf.5");
	auto_config struct config *c = NULL, *all = NULL;
	auto_free char *mistakes = NULL, *more = NULL;
	auto_free char *enabled = enable_all(sample);
	size_t i;

	(void)state;
	assert_int_equal(load(sample, &c, &mistakes), 0);
	if (load(enabled, &all, &more) == -1)
		fail_msg("%s", more);
	assert_string_equal(all->upstreams[0].username, "me");
	for (i = 0; i < config_key_count; i++) {
		auto_free char *line =
		    mem_printf("\n#%s:", config_keys[i].name);
		auto_free char *item =
		    mem_printf("\n.It Ic %s ", config_keys[i].name);

		if (strstr(sample, line) == NULL &&
		    strstr(sample, line + 2) == NULL)
			fail_msg(
			    "%s is not in the sample", config_keys[i].name);
		if (strstr(man, item) == NULL)
			fail_msg("%s is not in the manual page",
			    config_keys[i].name);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_print),
	    cmocka_unit_test(test_mistakes),
	    cmocka_unit_test(test_all_mistakes_at_once),
	    cmocka_unit_test(test_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
