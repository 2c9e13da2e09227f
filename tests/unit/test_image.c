/* image_plan: whether a variant will start, audit and report. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <elf.h>

#include "fixture.h"
#include "winnow/glob.h"
#include "winnow/image.h"
#include "winnow/json.h"
#include "winnow/mem.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MAX_RULES 4
#define ID                                                                  \
	"\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f6" \
	"1caaff8a\""
#define CONFIG(runtime)                                       \
	"{\"os\":\"linux\",\"config\":{" runtime              \
	"},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[" ID \
	"]},\"history\":[{}]}"

static char loader[] = "/lib/ld.so", lost[] = "liblost.so";
static char *needs_lost[] = {lost};
static struct elf_facts elf_plain = {
    .bits = 64, .machine = EM_X86_64, .type = ET_DYN, .dynamic = true};
static struct elf_facts elf_program = {.bits = 64,
    .machine = EM_X86_64,
    .type = ET_DYN,
    .dynamic = true,
    .interpreter = loader};
static struct elf_facts elf_broken = {.bits = 64,
    .machine = EM_X86_64,
    .type = ET_DYN,
    .dynamic = true,
    .interpreter = loader,
    .needed = needs_lost,
    .needed_count = 1};

static const struct fixture_entry image[] = {
    {.type = ENTRY_SYMLINK, .path = "bin", .link = "usr/bin"},
    {.path = "lib/ld.so", .mode = 0755, .elf = &elf_plain},
    {.path = "usr/bin/dash", .mode = 0755, .elf = &elf_program},
    {.type = ENTRY_SYMLINK, .path = "usr/bin/sh", .link = "dash"},
    {.path = "usr/bin/env", .mode = 0755, .elf = &elf_program},
    {.path = "usr/bin/app", .mode = 0755, .elf = &elf_program},
    {.type = ENTRY_HARDLINK, .path = "usr/bin/app2", .link = "usr/bin/app"},
    {.path = "usr/bin/broken", .mode = 0755, .elf = &elf_broken},
    {.path = "usr/bin/data"},
    {.path = "srv/start", .mode = 0755, .content = "#!/bin/sh -e\n"},
    {.path = "srv/env",
	.mode = 0755,
	.content = "#! /usr/bin/env -S A=b "
		   "app\n"},
    {.path = "srv/lost", .mode = 0755, .content = "#!/bin/tclsh\n"},
    {.path = "srv/loop", .mode = 0755, .content = "#!/srv/loop\n"},
    {.path = "srv/noise", .mode = 0755, .content = "noise"},
    {.path = "opt/lost/liblost.so", .elf = &elf_plain},
    {.path = "etc/passwd", .content = "www:x:33:33::/srv:/x\n"},
};

/* A policy for one test; clear_policy() it. */
static void
make_policy(struct policy *p, const char *const *keep)
{
	static char name[] = "test.yaml", origin[] = "test.yaml:1";
	struct err e;

	memset(p, 0, sizeof(*p));
	p->file = name;
	p->keep = mem_zalloc(MAX_RULES, sizeof(*p->keep));
	for (; p->keep_count < MAX_RULES && keep[p->keep_count] != NULL;
	     p->keep_count++) {
		struct policy_rule *rule = &p->keep[p->keep_count];

		rule->text = mem_strdup(keep[p->keep_count]);
		rule->origin = origin;
		if (glob_compile(rule->text, &rule->glob, NULL, &e) == -1)
			fail_msg("%s", e.message);
	}
}

static void
clear_policy(struct policy *p)
{
	size_t i;

	for (i = 0; i < p->keep_count; i++) {
		glob_free(p->keep[i].glob);
		free(p->keep[i].text);
	}
	free(p->keep);
}

static int
plan(const char *config, const struct policy *p, struct image_plan **out,
    struct err *e)
{
	struct layer_index *layer = fixture_layer(image, COUNT(image));
	auto_image_plan struct image_plan *plan = NULL;
	int r = image_plan(&layer, 1, config, strlen(config), p, &plan, e);

