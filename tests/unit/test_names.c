/* names: what a name in a URL stands for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../daemon/names.h"
#include "daemon_fixture.h"

static const char *const policy_texts[] = {
    "repository: docker.io/library/postgres\ntags: [\"16*\"]\n"
    "keep: [/usr/bin/postgres]\n",
    "repository: docker.io/library/postgres\ntags: [\"15*\"]\n"
    "keep: [/usr/bin/psql]\n",
    "repository: distroless/postgres\n"
    "source: docker.io/library/postgres\nkeep: [/usr/bin/postgres]\n",
    "repository: ghcr.io/team/*\nkeep: [/app]\n",
    "repository: ghcr.io/charts/*\nkeep: [/app]\nartifacts: pass\n",
    "repository: distroless/redis\ntags: [\"7*\"]\n"
    "source: docker.io/library/redis\nkeep: [/usr/bin/redis-server]\n",
    NULL,
};

static char dir[64];
static struct policy_set *policies;
static char docker[] = "docker.io", ghcr[] = "ghcr.io",
	    local[] = "localhost:5000", prefix[] = "original";
static struct config_upstream upstreams[] = {
    {.host = docker}, {.host = ghcr}, {.host = local}};

static int
setup(void **state)
{
	(void)state;
	scratch_make(dir);
	policies = scratch_policies(dir, policy_texts);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	policy_set_free(policies);
	scratch_remove(dir);
	return 0;
}

struct row {
	const char *name, *ns, *tag;
	const char *scope; /* NULL: refused */
	const char *source; /* HOST/REPOSITORY */
	enum names_mode mode;
	const char *policy; /* its file */
	enum err_code code;
};

static bool sources_may_pass;

/* Sources may lie beside variants where some tag passes, and not elsewhere. */
static void
check_pass_scope(const struct names_target *t)
{
	if (sources_may_pass && t->mode == NAMES_STRIP &&
	    strcmp(t->scope, "docker.io/library/postgres") == 0)
		assert_string_equal(
		    t->pass_scope, "pass:docker.io/library/postgres");
	else
		assert_null(t->pass_scope);
}

static void
check(const struct config *c, const struct row *r)
{
	struct names_target t = {.host = NULL};
	struct err e = {.code = ERR_NONE};
	int status = names_find(c, policies, r->name, r->ns, r->tag, &t, &e);

	if ((status == 0) != (r->scope != NULL) || e.code != r->code)
		fail_msg("%s: %s", r->name, e.message);
	if (status == 0) {
		size_t len = strlen(t.host);

		assert_string_equal(t.scope, r->scope);
		check_pass_scope(&t);
		assert_memory_equal(r->source, t.host, len);
		assert_int_equal(r->source[len], '/');
		assert_string_equal(r->source + len + 1, t.repository);
		assert_int_equal(t.mode, r->mode);
		if (r->policy == NULL)
			assert_null(t.policy);
		else
			assert_string_equal(t.policy->file, r->policy);
	} else {
		assert_null(t.host);
		assert_true(e.message[0] != '\0');
	}
	names_target_clear(&t);
}

#define POSTGRES "docker.io/library/postgres"

