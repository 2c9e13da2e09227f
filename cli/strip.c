/* winnow strip: the whole rewrite of an image, in this process. */
#include "strip.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "summary.h"
#include "winnow/fsutil.h"
#include "winnow/json.h"
#include "winnow/mem.h"
#include "winnow/policy.h"

/* What the command line asks for. */
struct strip_options {
	const char *policy;
	const char *sets_dir; /* NULL: that beside the policy */
	const char *platform; /* or NULL */
	const char *report; /* or NULL */
};

static const struct option options[] = {
    {"platform", required_argument, NULL, 'P'},
    {"policy", required_argument, NULL, 'p'},
    {"report", required_argument, NULL, 'r'},
    {"sets", required_argument, NULL, 's'},
    {NULL, 0, NULL, 0},
};

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

static int
strip_input(const struct strip *s, json_t *reports, struct err *e)
{
	const struct input *in = s->input;
	struct strip_result result;
	char text[DIGEST_TEXT];
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
	summary_print(reports);
	printf("wrote oci:%s:%s %s\n", s->to->dir,
	    s->to->tag == NULL ? "latest" : s->to->tag,
	    digest_format(&result.digest, text));
	return 0;
}

static int
run(const struct strip_options *o, const struct layout *from,
    const struct layout *to, struct err *e)
{
	auto_policy struct policy *policy = NULL;
	auto_json json_t *reports = json_array();
	struct input in = {0};
	struct strip s = {.input = &in, .to = to};
	const char *const *platforms = &o->platform;
	size_t count = o->platform != NULL;
	int r;

	if (cli_load_policy(o->policy, o->sets_dir, &policy, e) == -1)
		return -1;
	s.policy = policy;
	if (count == 0 && policy->platform_count > 0) {
		platforms = (const char *const *)policy->platforms;
		count = policy->platform_count;
	}
	if (input_open(from, platforms, count, &in, e) == -1)
		return -1;
	r = strip_input(&s, reports, e);
	input_clear(&in);
	if (r == 0 && o->report != NULL)
		r = write_reports(o->report, reports, e);
	return r;
}

static int
parse_options(int argc, char **argv, struct strip_options *o)
{
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'P':
			o->platform = optarg;
			break;
		case 'p':
			o->policy = optarg;
			break;
		case 'r':
			o->report = optarg;
			break;
		case 's':
			o->sets_dir = optarg;
			break;
		default:
			return -1;
		}
	}
	return o->policy != NULL && optind == argc - 2 ? 0 : -1;
}

int
command_strip(int argc, char **argv)
{
	struct strip_options o = {0};
	struct layout from = {0}, to = {0};
	int status = CLI_OK;
	struct err e;

	if (parse_options(argc, argv, &o) == -1)
		return cli_usage("strip");
	if (layout_parse(argv[optind], &from, &e) == -1 ||
	    layout_parse(argv[optind + 1], &to, &e) == -1 ||
	    run(&o, &from, &to, &e) == -1)
		status = cli_fail("strip", &e);
	layout_clear(&from);
	layout_clear(&to);
	return status;
}
