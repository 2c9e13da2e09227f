/*
 * Derived layers are written by as many processes as there are processors.
 * One large layer, as most images have, would leave the others idle: it is
 * written in parts, and joined here as they come.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "strip_layers_internal.h"
#include "tasks.h"
#include "winnow/fsutil.h"
#include "winnow/mem.h"

/* A part costs a walk over the plan; an eighth of a layer spreads well. */
#define PART_SIZE (UINT64_C(8) << 20)
#define PARTS_MAX 8
/* With as many tasks before it a layer is not parted: parts are open files. */
#define PARTED_TASKS_MAX 128

enum emit_kind { EMIT_LAYER, EMIT_PART, EMIT_ARCHIVE };

struct emit_task {
	enum emit_kind kind;
	size_t layer;
	size_t part; /* of EMIT_PART: which one */
	int fd; /* its file; -1: not open */
	bool done;
};

/* What a task's process leaves, by the task's kind. */
union emit_result {
	struct layer_emitted layer;
	struct gzip_part part;
	struct layer_archive archive;
};

/* A layer of which tasks are made. */
struct emit_layer {
	size_t parts; /* 0: it is written in one */
	size_t first; /* of its tasks: the parts, then the archive */
	size_t left; /* tasks that have not ended */
	size_t joined; /* parts */
	struct gzip_write *blob;
};

struct emission {
	struct strip_layers *layers;
	struct image_plan *plan;
	struct emit_task *tasks;
	uint64_t *sizes;
	size_t count;
	union emit_result *results; /* shared with the tasks' processes */
	struct emit_layer *by_layer;
};

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

/*
 * 0: the layer is written in one, as is every layer that has to be read again:
 * that is most of its work.
 */
static size_t
count_parts(const struct emission *em, size_t layer, uint64_t size)
{
	if (tasks_processors() == 1 || size < 2 * PART_SIZE ||
	    em->count > PARTED_TASKS_MAX ||
	    layer_plan_missing(
		em->plan->layers[layer], em->layers->items[layer].spool) > 0)
		return 0;
	return size / PART_SIZE < PARTS_MAX ? (size_t)(size / PART_SIZE)
					    : PARTS_MAX;
}

/*
 * A task is as urgent as its layer is large: the parts of the largest come
 * first, and are joined while smaller layers are written.
 */
static void
add_task(struct emission *em, enum emit_kind kind, size_t layer, size_t part,
    uint64_t size)
{
	em->tasks[em->count] = (struct emit_task){
	    .kind = kind, .layer = layer, .part = part, .fd = -1};
	em->sizes[em->count++] = size;
}

static void
add_layer(struct emission *em, size_t i)
{
	uint64_t size = plan_size(em->plan->layers[i]);
	size_t parts = count_parts(em, i, size), k;

	em->by_layer[i] = (struct emit_layer){
	    .parts = parts, .first = em->count, .left = parts + 1};
	for (k = 0; k < parts; k++)
		add_task(em, EMIT_PART, i, k, size);
	add_task(em, parts > 0 ? EMIT_ARCHIVE : EMIT_LAYER, i, 0, size);
}

static void
emission_init(
    struct emission *em, struct strip_layers *l, struct image_plan *plan)
{
	size_t most = l->count * (PARTS_MAX + 1), i;

