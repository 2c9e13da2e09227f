#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "section.h"
#include "winnow/fsutil.h"
#include "winnow/image.h"
#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/mem.h"
#include "worker.h"

#define COPY_BYTES (1u << 20)

/* The descriptor `i` of a job; it stays the message's. */
static int
job_fd(const struct channel_message *m, size_t i, int *fd, struct err *e)
{
	if (i >= m->fd_count)
		return err_set(e, ERR_INVALID, "a job lacks descriptor %zu", i);
	*fd = m->fds[i];
	return 0;
}

/* The descriptors of a job from 0 on, `count` of them. */
static int
job_fds(const struct channel_message *m, int *fds, size_t count, struct err *e)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (job_fd(m, i, &fds[i], e) == -1)
			return -1;
	return 0;
}

static int
get_digest(
    const json_t *body, const char *key, struct digest *out, struct err *e)
{
	const char *text;

	if (json_get_string(body, key, JSON_REQUIRED, &text, e) == -1)
		return -1;
	return digest_parse(text, out, e);
}

/* Appends bytes to a file and says where they are. */
static int
write_section(int fd, const void *data, size_t len, json_t **out, struct err *e)
{
	struct section s;

	if (section_append(fd, data, len, &s, e) == -1)
		return -1;
	*out = section_format(&s);
	return 0;
}

/* A section of at most LIMIT_LAYER_INDEX_SIZE bytes. */
static int
get_section(
    const json_t *value, int fd, char **data, size_t *len, struct err *e)
{
	struct section s;

	if (section_parse(value, LIMIT_LAYER_INDEX_SIZE, &s, e) == -1 ||
	    section_read(fd, &s, data, e) == -1)
		return -1;
	*len = (size_t)s.size;
	return 0;
}

static int
read_policy(int fd, struct policy **out, struct err *e)
{
	auto_free char *text = NULL;
	size_t len;

	if (fsutil_read_fd(fd, "policy", LIMIT_YAML_SIZE * 4, &text, &len, e) ==
	    -1)
		return -1;
	return policy_parse(text, len, out, e);
}

/* Where a job's layer blob is, from its digest, size and descriptors. */
static int
get_source(const json_t *body, int fd, int progress_fd, struct blob_source *out,
    struct err *e)
{
	*out = (struct blob_source){.fd = fd, .progress_fd = progress_fd};
	if (get_digest(body, "digest", &out->digest, e) == -1)
		return -1;
	return json_get_uint(
	    body, "size", JSON_REQUIRED, INT64_MAX, &out->size, e);
}

static enum spool_want
want_by_policy(void *arg, const struct layer_entry *entry)
{
	return policy_guess(arg, entry->path) ? SPOOL_YES : SPOOL_IF_LIKELY;
}

static int
do_index(struct channel_message *m, json_t **result, struct err *e)
{
	enum { SOURCE, INDEX, SPOOL, POLICY, COUNT };
	auto_policy_guess struct policy_guess *guess = NULL;
	auto_policy struct policy *policy = NULL;
	auto_layer_index struct layer_index *index = NULL;
	auto_spool struct spool *spool = NULL;
	struct blob_source source;
	struct spool_filter filter;
	int fds[COUNT], progress_fd = -1;

	if (job_fds(m, fds, COUNT, e) == -1 ||
	    (json_is_true(json_object_get(m->body, "progress")) &&
		job_fd(m, COUNT, &progress_fd, e) == -1) ||
	    get_source(m->body, fds[SOURCE], progress_fd, &source, e) == -1 ||
	    read_policy(fds[POLICY], &policy, e) == -1)
		return -1;
	guess = policy_guess_new(policy);
	filter = (struct spool_filter){want_by_policy, guess};
	spool = spool_new(fds[SPOOL]);
	if (layer_index_read(&source, &filter, spool, &index, e) == -1 ||
	    spool_finish(spool, e) == -1 ||
	    layer_index_write(index, fds[INDEX], e) == -1)
		return -1;
	if (fdatasync(fds[INDEX]) == -1)
		return err_set_errno(e, "cannot sync a layer index");
	*result = json_object();
	return 0;
}

