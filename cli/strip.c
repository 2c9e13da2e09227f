/* winnow strip: the whole rewrite of an image, without a daemon. */
#include "strip.h"

#include <fcntl.h>
#include <stdio.h>

#include "cli.h"
#include "summary.h"
#include "winnow/fsutil.h"
#include "winnow/json.h"
#include "winnow/mem.h"
#include "winnow/policy.h"

/* Writes the reports, one line for each platform. */
static int
write_reports(const char *path, const json_t *reports, struct err *e)
{
	auto_fd int fd =
	    open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	json_t *report;
	size_t i;

	if (fd == -1)
		return err_set_errno(e, "cannot write %s", path);
	json_array_foreach(reports, i, report)
	{
		size_t len;
		auto_free char *text = json_format(report, &len);

		text[len] = '\n';
		if (fsutil_write_all(fd, text, len + 1, e) == -1)
			return err_wrap(e, "%s", path);
	}
	return 0;
}

/* Strips the chosen children of an index and writes the new index. */
static int
strip_index(const struct strip *s, json_t *reports, struct strip_result *out,
    struct err *e)
{
	const struct input *in = s->input;
	struct image_base base = {.digest = in->digest};
	auto_free struct image_child *children =
	    mem_zalloc(in->chosen_count, sizeof(*children));
	auto_free char *index = NULL;
	size_t i, len;

	for (i = 0; i < in->chosen_count; i++) {
		auto_oci_manifest struct oci_manifest *m = NULL;
		struct strip_result child;

		if (input_read_child(in, in->chosen[i], &m, e) == -1 ||
		    strip_image(
			s, m, &in->chosen[i]->digest, reports, &child, e) == -1)
			return -1;
		children[i].source = in->chosen[i];
		children[i].digest = child.digest;
		children[i].size = child.size;
	}
	if (image_index(in->top, children, in->chosen_count, &base, &index,
		&len, e) == -1 ||
	    layout_write_blob(s->to, index, len, &out->digest, e) == -1)
		return -1;
	out->size = len;
	return 0;
}

static const char *
tag_of(const struct layout *to)
{
	return to->tag == NULL ? "latest" : to->tag;
}

static void
print_text(
    const struct layout *to, const struct digest *digest, json_t *reports)
{
	char text[DIGEST_TEXT];

	summary_print(reports);
	printf("wrote oci:%s:%s %s\n", to->dir, tag_of(to),
	    digest_format(digest, text));
}

static void
print_json(
    const struct layout *to, const struct digest *digest, json_t *reports)
{
	auto_json json_t *out = json_object();
	auto_free char *name = mem_printf("oci:%s:%s", to->dir, tag_of(to));
	char text[DIGEST_TEXT];

	json_put(out, "wrote", json_escaped(name));
	json_put(out, "digest", json_string(digest_format(digest, text)));
	json_put(out, "reports", json_incref(reports));
	cli_print_json(out);
}

static int
strip_input(const struct strip *s, bool json, json_t *reports, struct err *e)
{
	const struct input *in = s->input;
	struct strip_result result;
	int r;

	if (layout_create(s->to, e) == -1)
		return -1;
	if (in->top->kind == OCI_INDEX)
		r = strip_index(s, reports, &result, e);
	else
		r = strip_image(s, in->top, &in->digest, reports, &result, e);
	if (r == -1 ||
	    layout_set_tag(s->to, in->top->media_type, &result.digest,
		result.size, e) == -1)
		return -1;
	if (json)
		print_json(s->to, &result.digest, reports);
	else
		print_text(s->to, &result.digest, reports);
	return 0;
}

static int
run(const struct options *o, const struct layout *to, struct err *e)
{
	auto_policy struct policy *policy = NULL;
	auto_json json_t *reports = json_array();
	struct input in = {0};
	struct strip s = {.input = &in, .to = to};
	const char *const *platforms = &o->platform;
	size_t count = o->platform != NULL;
	int r;

	if (cli_load_policy(o->policies[0], o->sets_dir, &policy, e) == -1)
		return -1;
	s.policy = policy;
	if (count == 0 && policy->platform_count > 0) {
		platforms = (const char *const *)policy->platforms;
		count = policy->platform_count;
	}
	if (input_open(o->operands[0], platforms, count, &in, e) == -1)
		return -1;
	r = strip_input(&s, o->json, reports, e);
	input_clear(&in);
	if (r == 0 && o->report != NULL)
		r = write_reports(o->report, reports, e);
	return r;
}

int
command_strip(const struct options *o)
{
	struct layout to = {0};
	int status = CLI_OK;
	struct err e;

	mem_keep_freed();
	if (layout_parse(o->operands[1], &to, &e) == -1 ||
	    run(o, &to, &e) == -1)
		status = cli_fail("strip", &e);
	layout_clear(&to);
	return status;
}