	*em = (struct emission){.layers = l, .plan = plan};
	em->tasks = mem_zalloc(most, sizeof(*em->tasks));
	em->sizes = mem_zalloc(most, sizeof(*em->sizes));
	em->by_layer = mem_zalloc(l->count, sizeof(*em->by_layer));
	for (i = 0; i < l->count; i++)
		add_layer(em, i);
	em->results = mmap(NULL, (em->count + 1) * sizeof(*em->results),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (em->results == MAP_FAILED)
		_exit(MEM_EXIT_STATUS);
}

static void
emission_clear(struct emission *em)
{
	size_t i;

	for (i = 0; i < em->count; i++)
		close_fd(&em->tasks[i].fd);
	for (i = 0; i < em->layers->count; i++)
		gzip_write_free(em->by_layer[i].blob);
	munmap(em->results, (em->count + 1) * sizeof(*em->results));
	free(em->tasks);
	free(em->sizes);
	free(em->by_layer);
}

/* Where the first reading spooled too little, the layer is read again. */
static int
start_layer(struct emission *em, size_t i, struct err *e)
{
	struct strip_layers *l = em->layers;

	if (layer_plan_missing(em->plan->layers[i], l->items[i].spool) > 0 &&
	    strip_layers_open(l, i, e) == -1)
		return -1;
	return layout_begin_blob(l->strip->to, &l->items[i].blob, e);
}

/* 1 for a layer that keeps nothing. */
static int
start_task(void *arg, size_t i, struct err *e)
{
	struct emission *em = arg;
	struct emit_task *task = &em->tasks[i];

	if (em->plan->layers[task->layer]->count == 0)
		return 1;
	if (task->kind == EMIT_LAYER)
		return start_layer(em, task->layer, e);
	if (task->kind == EMIT_PART)
		return fsutil_open_unlinked(
		    em->layers->strip->to->dir, &task->fd, e);
	return 0;
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
emit(struct emission *em, size_t i, struct err *e)
{
	const struct emit_task *task = &em->tasks[i];
	struct strip_layer *item = &em->layers->items[task->layer];
	const struct layer_index *plan = em->plan->layers[task->layer];
	union emit_result *result = &em->results[i];

	if (task->kind == EMIT_ARCHIVE)
		return layer_emit_archive(
		    plan, item->spool, &result->archive, e);
	if (task->kind == EMIT_PART) {
		result->part.fd = task->fd;
		return layer_emit_part(plan, item->spool, task->part,
		    em->by_layer[task->layer].parts, &result->part, e);
	}
	if (item->source.fd != -1 && fill_spool(item, plan, e) == -1)
		return -1;
	return layer_emit(plan, item->spool, item->blob.fd, &result->layer, e);
}

static int
run_task(void *arg, size_t i, struct err *e)
{
	struct emission *em = arg;

	if (emit(em, i, e) == -1)
		return err_wrap(e, "layer %zu", em->tasks[i].layer + 1);
	return 0;
}

/* Adds to the blob the parts that are there, as far as none is missing. */
static int
join(struct emission *em, size_t layer, struct err *e)
{
	struct strip_layers *l = em->layers;
	struct layout_blob *blob = &l->items[layer].blob;
	struct emit_layer *derived = &em->by_layer[layer];
	size_t i;

	for (; derived->joined < derived->parts; derived->joined++) {
		i = derived->first + derived->joined;
		if (!em->tasks[i].done)
			return 0;
		if (derived->blob == NULL) {
			if (layout_begin_blob(l->strip->to, blob, e) == -1)
				return -1;
			derived->blob = gzip_write_new_joined(blob->fd);
		}
		if (gzip_write_join(derived->blob,
			&(struct gzip_part){
			    em->tasks[i].fd, em->results[i].part.size},
			e) == -1)
			return -1;
		close_fd(&em->tasks[i].fd);
	}
	return 0;
}

/*
 * The processes have the spool open, too: the last one would free its pages
 * when it ends, with nothing left for other processors to do.  Nothing else
 * depends on it, and a full disk may refuse even that.
 */
static void
empty_spool(const struct strip_layer *item)
{
	int ignored = ftruncate(item->spool_fd, 0);

	(void)ignored;
}

/* Names the blob of a layer that is complete. */
static int
finish_layer(struct emission *em, size_t layer, struct err *e)
{
	struct strip_layers *l = em->layers;
	struct emit_layer *derived = &em->by_layer[layer];
	struct layer_emitted *emitted = &l->results[layer];
	/* The archive's is behind those of the parts. */
	const union emit_result *result =
	    &em->results[derived->first + derived->parts];

	if (derived->parts == 0)
		*emitted = result->layer;
	else if (layer_emit_joined(
		     &result->archive, derived->blob, emitted, e) == -1)
		return -1;
	if (layout_end_blob(
		l->strip->to, &l->items[layer].blob, &emitted->digest, e) == -1)
		return -1;
	l->emitted[layer] = emitted;
	empty_spool(&l->items[layer]);
	strip_layers_clear(l, &l->items[layer]);
	return 0;
}

static int
finish_task(void *arg, size_t i, struct err *e)
{
	struct emission *em = arg;
	size_t layer = em->tasks[i].layer;

	em->tasks[i].done = true;
	if (join(em, layer, e) == -1 ||
	    (--em->by_layer[layer].left == 0 &&
		finish_layer(em, layer, e) == -1))
		return err_wrap(e, "layer %zu", layer + 1);
	return 0;
}

static int
check_plan(void *arg, struct err *e)
{
	struct emission *em = arg;

	return image_plan_check(em->plan, e);
}

int
strip_layers_emit(
    struct strip_layers *l, struct image_plan *plan, struct err *e)
{
	struct emission em;
	struct tasks tasks = {.arg = &em,
	    .start = start_task,
	    .run = run_task,
	    .meanwhile = check_plan,
	    .finish = finish_task};
	int r;

	emission_init(&em, l, plan);
	tasks.count = em.count;
	tasks.sizes = em.sizes;
	r = tasks_run(&tasks, e);
	emission_clear(&em);
	return r;
}