static void
test_names(void **state)
{
	static const struct row rows[] = {
	    /* the default upstream, and library/ */
	    {"alpine", NULL, "3", "pass:docker.io/library/alpine",
		"docker.io/library/alpine", NAMES_PASS, NULL, ERR_NONE},
	    {"bitnami/redis", NULL, "7", "pass:docker.io/bitnami/redis",
		"docker.io/bitnami/redis", NAMES_PASS, NULL, ERR_NONE},
	    /* by-tag policies: the first that fits, else none */
	    {"postgres", NULL, "16.1", POSTGRES, POSTGRES, NAMES_STRIP,
		"0.yaml", ERR_NONE},
	    {"postgres", NULL, "15", POSTGRES, POSTGRES, NAMES_STRIP, "1.yaml",
		ERR_NONE},
	    {"postgres", NULL, "14", "pass:" POSTGRES, POSTGRES, NAMES_PASS,
		NULL, ERR_NONE},
	    {"postgres", NULL, NULL, POSTGRES, POSTGRES, NAMES_STRIP, "0.yaml",
		ERR_NONE},
	    {"library/postgres", NULL, "16", POSTGRES, POSTGRES, NAMES_STRIP,
		"0.yaml", ERR_NONE},
	    /* a host in the name */
	    {"docker.io/postgres", NULL, "16", POSTGRES, POSTGRES, NAMES_STRIP,
		"0.yaml", ERR_NONE},
	    {"index.docker.io/library/postgres", NULL, "16", POSTGRES, POSTGRES,
		NAMES_STRIP, "0.yaml", ERR_NONE},
	    {"ghcr.io/team/app", NULL, "1", "ghcr.io/team/app",
		"ghcr.io/team/app", NAMES_STRIP, "3.yaml", ERR_NONE},
	    {"localhost:5000/app", NULL, "1", "pass:localhost:5000/app",
		"localhost:5000/app", NAMES_PASS, NULL, ERR_NONE},
	    /* ns wins over everything that the name says */
	    {"library/postgres", "docker.io", "16", POSTGRES, POSTGRES,
		NAMES_STRIP, "0.yaml", ERR_NONE},
	    {"team/app", "ghcr.io", "1", "ghcr.io/team/app", "ghcr.io/team/app",
		NAMES_STRIP, "3.yaml", ERR_NONE},
	    {"original/postgres", "docker.io", "16",
		"pass:docker.io/original/postgres",
		"docker.io/original/postgres", NAMES_PASS, NULL, ERR_NONE},
	    {"distroless/postgres", "docker.io", "16",
		"pass:docker.io/distroless/postgres",
		"docker.io/distroless/postgres", NAMES_PASS, NULL, ERR_NONE},
	    /* unknown upstreams */
	    {"library/postgres", "quay.io", "16", NULL, NULL, NAMES_PASS, NULL,
		ERR_NOT_FOUND},
	    {"quay.io/team/app", NULL, "1", NULL, NULL, NAMES_PASS, NULL,
		ERR_NOT_FOUND},
	    {"localhost:5001/app", NULL, "1", NULL, NULL, NAMES_PASS, NULL,
		ERR_NOT_FOUND},
	    {"original/quay.io/app", NULL, "1", NULL, NULL, NAMES_PASS, NULL,
		ERR_NOT_FOUND},
	    /* the original prefix */
	    {"original/postgres", NULL, "16", "original:" POSTGRES, POSTGRES,
		NAMES_ORIGINAL, NULL, ERR_NONE},
	    {"original/ghcr.io/team/app", NULL, NULL,
		"original:ghcr.io/team/app", "ghcr.io/team/app", NAMES_ORIGINAL,
		NULL, ERR_NONE},
	    {"originals/postgres", NULL, "16",
		"pass:docker.io/originals/postgres",
		"docker.io/originals/postgres", NAMES_PASS, NULL, ERR_NONE},
	    {"original", NULL, "16", "pass:docker.io/library/original",
		"docker.io/library/original", NAMES_PASS, NULL, ERR_NONE},
	    {"original/", NULL, "16", NULL, NULL, NAMES_PASS, NULL,
		ERR_INVALID},
	    /* virtual repositories */
	    {"distroless/postgres", NULL, "16", "distroless/postgres", POSTGRES,
		NAMES_STRIP, "2.yaml", ERR_NONE},
	    {"distroless/postgres", NULL, NULL, "distroless/postgres", POSTGRES,
		NAMES_STRIP, "2.yaml", ERR_NONE},
	    {"distroless/redis", NULL, "7.2", "distroless/redis",
		"docker.io/library/redis", NAMES_STRIP, "5.yaml", ERR_NONE},
	    /* never what somebody else pushed to upstream by that name */
	    {"distroless/redis", NULL, "6", NULL, NULL, NAMES_PASS, NULL,
		ERR_NOT_FOUND},
	    {"docker.io/distroless/postgres", NULL, "16",
		"pass:docker.io/distroless/postgres",
		"docker.io/distroless/postgres", NAMES_PASS, NULL, ERR_NONE},
	    /* no names */
	    {"Postgres", NULL, "16", NULL, NULL, NAMES_PASS, NULL, ERR_INVALID},
	    {"a//b", NULL, "1", NULL, NULL, NAMES_PASS, NULL, ERR_INVALID},
	    {"../etc", NULL, "1", NULL, NULL, NAMES_PASS, NULL, ERR_INVALID},
	};
	struct config c = {.default_upstream = docker,
	    .upstreams = upstreams,
	    .upstream_count = 3,
	    .original_prefix = prefix};
	size_t i;

	(void)state;
	sources_may_pass = true;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(&c, &rows[i]);
}

