#include "image_job_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "winnow/fsutil.h"
#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/log.h"
#include "winnow/mem.h"

static void
set_state(struct image_job *j, enum image_state state)
{
	static const char *const names[] = {
	    "fetch", "plan", "emit", "assemble", "done"};

	log_event(LOG_LEVEL_DEBUG, "image.state", "image", j->base_name, "from",
	    names[j->state], "to", names[state], NULL);
	j->state = state;
}

static void
image_job_free(struct image_job *j)
{
	size_t i;

	if (j->worker != NULL)
		worker_job_cancel(j->worker);
	for (i = 0; i < j->layer_count; i++)
		layer_work_clear(&j->layers[i]);
	if (j->config_fetch != NULL)
		blob_fetch_leave(j->config_fetch, &j->config_user);
	if (j->finish != NULL)
		event_free(j->finish);
	auto_fd_cleanup(&j->manifest_fd);
	auto_fd_cleanup(&j->policy_fd);
	auto_fd_cleanup(&j->plan_fd);
	auto_fd_cleanup(&j->out_fd);
	oci_manifest_free(j->manifest);
	free(j->layers);
	free(j->dropped);
	free(j->by_size);
	image_result_clear(&j->result);
	free(j->repository);
	free(j->base_name);
	free(j);
}

/* Ends the job from the loop, with the first reason that was given. */
static void
end_job(struct image_job *j, const struct err *e)
{
	if (j->state == IMAGE_DONE)
		return;
	if (e != NULL)
		j->error = *e;
	set_state(j, IMAGE_DONE);
	event_active(j->finish, EV_TIMEOUT, 0);
}

static void
on_finish(evutil_socket_t fd, short what, void *arg)
{
	struct image_job *j = arg;

	(void)fd;
	(void)what;
	if (j->error.code == ERR_NONE)
		j->cb(j->arg, &j->result, NULL);
	else
		j->cb(j->arg, NULL, &j->error);
	image_job_free(j);
}

/* Takes what the assemble job wrote, beside the layers that are stored. */
static int
take_result(struct image_job *j, const json_t *r, struct err *e)
{
	struct image_result *out = &j->result;
	size_t i;

	if (image_result_store_files(out, j->env->store, j->out_fd, r, e) ==
		-1 ||
	    image_result_store_report(out, j->env->store, j->plan_fd,
		&j->report, j->base_name, e) == -1)
		return -1;
	for (i = 0; i < j->layer_count; i++)
		if (!j->dropped[i])
			image_result_add_blob(out, &j->layers[i].derived.digest,
			    j->layers[i].derived.size);
	snprintf(out->media_type, sizeof(out->media_type), "%s",
	    j->manifest->media_type);
	return 0;
}

static void
on_assembled(void *arg, struct channel_message *result, const struct err *e)
{
	struct image_job *j = arg;
	struct err own;

	j->worker = NULL;
	if (e == NULL && take_result(j, result->body, &own) == -1)
		e = &own;
	end_job(j, e);
}

/* The derived layers as the assemble job wants them. */
static json_t *
describe_layers(const struct image_job *j)
{
	json_t *layers = json_array();
	size_t i;

	for (i = 0; i < j->layer_count; i++) {
		const struct store_derived *d = &j->layers[i].derived;
		char digest[DIGEST_TEXT], diff_id[DIGEST_TEXT];

		if (j->dropped[i]) {
			json_array_append_new(layers, json_null());
			continue;
		}
		json_array_append_new(layers,
		    json_pack("{s:s, s:I, s:s, s:I}", "digest",
			digest_format(&d->digest, digest), "size",
			(json_int_t)d->size, "diff_id",
			digest_format(&d->diff_id, diff_id), "tar_size",
			(json_int_t)d->tar_size));
	}
	return layers;
}

static void
start_assemble(struct image_job *j)
{
	enum { MANIFEST, CONFIG, OUT, COUNT };
	char digest[DIGEST_TEXT];
	int fds[COUNT];
	struct err e;
	json_t *body;

	set_state(j, IMAGE_ASSEMBLE);
	if (store_open_unlinked(j->env->store, &j->out_fd, &e) == -1) {
		end_job(j, &e);
		return;
	}
	body = json_pack("{s:s, s:s, s:o, s:s, s:s, s:o}", "type", "job", "job",
	    "assemble", "config", section_format(&j->config), "base_name",
	    j->base_name, "base_digest", digest_format(&j->digest, digest),
	    "layers", describe_layers(j));
	fds[MANIFEST] = j->manifest_fd;
	fds[CONFIG] = j->plan_fd;
	fds[OUT] = j->out_fd;
	j->worker =
	    worker_job_start(j->env->pool, body, fds, COUNT, on_assembled, j);
}