	if (r == 0)
		r = image_plan_check(plan, e);
	if (r == 0)
		*out = steal(&plan);
	fixture_free_layer(layer);
	return r;
}

#define RUN(words) CONFIG("\"Entrypoint\":[" words "]")

static void
test_startup(void **state)
{
	static const struct {
		const char *name, *config;
		const char *keep[MAX_RULES];
		const char *says; /* the program, or part of the error */
	} cases[] = {
	    {"through PATH", RUN("\"app\""), {"/usr/bin/app"}, "usr/bin/app"},
	    {"through a link", RUN("\"/bin/app\""), {"/bin/app"},
		"usr/bin/app"},
	    {"the link is not kept", RUN("\"/bin/app\""), {"/usr/bin/app"},
		"entrypoint /bin/app is not kept: set config.entrypoint to "
		"another program, or add under keep: - /bin/app"},
	    {"cmd", CONFIG("\"Cmd\":[\"app\",\"x\"]"), {"/usr/bin/app"},
		"usr/bin/app"},
	    {"the image's PATH",
		CONFIG("\"Env\":[\"PATH=/x:/srv\"],\"Cmd\":[\"app\"]"),
		{"/usr/bin/app"},
		"cmd app is not an executable file of the image: set "
		"config.cmd to another program"},
	    {"cmd is not kept", CONFIG("\"Cmd\":[\"/srv/start\"]"),
		{"/usr/bin/app"},
		"cmd /srv/start, a script, is not kept: set config.cmd to "
		"another program, or add under keep: - /srv/start"},
	    {"relative to the working directory",
		CONFIG("\"WorkingDir\":\"/usr\",\"Cmd\":[\"bin/app\"]"),
		{"/usr/bin/app"}, "usr/bin/app"},
	    {"not executable", RUN("\"/usr/bin/data\""), {"/usr/bin/data"},
		"/usr/bin/data is not an executable file"},
	    {"a script without its shell", RUN("\"/srv/start\""),
		{"/srv/start"},
		"entrypoint /srv/start is a script that needs /bin/sh, which "
		"is not kept: set config.entrypoint to another program, or add "
		"under keep: - /bin/sh"},
	    {"a script with its shell", RUN("\"/srv/start\""),
		{"/srv/start", "/bin/sh"}, "srv/start"},
	    {"env", RUN("\"/srv/env\""),
		{"/srv/env", "/usr/bin/env", "/usr/bin/app"}, "srv/env"},
	    {"env without the program", RUN("\"/srv/env\""),
		{"/srv/env", "/usr/bin/env"}, "needs app, which is not kept"},
	    {"env itself", RUN("\"/srv/env\""), {"/srv/env", "/usr/bin/app"},
		"needs /usr/bin/env, which is not kept"},
	    {"an interpreter that the image lacks", RUN("\"/srv/lost\""),
		{"/srv/lost"}, "needs /bin/tclsh, which the image does not"},
	    {"neither ELF nor script", RUN("\"/srv/noise\""), {"/srv/noise"},
		"entrypoint /srv/noise is neither a usable ELF file nor a "
		"script: set config.entrypoint to another program"},
	    {"a script that runs itself", RUN("\"/srv/loop\""), {"/srv/loop"},
		"is run by a script, more than 5 times"},
	    {"shell form", RUN("\"/bin/sh\",\"-c\",\"x\""), {"/usr/bin/app"},
		"entrypoint /bin/sh is not kept"},
	    {"a missing library", RUN("\"broken\""), {"/usr/bin/broken"},
		"usr/bin/broken cannot load liblost.so"},
	    {"a library of LD_LIBRARY_PATH",
		CONFIG("\"Env\":[\"LD_LIBRARY_PATH=/opt/lost\"],"
		       "\"Cmd\":[\"broken\"]"),
		{"/usr/bin/broken"}, "usr/bin/broken"},
	    {"what LD_PRELOAD names is missing",
		CONFIG("\"Env\":[\"LD_PRELOAD=/gone.so\"],"
		       "\"Cmd\":[\"app\"]"),
		{"/usr/bin/app"}, "usr/bin/app"},
	    {"an unknown user", CONFIG("\"User\":\"ghost\",\"Cmd\":[\"app\"]"),
		{"/usr/bin/app", "/etc/passwd"}, "\"ghost\" is not in"},
	    {"a user without passwd",
		CONFIG("\"User\":\"www\",\"Cmd\":[\"app\"]"), {"/usr/bin/app"},
		"/etc/passwd is not kept: set config.user to a number, or add "
		"under keep: - /etc/passwd"},
	    {"a group without group",
		CONFIG("\"User\":\"www:www\",\"Cmd\":[\"app\"]"),
		{"/usr/bin/app", "/etc/passwd"}, "the image has no /etc/group"},
	    {"a working directory that is a file",
		CONFIG("\"WorkingDir\":\"/usr/bin/data\",\"Cmd\":[\"app\"]"),
		{"/usr/bin/app"}, "/usr/bin/data is not a directory"},
	    {"through ..", RUN("\"/usr/../srv/start\""), {"/usr/bin/app"},
		"keep: - /srv/start"},
	    {"a user", CONFIG("\"User\":\"www:33\",\"Cmd\":[\"app\"]"),
		{"/usr/bin/app", "/etc/passwd"}, "usr/bin/app"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		auto_image_plan struct image_plan *out = NULL;
		struct policy p;
		struct err e = {0};
		const char *got = e.message;
		int r;

		make_policy(&p, cases[i].keep);
		r = plan(cases[i].config, &p, &out, &e);
		clear_policy(&p);
		if (r == 0)
			got = json_string_value(json_object_get(
			    json_object_get(out->report, "startup"),
			    "program"));
		else if (e.code != ERR_POLICY)
			fail_msg(
			    "%s: %s", cases[i].name, err_code_name(e.code));
		if (got == NULL || strstr(got, cases[i].says) == NULL)
			fail_msg("%s: %s", cases[i].name, got);
	}
}

/* The loader's variables count as the policy leaves them. */
static void
test_edited_env(void **state)
{
	static const char *const keep[MAX_RULES] = {"/usr/bin/broken"};
	static const char config[] =
	    CONFIG("\"Env\":[\"LD_LIBRARY_PATH=/gone\"],"
		   "\"Cmd\":[\"broken\"]");
	auto_image_plan struct image_plan *edited = NULL, *plain = NULL;
	auto_json json_t *edits =
	    json_pack("{s{ss}}", "env", "LD_LIBRARY_PATH", "/opt/lost");
	struct policy p;
	struct err e;

	(void)state;
	make_policy(&p, keep);
	assert_int_equal(plan(config, &p, &plain, &e), -1);
	p.config = edits;
	assert_int_equal(plan(config, &p, &edited, &e), 0);
	clear_policy(&p);
}

/* What starts, and does not get far. */
static void
test_warnings(void **state)
{
	static const struct {
		const char *config, *keep[MAX_RULES], *edits, *says;
	} cases[] = {
	    {CONFIG("\"Cmd\":[\"app\",\"x\"]"), {"/usr/bin/app"},
		"{\"entrypoint\":null}",
		"add under config: cmd: [\"app\",\"x\"], or what is to start"},
	    {CONFIG("\"Cmd\":[\"app\",\"x\"]"), {"/usr/bin/app"},
		"{\"entrypoint\":null,\"cmd\":null}",
		"starts only with a command given"},
	    {CONFIG("\"WorkingDir\":\"/srv\",\"Cmd\":[\"app\",\"-x\","
		    "\"nothing\",\"/usr\",\"start\",\"env\"]"),
		{"/usr/bin/app"}, "{}",
		"cmd: its argument start is a file that is not kept: add "
		"under keep: - /srv/start"},
	    {RUN("\"app\",\"../bin/data\""), {"/usr/bin/app"}, "{}",
		"entrypoint: its argument ../bin/data is a file that is not "
		"kept: add under keep: - /usr/bin/data"},
	    {RUN("\"app\",\"/bin/data\""), {"/usr/bin/app", "/bin/data"}, "{}",
		NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		auto_image_plan struct image_plan *out = NULL;
		auto_json json_t *edits = json_loads(cases[i].edits, 0, NULL);
		const json_t *warnings;
		const char *got;
		struct policy p;
		struct err e;

		make_policy(&p, cases[i].keep);
		p.config = edits;
		if (plan(cases[i].config, &p, &out, &e) == -1)
			fail_msg("%s", e.message);
		clear_policy(&p);
		warnings = json_object_get(out->report, "warnings");
		got = json_string_value(json_array_get(warnings, 0));
		assert_true(
		    json_array_size(warnings) == (cases[i].says != NULL));
		if (cases[i].says != NULL &&
		    (strstr(got, cases[i].says) == NULL ||
			strstr(got, cases[i].says)[strlen(cases[i].says)] != 0))
			fail_msg("%zu: %s", i, got);
	}
}

/* A new entrypoint resets cmd: that its arguments go is said. */
static void
test_lost_arguments(void **state)
{
	static const char *const keep[MAX_RULES] = {"/usr/bin/app"};
	static const struct {
		const char *name, *cmd, *edits;
		const char *says; /* NULL: no warning */
	} cases[] = {
	    {"arguments", "\"app\",\"-f\",\"/x\"", "{\"entrypoint\":[\"app\"]}",
		"these arguments of the image: -f /x: add config.cmd"},
	    {"an option alone", "\"-v\"", "{\"entrypoint\":[\"app\"]}",
		"of the image: -v: add"},
	    {"some are taken over", "\"app\",\"-f\",\"/x\"",
		"{\"entrypoint\":[\"app\",\"-f\"]}", "of the image: /x: add"},
	    {"all are taken over", "\"app\",\"-f\"",
		"{\"entrypoint\":[\"app\",\"-f\"]}", NULL},
	    {"a program alone", "\"app\"", "{\"entrypoint\":[\"app\"]}", NULL},
	    {"a program by its path", "\"/usr/bin/env\"",
		"{\"entrypoint\":[\"app\"]}", NULL},
	    {"a file that a script gives to a program", "\"/usr/bin/data\"",
		"{\"entrypoint\":[\"app\"]}",
		"of the image: /usr/bin/data: add"},
	    {"the policy has a cmd", "\"app\",\"-f\"",
		"{\"entrypoint\":[\"app\"],\"cmd\":null}", NULL},
	    {"no new entrypoint", "\"app\",\"-f\"", "{}", NULL},
	    {"no program either", "\"app\",\"-f\"", "{\"entrypoint\":null}",
		"starts only with a command given; config.entrypoint resets"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		auto_image_plan struct image_plan *out = NULL;
		auto_json json_t *edits = json_loads(cases[i].edits, 0, NULL);
		auto_free char *config =
		    mem_printf(CONFIG("\"Cmd\":[%s]"), cases[i].cmd);
		const char *got;
		struct policy p;
		struct err e;

		make_policy(&p, keep);
		p.config = edits;
		if (plan(config, &p, &out, &e) == -1)
			fail_msg("%s: %s", cases[i].name, e.message);
		got = json_string_value(json_array_get(
		    json_object_get(out->report, "warnings"), 0));
		if (cases[i].says == NULL
			? got != NULL
			: got == NULL || strstr(got, cases[i].says) == NULL)
			fail_msg("%s: %s", cases[i].name, got);
		clear_policy(&p);
	}
}

static void
test_report(void **state)
{
	static const char *const keep[] = {"/usr/bin/app*", "/bin/sh", NULL};
	static const char *const warnings[] = {
	    "the image has neither entrypoint nor cmd: it starts only with a "
	    "command given",
	    "the health check cannot run: healthcheck /bin/curl is not an "
	    "executable file of the image: set config.healthcheck to none"};
	auto_image_plan struct image_plan *out = NULL;
	auto_free char *kept = NULL, *rules = NULL, *findings = NULL;
	json_t *audit;
	struct policy p;
	struct err e;
	size_t i;

	(void)state;
	make_policy(&p, keep);
	if (plan(CONFIG("\"Healthcheck\":{\"Test\":[\"CMD\",\"/bin/curl\"]}"),
		&p, &out, &e) == -1)
		fail_msg("%s", e.message);
	clear_policy(&p);
	assert_int_equal(out->layer_count, 1);
	kept = json_format(json_object_get(out->report, "kept"), NULL);
	assert_string_equal(kept, "{\"files\":6,\"bytes\":0}");
	rules = json_format(json_object_get(out->report, "rules"), NULL);
	assert_string_equal(rules,
	    "[{\"rule\":\"test.yaml:1 /usr/bin/app*\",\"files\":3,\"bytes\":0},"
	    "{\"rule\":\"test.yaml:1 /bin/sh\",\"files\":3,\"bytes\":0},"
	    "{\"rule\":\"databases and config\",\"files\":0,\"bytes\":0}]");
	audit = json_object_get(out->report, "audit");
	assert_true(json_is_false(json_object_get(audit, "distroless")));
	findings = json_format(json_object_get(audit, "findings"), NULL);
	assert_string_equal(findings,
	    "[{\"category\":\"shell\",\"path\":\"usr/bin/dash\"},"
	    "{\"category\":\"shell\",\"path\":\"usr/bin/sh\",\"detail\":"
	    "\"symbolic link to usr/bin/dash\"},"
	    "{\"category\":\"root-user\",\"config\":\"User\",\"detail\":"
	    "\"not set: root\"}]");
	for (i = 0; i < COUNT(warnings); i++)
		assert_string_equal(
		    json_string_value(json_array_get(
			json_object_get(out->report, "warnings"), i)),
		    warnings[i]);
}

static void
test_fail_on(void **state)
{
	static const char *const keep[] = {"/usr/bin/*", NULL};
	static char shell[] = "shell";
	char *fail_on[] = {shell};
	struct image_plan *out = NULL;
	struct policy p;
	struct err e;

	(void)state;
	make_policy(&p, keep);
	p.fail_on = fail_on;
	p.fail_on_count = 1;
	assert_int_equal(plan(RUN("\"app\""), &p, &out, &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
	assert_non_null(
	    strstr(e.message, "shell /usr/bin/dash, shell /usr/bin/sh:"));
	clear_policy(&p);
}

/* Advice to keep what the audit refuses is none. */
static void
test_forbidden_shell(void **state)
{
	static const char *const keep[] = {"/srv/start", NULL};
	static char shell[] = "shell", path[] = "/bin/sh";
	char *fail_on[] = {shell};
	struct policy_exception exception = {.path = path};
	struct image_plan *out = NULL;
	struct policy p;
	struct err e;

	(void)state;
	make_policy(&p, keep);
	p.fail_on = fail_on;
	p.fail_on_count = 1;
	assert_int_equal(plan(RUN("\"/srv/start\""), &p, &out, &e), -1);
	assert_string_equal(e.message,
	    "entrypoint /srv/start is a script that needs /bin/sh, which "
	    "audit.fail_on forbids: set config.entrypoint to the program that "
	    "the script starts");
	assert_int_equal(glob_compile(path, &exception.glob, NULL, &e), 0);
	p.exceptions = &exception;
	p.exception_count = 1;
	assert_int_equal(plan(RUN("\"/srv/start\""), &p, &out, &e), -1);
	assert_non_null(strstr(e.message, "add under keep: - /bin/sh"));
	glob_free(exception.glob);
	clear_policy(&p);
}

static void
test_disagreement(void **state)
{
	static const char *const keep[] = {"/usr/bin/app", NULL};
	struct image_plan *out = NULL;
	struct policy p;
	struct err e;

	(void)state;
	make_policy(&p, keep);
	assert_int_equal(
	    plan("{\"rootfs\":{\"diff_ids\":[]}}", &p, &out, &e), -1);
	assert_int_equal(e.code, ERR_INVALID);
	clear_policy(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_startup),
	    cmocka_unit_test(test_warnings),
	    cmocka_unit_test(test_edited_env),
	    cmocka_unit_test(test_lost_arguments),
	    cmocka_unit_test(test_report),
	    cmocka_unit_test(test_fail_on),
	    cmocka_unit_test(test_forbidden_shell),
	    cmocka_unit_test(test_disagreement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