/* The indexes of a plan job; the caller frees what is there on failure. */
static int
read_indexes(
    const json_t *sections, int fd, struct layer_index **indexes, struct err *e)
{
	size_t i;

	for (i = 0; i < json_array_size(sections); i++) {
		auto_free char *data = NULL;
		size_t len;

		if (get_section(json_array_get(sections, i), fd, &data, &len,
			e) == -1 ||
		    layer_index_parse(&data, len, &indexes[i], e) == -1)
			return err_wrap(e, "index of layer %zu", i);
	}
	return 0;
}

static int
write_json(int fd, const json_t *value, json_t **out, struct err *e)
{
	size_t len;
	auto_free char *text = json_format(value, &len);

	return write_section(fd, text, len, out, e);
}

/* Writes the plan and says where. */
static int
write_plan(
    const struct image_plan *plan, int fd, json_t **result, struct err *e)
{
	auto_json json_t *r = json_object();
	json_t *plans = json_array(), *section;
	size_t i;

	json_object_set_new(r, "plans", plans);
	for (i = 0; i < plan->layer_count; i++) {
		auto_strbuf struct strbuf b;

		strbuf_init(&b, LIMIT_LAYER_INDEX_SIZE);
		if (plan->layers[i] == NULL || plan->layers[i]->count == 0) {
			json_array_append_new(plans, json_null());
			continue;
		}
		layer_index_format(plan->layers[i], &b);
		if (b.overflow)
			return err_set(e, ERR_LIMIT, "a plan is too large");
		if (write_section(fd, b.data, b.len, &section, e) == -1)
			return -1;
		json_array_append_new(plans, section);
	}
	if (write_json(fd, plan->config, &section, e) == -1)
		return -1;
	json_object_set_new(r, "config", section);
	if (write_json(fd, plan->report, &section, e) == -1)
		return -1;
	json_object_set_new(r, "report", section);
	*result = steal(&r);
	return 0;
}

static int
do_plan(struct channel_message *m, json_t **result, struct err *e)
{
	enum { INDEXES, CONFIG, POLICY, OUT, COUNT };
	struct layer_index *indexes[LIMIT_LAYERS] = {NULL};
	auto_policy struct policy *policy = NULL;
	auto_image_plan struct image_plan *plan = NULL;
	auto_free char *config = NULL;
	size_t count, config_len, i;
	json_t *sections;
	int fds[COUNT], status = -1;

	if (job_fds(m, fds, COUNT, e) == -1 ||
	    json_get_array(m->body, "indexes", JSON_REQUIRED, &sections, e) ==
		-1 ||
	    read_policy(fds[POLICY], &policy, e) == -1 ||
	    fsutil_read_fd(fds[CONFIG], "config", LIMIT_CONFIG_SIZE, &config,
		&config_len, e) == -1)
		return -1;
	count = json_array_size(sections);
	if (count > LIMIT_LAYERS)
		return err_set(
		    e, ERR_LIMIT, "more than %d layers", LIMIT_LAYERS);
	if (read_indexes(sections, fds[INDEXES], indexes, e) == 0 &&
	    image_plan(indexes, count, config, config_len, policy, &plan, e) ==
		0 &&
	    image_plan_check(plan, e) == 0)
		status = write_plan(plan, fds[OUT], result, e);
	for (i = 0; i < count; i++)
		layer_index_free(indexes[i]);
	return status;
}

/*
 * The contents for a plan: the spool that indexing left, if it has them all;
 * else the source layer is read again.
 */
