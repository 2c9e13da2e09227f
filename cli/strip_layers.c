#include "strip_layers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tasks.h"
#include "winnow/fsutil.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

struct strip_layer {
	struct blob_source source; /* fd -1: not open */
	int spool_fd;
	int index_fd; /* where its process leaves the index */
	struct spool *spool;
	struct layout_blob blob; /* path NULL: none is being written */
};

struct strip_layers {
	const struct strip *strip;
	const struct oci_manifest *manifest;
	const struct image_plan *plan; /* while emitting */
	size_t count;
	struct strip_layer *items;
	uint64_t *sizes;
	struct layer_index **indexes;
	struct layer_emitted *results; /* shared with the tasks' processes */
	const struct layer_emitted **emitted; /* NULL: dropped */
};

struct strip_layers *
strip_layers_new(const struct strip *s, const struct oci_manifest *m)
{
	struct strip_layers *l = mem_zalloc(1, sizeof(*l));
	size_t i;

	l->strip = s;
	l->manifest = m;
	l->count = m->layer_count;
	l->items = mem_zalloc(l->count, sizeof(*l->items));
	l->sizes = mem_zalloc(l->count, sizeof(*l->sizes));
	l->indexes = mem_zalloc(l->count, sizeof(struct layer_index *));
	l->emitted = mem_zalloc(l->count, sizeof(*l->emitted));
	for (i = 0; i < l->count; i++) {
		l->items[i].source.fd = -1;
		l->items[i].spool_fd = -1;
		l->items[i].index_fd = -1;
	}
	l->results = mmap(NULL, (l->count + 1) * sizeof(*l->results),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (l->results == MAP_FAILED)
		_exit(MEM_EXIT_STATUS);
	return l;
}

static void
close_fd(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

static void
clear_layer(struct strip_layers *l, struct strip_layer *item)
{
	struct err ignored;

	if (item->blob.path != NULL)
		layout_end_blob(l->strip->to, &item->blob, NULL, &ignored);
	spool_free(item->spool);
	item->spool = NULL;
	close_fd(&item->source.fd);
	close_fd(&item->spool_fd);
	close_fd(&item->index_fd);
}

void
strip_layers_free(struct strip_layers *l)
{
	size_t i;

	for (i = 0; i < l->count; i++) {
		clear_layer(l, &l->items[i]);
		layer_index_free(l->indexes[i]);
	}
	munmap(l->results, (l->count + 1) * sizeof(*l->results));
	free(l->items);
	free(l->sizes);
	free(l->indexes);
	free(l->emitted);
	free(l);
}

struct layer_index **
strip_layers_indexes(const struct strip_layers *l)
{
	return l->indexes;
}

const struct layer_emitted **
strip_layers_emitted(const struct strip_layers *l)
{
	return l->emitted;
}

static int
wrap_layer(const struct strip_layers *l, size_t i, struct err *e)
{
	char buf[DIGEST_TEXT];

	return err_wrap(
	    e, "layer %s", digest_format(&l->manifest->layers[i].digest, buf));
}

/* Opens the blob, and an empty spool. */
static int
open_source(struct strip_layers *l, size_t i, struct err *e)
{
	struct strip_layer *item = &l->items[i];

	close_fd(&item->spool_fd);
	if (input_open_layer(l->strip->input, &l->manifest->layers[i],
		&item->source, e) == -1) {
		item->source.fd = -1;
		return -1;
	}
	return fsutil_open_unlinked(l->strip->to->dir, &item->spool_fd, e);
}

static int
start_reading(void *arg, size_t i, struct err *e)
{
	struct strip_layers *l = arg;

	if (open_source(l, i, e) == -1)
		return -1;
	return fsutil_open_unlinked(
	    l->strip->to->dir, &l->items[i].index_fd, e);
}

/* Libraries may be needed by what is kept, whatever the rules say. */
static enum spool_want
want_content(void *arg, const struct layer_entry *entry)
{
	return policy_guess(arg, entry->path) ? SPOOL_YES : SPOOL_IF_LIKELY;
}

static int
read_layer(void *arg, size_t i, struct err *e)
{
	struct strip_layers *l = arg;
	struct strip_layer *item = &l->items[i];
	auto_policy_guess struct policy_guess *guess =
	    policy_guess_new(l->strip->policy);
	const struct spool_filter filter = {want_content, guess};
	auto_spool struct spool *spool = spool_new(item->spool_fd);
	auto_layer_index struct layer_index *index = NULL;
	auto_strbuf struct strbuf out;

	strbuf_init(&out, LIMIT_LAYER_INDEX_SIZE);
	if (layer_index_read(&item->source, &filter, spool, &index, e) == -1 ||
	    spool_finish(spool, e) == -1)
		return wrap_layer(l, i, e);
	layer_index_format(index, &out);
	if (out.overflow) {
		err_set(e, ERR_LIMIT, "its index is too large");
		return wrap_layer(l, i, e);
	}
	return fsutil_pwrite_all(item->index_fd, out.data, out.len, 0, e);
}

static int
take_index(void *arg, size_t i, struct err *e)
{
	struct strip_layers *l = arg;
	struct strip_layer *item = &l->items[i];
	auto_free char *text = NULL;
	size_t len;

	if (fsutil_read_fd(item->index_fd, "index", LIMIT_LAYER_INDEX_SIZE,
		&text, &len, e) == -1 ||
	    layer_index_parse(text, len, &l->indexes[i], e) == -1 ||
	    spool_load(item->spool_fd, &item->spool, e) == -1)
		return wrap_layer(l, i, e);
	close_fd(&item->index_fd);
	close_fd(&item->source.fd);
	return 0;
}

int
strip_layers_read(struct strip_layers *l, struct err *e)
{
	const struct tasks tasks = {.count = l->count,
	    .sizes = l->sizes,
	    .arg = l,
	    .start = start_reading,
	    .run = read_layer,
	    .finish = take_index};
	auto_progress struct progress *progress =
	    progress_new("reading", input_layers_size(l->manifest));
	size_t i;
	int r;

	for (i = 0; i < l->count; i++)
		l->sizes[i] = l->manifest->layers[i].size;
	l->strip->input->progress = progress;
	r = tasks_run(&tasks, e);
	l->strip->input->progress = NULL;
	return r;
}

/* Bytes that the plan of a layer keeps. */
static uint64_t
plan_size(const struct layer_index *plan)
{
	uint64_t size = 0;
	uint32_t i;

	for (i = 0; i < plan->count; i++)
		size += plan->entries[i].size;
	return size;
}

/* 1 for a layer that keeps nothing.  Where the first reading spooled too
 * little, the layer is read again. */
static int
start_emitting(void *arg, size_t i, struct err *e)
{
	struct strip_layers *l = arg;
	struct strip_layer *item = &l->items[i];
	const struct layer_index *plan = l->plan->layers[i];

	if (plan->count == 0)
		return 1;
	if (layer_plan_missing(plan, item->spool) > 0 &&
	    open_source(l, i, e) == -1)
		return -1;
	return layout_begin_blob(l->strip->to, &item->blob, e);
}

static int
fill_spool(
    struct strip_layer *item, const struct layer_index *plan, struct err *e)
{
	spool_free(item->spool);
	item->spool = spool_new(item->spool_fd);
	if (layer_plan_extract(plan, &item->source, item->spool, e) == -1)
		return -1;
	return spool_finish(item->spool, e);
}

static int
emit_layer(void *arg, size_t i, struct err *e)
{
	struct strip_layers *l = arg;
	struct strip_layer *item = &l->items[i];
	const struct layer_index *plan = l->plan->layers[i];

	if ((item->source.fd != -1 && fill_spool(item, plan, e) == -1) ||
	    layer_emit(plan, item->spool, item->blob.fd, &l->results[i], e) ==
		-1)
		return err_wrap(e, "layer %zu", i + 1);
	return 0;
}

static int
take_blob(void *arg, size_t i, struct err *e)
{
	struct strip_layers *l = arg;

	if (layout_end_blob(l->strip->to, &l->items[i].blob,
		&l->results[i].digest, e) == -1)
		return -1;
	l->emitted[i] = &l->results[i];
	clear_layer(l, &l->items[i]);
	return 0;
}

int
strip_layers_emit(
    struct strip_layers *l, const struct image_plan *plan, struct err *e)
{
	const struct tasks tasks = {.count = l->count,
	    .sizes = l->sizes,
	    .arg = l,
	    .start = start_emitting,
	    .run = emit_layer,
	    .finish = take_blob};
	size_t i;

	l->plan = plan;
	for (i = 0; i < l->count; i++)
		l->sizes[i] = plan_size(plan->layers[i]);
	return tasks_run(&tasks, e);
}