/* Takes the answer of the plan job and starts the layers that remain. */
static int
start_emit(struct image_job *j, const json_t *r, struct err *e)
{
	json_t *plans;
	size_t k;

	if (json_get_array(r, "plans", JSON_REQUIRED, &plans, e) == -1 ||
	    section_parse(json_object_get(r, "config"), LIMIT_CONFIG_SIZE,
		&j->config, e) == -1 ||
	    section_parse(json_object_get(r, "report"), LIMIT_CONFIG_SIZE,
		&j->report, e) == -1)
		return -1;
	if (json_array_size(plans) != j->layer_count)
		return err_set(e, ERR_INVALID, "a plan for %zu of %zu layers",
		    json_array_size(plans), j->layer_count);
	set_state(j, IMAGE_EMIT);
	j->pending = 1; /* until all are started */
	for (k = 0; k < j->layer_count; k++) {
		size_t i = (size_t)(j->by_size[k] - j->layers);
		const json_t *plan = json_array_get(plans, i);
		struct section s;

		j->dropped[i] = json_is_null(plan);
		if (j->dropped[i])
			continue;
		if (section_parse(plan, LIMIT_LAYER_INDEX_SIZE, &s, e) == -1)
			return -1;
		j->pending++;
		layer_work_emit(&j->layers[i], j->plan_fd, &s);
	}
	return 0;
}

/* One more thing of the present state is there. */
static void
one_less(struct image_job *j)
{
	if (--j->pending == 0 && j->state == IMAGE_EMIT)
		start_assemble(j);
}

/* The plan is made: the workers that use it must not change it. */
static int
protect_plan(struct image_job *j, struct err *e)
{
	auto_fd int fd = -1;

	if (fsutil_reopen_read_only(j->plan_fd, &fd, e) == -1)
		return -1;
	close(j->plan_fd);
	j->plan_fd = steal_fd(&fd);
	return 0;
}

static void
on_planned(void *arg, struct channel_message *result, const struct err *e)
{
	struct image_job *j = arg;
	struct err own;

	j->worker = NULL;
	if (e == NULL &&
	    (protect_plan(j, &own) == -1 ||
		start_emit(j, result->body, &own) == -1))
		e = &own;
	if (e != NULL)
		end_job(j, e);
	else
		one_less(j);
}

/* Puts all indexes into one file: [[OFFSET,SIZE],...]. */
static int
bundle_indexes(struct image_job *j, int fd, json_t *sections, struct err *e)
{
	size_t i;

	for (i = 0; i < j->layer_count; i++) {
		struct section s;

		if (section_append_file(fd, j->layers[i].index_fd, &s, e) == -1)
			return -1;
		json_array_append_new(sections, section_format(&s));
	}
	return 0;
}

static void
start_plan(struct image_job *j)
{
	enum { INDEXES, CONFIG, POLICY, OUT, COUNT };
	json_t *sections = json_array();
	auto_fd int bundle_fd = -1;
	int fds[COUNT];
	struct err e;
	json_t *body = json_pack("{s:s, s:s, s:o}", "type", "job", "job",
	    "plan", "indexes", sections);

	set_state(j, IMAGE_PLAN);
	if (store_open_unlinked(j->env->store, &bundle_fd, &e) == -1 ||
	    store_open_unlinked(j->env->store, &j->plan_fd, &e) == -1 ||
	    bundle_indexes(j, bundle_fd, sections, &e) == -1) {
		json_decref(body);
		end_job(j, &e);
		return;
	}
	fds[INDEXES] = bundle_fd;
	fds[CONFIG] = blob_fetch_fd(j->config_fetch);
	fds[POLICY] = j->policy_fd;
	fds[OUT] = j->plan_fd;
	j->worker =
	    worker_job_start(j->env->pool, body, fds, COUNT, on_planned, j);
}

static void
on_layer_step(void *arg, struct layer_work *l, const struct err *e)
{
	struct image_job *j = arg;

	(void)l;
	if (e != NULL) {
		end_job(j, e);
		return;
	}
	if (j->state == IMAGE_FETCH) {
		if (--j->pending == 0)
			start_plan(j);
	} else if (j->state == IMAGE_EMIT) {
		one_less(j);
	}
}