static int
find_contents(struct channel_message *m, const struct layer_index *plan,
    const int *fds, struct spool **out, struct err *e)
{
	enum { PLAN, SPOOL, OUT, SECOND, SOURCE };
	auto_spool struct spool *spool = NULL;
	struct blob_source source;
	int source_fd = -1;

	if (json_is_true(json_object_get(m->body, "spool"))) {
		if (spool_load(fds[SPOOL], &spool, e) == -1)
			return -1;
		if (layer_plan_missing(plan, spool) == 0) {
			*out = steal(&spool);
			return 0;
		}
		spool_free(steal(&spool));
	}
	if (job_fd(m, SOURCE, &source_fd, e) == -1 ||
	    get_source(m->body, source_fd, -1, &source, e) == -1)
		return -1;
	spool = spool_new(fds[SECOND]);
	if (layer_plan_extract(plan, &source, spool, e) == -1 ||
	    spool_finish(spool, e) == -1)
		return -1;
	*out = steal(&spool);
	return 0;
}

static int
do_emit(struct channel_message *m, json_t **result, struct err *e)
{
	enum { PLAN, SPOOL, OUT, SECOND, COUNT };
	auto_layer_index struct layer_index *plan = NULL;
	auto_spool struct spool *spool = NULL;
	auto_free char *data = NULL;
	char digest[DIGEST_TEXT], diff_id[DIGEST_TEXT];
	struct layer_emitted emitted;
	size_t len;
	int fds[COUNT];

	if (job_fds(m, fds, COUNT, e) == -1 ||
	    get_section(json_object_get(m->body, "plan"), fds[PLAN], &data,
		&len, e) == -1 ||
	    layer_index_parse(&data, len, &plan, e) == -1 ||
	    find_contents(m, plan, fds, &spool, e) == -1 ||
	    layer_emit(plan, spool, fds[OUT], &emitted, e) == -1)
		return -1;
	*result = json_pack("{s:s, s:I, s:s, s:I}", "digest",
	    digest_format(&emitted.digest, digest), "size",
	    (json_int_t)emitted.size, "diff_id",
	    digest_format(&emitted.diff_id, diff_id), "tar_size",
	    (json_int_t)emitted.tar_size);
	return 0;
}

/* The derived layers of an assemble job: NULL for a dropped one. */
static int
read_emitted(const json_t *layers, struct layer_emitted *values,
    const struct layer_emitted **out, struct err *e)
{
	size_t i;

	for (i = 0; i < json_array_size(layers); i++) {
		const json_t *l = json_array_get(layers, i);

		if (json_is_null(l))
			continue;
		if (get_digest(l, "digest", &values[i].digest, e) == -1 ||
		    get_digest(l, "diff_id", &values[i].diff_id, e) == -1 ||
		    json_get_uint(l, "size", JSON_REQUIRED, INT64_MAX,
			&values[i].size, e) == -1 ||
		    json_get_uint(l, "tar_size", JSON_REQUIRED, INT64_MAX,
			&values[i].tar_size, e) == -1)
			return -1;
		out[i] = &values[i];
	}
	return 0;
}