static void
test_default_deny(void **state)
{
	static const struct row rows[] = {
	    {"postgres", NULL, "16", POSTGRES, POSTGRES, NAMES_STRIP, "0.yaml",
		ERR_NONE},
	    {"postgres", NULL, "14", NULL, NULL, NAMES_PASS, NULL, ERR_DENIED},
	    {"alpine", NULL, NULL, NULL, NULL, NAMES_PASS, NULL, ERR_DENIED},
	    {"original/alpine", NULL, "3", "original:docker.io/library/alpine",
		"docker.io/library/alpine", NAMES_ORIGINAL, NULL, ERR_NONE},
	    {"distroless/postgres", NULL, "1", "distroless/postgres", POSTGRES,
		NAMES_STRIP, "2.yaml", ERR_NONE},
	};
	struct config c = {.default_upstream = docker,
	    .upstreams = upstreams,
	    .upstream_count = 3,
	    .original_prefix = prefix,
	    .default_action = CONFIG_DENY};
	size_t i;

	(void)state;
	sources_may_pass = false;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(&c, &rows[i]);
}

/* Artifacts have a scope of their own: nothing else that passed is in it. */
static void
test_artifacts(void **state)
{
	const struct config c = {.default_upstream = docker,
	    .upstreams = upstreams,
	    .upstream_count = 3,
	    .original_prefix = prefix};
	struct names_target t = {.host = NULL};
	struct err e;

	(void)state;
	assert_int_equal(
	    names_find(&c, policies, "ghcr.io/charts/a", NULL, NULL, &t, &e),
	    0);
	assert_string_equal(t.pass_scope, "artifact:ghcr.io/charts/a");
	names_target_clear(&t);
}

static void
test_tags_that_are_served(void **state)
{
	static const struct {
		const char *name, *tag;
		bool pass, deny;
	} rows[] = {
	    {"postgres", "16.1", true, true},
	    {"postgres", "14", true, false},
	    {"distroless/postgres", "14", true, true},
	    {"original/postgres", "14", true, true},
	    {"ghcr.io/team/app",
		"sha256-0000000000000000000000000000000000000000000000000000"
		"000000000000.sig",
		false, false},
	};
	struct config c = {.default_upstream = docker,
	    .upstreams = upstreams,
	    .upstream_count = 3,
	    .original_prefix = prefix};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct names_target t = {.host = NULL};
		struct err e;

		assert_int_equal(
		    names_find(&c, policies, rows[i].name, NULL, NULL, &t, &e),
		    0);
		c.default_action = CONFIG_PASS;
		assert_int_equal(names_serve_tag(&c, policies, &t, rows[i].tag),
		    rows[i].pass);
		c.default_action = CONFIG_DENY;
		assert_int_equal(names_serve_tag(&c, policies, &t, rows[i].tag),
		    rows[i].deny);
		names_target_clear(&t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_default_deny),
	    cmocka_unit_test(test_artifacts),
	    cmocka_unit_test(test_tags_that_are_served),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