/* Configs are small: core hashes them itself. */
static int
verify_config(struct image_job *j, struct err *e)
{
	auto_free char *data = NULL;
	char text[DIGEST_TEXT];
	struct digest digest;
	size_t len;

	if (fsutil_read_fd(blob_fetch_fd(j->config_fetch), "config",
		LIMIT_CONFIG_SIZE, &data, &len, e) == -1)
		return -1;
	digest_of(data, len, &digest);
	if (len != j->manifest->config.size ||
	    !digest_equal(&digest, &j->manifest->config.digest))
		return err_set(e, ERR_DIGEST,
		    "config %s of %s came with other bytes",
		    digest_format(&j->manifest->config.digest, text),
		    j->repository);
	return 0;
}

static void
on_config(void *arg, const struct err *e)
{
	struct image_job *j = arg;
	struct err own;

	if (e == NULL && verify_config(j, &own) == -1)
		e = &own;
	if (e != NULL)
		end_job(j, e);
	else if (--j->pending == 0 && j->state == IMAGE_FETCH)
		start_plan(j);
}

/* Puts small contents into a sealed file in memory, for several workers. */
static int
memory_file(
    const char *name, const void *data, size_t len, int *fd, struct err *e)
{
	if (fsutil_open_memory(name, fd, e) == -1 ||
	    fsutil_write_all(*fd, data, len, e) == -1)
		return -1;
	return fsutil_seal_memory(*fd, e);
}

static void
start_fetches(struct image_job *j)
{
	const struct oci_descriptor *config = &j->manifest->config;
	size_t i;

	j->pending = j->layer_count + 1;
	j->config_user =
	    (struct blob_fetch_user){.on_done = on_config, .arg = j};
	j->config_fetch = blob_fetch_join(j->env->fetches, j->upstream,
	    j->repository, &config->digest, config->size, &j->config_user);
	for (i = 0; i < j->layer_count; i++)
		layer_work_index(j->by_size[i]);
}

/* Workers end together when what takes longest is begun first. */
static int
compare_sizes(const void *a, const void *b)
{
	const struct layer_work *x = *(struct layer_work *const *)a;
	const struct layer_work *y = *(struct layer_work *const *)b;

	if (x->layer->size != y->layer->size)
		return x->layer->size < y->layer->size ? 1 : -1;
	return (x > y) - (x < y);
}

static void
init_layers(struct image_job *j)
{
	uint64_t turn = ++j->env->turns;
	size_t i;

	j->layer_count = j->manifest->layer_count;
	j->layers = mem_zalloc(j->layer_count, sizeof(*j->layers));
	j->dropped = mem_zalloc(j->layer_count, sizeof(*j->dropped));
	j->by_size = mem_zalloc(j->layer_count, sizeof(struct layer_work *));
	for (i = 0; i < j->layer_count; i++) {
		struct layer_work *l = &j->layers[i];

		l->env = j->env;
		l->layer = &j->manifest->layers[i];
		l->upstream = j->upstream;
		l->repository = j->repository;
		l->turn = turn;
		l->policy_fd = j->policy_fd;
		l->on_step = on_layer_step;
		l->arg = j;
		layer_work_init(l);
		j->by_size[i] = l;
	}
	if (j->layer_count > 0)
		qsort(j->by_size, j->layer_count, sizeof(struct layer_work *),
		    compare_sizes);
}

int
image_job_start(struct job_env *env, const struct image_source *source,
    image_job_cb cb, void *arg, struct image_job **out, struct err *e)
{
	struct image_job *j = mem_zalloc(1, sizeof(*j));
	char text[DIGEST_TEXT];

	j->env = env;
	j->upstream = source->upstream;
	j->repository = mem_strdup(source->repository);
	j->digest = *source->digest;
	j->base_name = mem_printf("%s/%s@%s", source->host, source->repository,
	    digest_format(source->digest, text));
	j->manifest_fd = j->policy_fd = j->plan_fd = j->out_fd = -1;
	j->cb = cb;
	j->arg = arg;
	if (oci_manifest_parse(source->manifest, source->manifest_len, NULL,
		&j->manifest, e) == -1 ||
	    memory_file("manifest", source->manifest, source->manifest_len,
		&j->manifest_fd, e) == -1 ||
	    memory_file("policy", source->policy, source->policy_len,
		&j->policy_fd, e) == -1) {
		image_job_free(j);
		return -1;
	}
	if (j->manifest->kind != OCI_IMAGE ||
	    j->manifest->config.size > LIMIT_CONFIG_SIZE) {
		err_set(e, ERR_UNSUPPORTED, "%s is no image that can be read",
		    j->base_name);
		image_job_free(j);
		return -1;
	}
	j->finish = evtimer_new(env->base, on_finish, j);
	init_layers(j);
	start_fetches(j);
	*out = j;
	return 0;
}

void
image_job_cancel(struct image_job *j)
{
	image_job_free(j);
}