static int
do_assemble(struct channel_message *m, json_t **result, struct err *e)
{
	enum { MANIFEST, CONFIG, OUT, COUNT };
	struct layer_emitted values[LIMIT_LAYERS];
	const struct layer_emitted *emitted[LIMIT_LAYERS] = {NULL};
	auto_oci_manifest struct oci_manifest *source = NULL;
	auto_free char *text = NULL, *old = NULL, *config = NULL,
		       *manifest = NULL;
	auto_json json_t *edited = NULL;
	auto_json json_t *r = json_object();
	size_t len, old_len, config_len, manifest_len;
	struct image_base base;
	json_t *layers, *section;
	int fds[COUNT];

	if (job_fds(m, fds, COUNT, e) == -1 ||
	    json_get_array(m->body, "layers", JSON_REQUIRED, &layers, e) ==
		-1 ||
	    json_get_string(
		m->body, "base_name", JSON_REQUIRED, &base.name, e) == -1 ||
	    get_digest(m->body, "base_digest", &base.digest, e) == -1)
		return -1;
	if (json_array_size(layers) > LIMIT_LAYERS)
		return err_set(e, ERR_LIMIT, "too many layers");
	if (read_emitted(layers, values, emitted, e) == -1 ||
	    fsutil_read_fd(fds[MANIFEST], "manifest", LIMIT_MANIFEST_SIZE,
		&text, &len, e) == -1 ||
	    oci_manifest_parse(text, len, NULL, &source, e) == -1 ||
	    get_section(json_object_get(m->body, "config"), fds[CONFIG], &old,
		&old_len, e) == -1 ||
	    json_parse_object(old, old_len, "config", &edited, e) == -1 ||
	    image_assemble(source, edited, emitted, json_array_size(layers),
		&base, &config, &config_len, &manifest, &manifest_len, e) == -1)
		return -1;
	if (write_section(fds[OUT], config, config_len, &section, e) == -1)
		return -1;
	json_object_set_new(r, "config", section);
	if (write_section(fds[OUT], manifest, manifest_len, &section, e) == -1)
		return -1;
	json_object_set_new(r, "manifest", section);
	*result = steal(&r);
	return 0;
}

/* Hashes a file, copying it to `copy_fd` unless that is -1. */
static int
hash_file(
    int fd, int copy_fd, uint64_t *size, struct digest *digest, struct err *e)
{
	auto_free char *buf = mem_alloc(COPY_BYTES);
	auto_hash struct hash *h = hash_new();
	off_t offset = 0;
	ssize_t n;

	while ((n = pread(fd, buf, COPY_BYTES, offset)) > 0) {
		hash_update(h, buf, (size_t)n);
		if (copy_fd != -1 &&
		    fsutil_pwrite_all(copy_fd, buf, (size_t)n, offset, e) == -1)
			return -1;
		offset += n;
	}
	if (n == -1)
		return err_set_errno(e, "cannot read a blob");
	hash_final(h, digest);
	*size = (uint64_t)offset;
	return 0;
}

static int
do_verify(struct channel_message *m, json_t **result, struct err *e)
{
	char want[DIGEST_TEXT], got[DIGEST_TEXT];
	struct blob_source source;
	struct digest digest;
	int fd = -1, copy_fd = -1;
	uint64_t size = 0;

	if (job_fd(m, 0, &fd, e) == -1 ||
	    (json_is_true(json_object_get(m->body, "copy")) &&
		job_fd(m, 1, &copy_fd, e) == -1) ||
	    get_source(m->body, fd, -1, &source, e) == -1 ||
	    hash_file(fd, copy_fd, &size, &digest, e) == -1)
		return -1;
	if (size != source.size || !digest_equal(&digest, &source.digest))
		return err_set(e, ERR_DIGEST,
		    "blob %s of %llu bytes came as %s of %llu bytes",
		    digest_format(&source.digest, want),
		    (unsigned long long)source.size,
		    digest_format(&digest, got), (unsigned long long)size);
	if (fdatasync(copy_fd == -1 ? fd : copy_fd) == -1)
		return err_set_errno(e, "cannot sync a blob");
	*result = json_object();
	return 0;
}

int
worker_do_job(struct channel_message *m, json_t **result, struct err *e)
{
	static const struct {
		const char *name;
		int (*run)(struct channel_message *, json_t **, struct err *);
	} jobs[] = {
	    {"index", do_index},
	    {"plan", do_plan},
	    {"emit", do_emit},
	    {"assemble", do_assemble},
	    {"verify", do_verify},
	};
	const char *name;
	size_t i;

	if (json_get_string(m->body, "job", JSON_REQUIRED, &name, e) == -1)
		return -1;
	for (i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++)
		if (strcmp(jobs[i].name, name) == 0)
			return jobs[i].run(m, result, e);
	return err_set(e, ERR_INVALID, "unknown job \"%s\"", name);
}
