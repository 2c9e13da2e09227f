/*
 * strip_layers_emit: parts of a layer may end in any order.  Processes end in
 * the order that they like, so tasks are run and finished here one by one:
 * hence the source.
 */
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../cli/strip_layers_emit.c"
#include "winnow/oci_layout.h"

#define PARTS 3
#define TASKS (PARTS + 1)
/* Four chunks, the last one short. */
#define CONTENT_SIZE (3 * GZIP_CHUNK + 100)

/* An image of one layer with one file, which is kept. */
struct image {
	char dir[64];
	struct layout layout;
	struct strip strip;
	struct oci_manifest manifest;
	struct strip_layers *layers;
	struct layer_index *index;
	struct image_plan plan;
	struct layer_emitted whole; /* as layer_emit() writes it */
};

static void
make_spool(int fd)
{
	auto_free unsigned char *bytes = mem_alloc(CONTENT_SIZE);
	auto_spool struct spool *spool = spool_new(fd);
	uint32_t number = 1;
	struct err e;
	size_t i;

	/* Compressible, and not the same in two chunks. */
	for (i = 0; i < CONTENT_SIZE; i++) {
		number = number * 1103515245 + 12345;
		bytes[i] = (unsigned char)(number >> 28);
	}
	assert_int_equal(spool_append(spool, bytes, CONTENT_SIZE, &e), 0);
	spool_keep(spool, 0);
	assert_int_equal(spool_finish(spool, &e), 0);
}

static void
image_init(struct image *image)
{
	struct strip_layer *item;
	struct layer_entry *entry;
	auto_fd int fd = -1;
	struct err e;

	*image = (struct image){.manifest = {.layer_count = 1}};
	snprintf(
	    image->dir, sizeof(image->dir), "/tmp/winnow-test-strip.XXXXXX");
	assert_non_null(mkdtemp(image->dir));
	image->layout.dir = image->dir;
	image->strip.to = &image->layout;
	assert_int_equal(layout_create(&image->layout, &e), 0);
	image->layers = strip_layers_new(&image->strip, &image->manifest);
	item = &image->layers->items[0];
	assert_int_equal(
	    fsutil_open_unlinked(image->dir, &item->spool_fd, &e), 0);
	make_spool(item->spool_fd);
	assert_int_equal(spool_load(item->spool_fd, &item->spool, &e), 0);
	image->index = layer_index_new();
	entry = layer_index_add(image->index);
	entry->path = arena_strndup(image->index->arena, "file", 4);
	entry->type = ENTRY_FILE;
	entry->mode = 0644;
	entry->size = CONTENT_SIZE;
	image->plan =
	    (struct image_plan){.layers = &image->index, .layer_count = 1};
	assert_int_equal(fsutil_open_memory("whole", &fd, &e), 0);
	assert_int_equal(
	    layer_emit(image->index, item->spool, fd, &image->whole, &e), 0);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void
image_clear(struct image *image)
{
	strip_layers_free(image->layers);
	layer_index_free(image->index);
	assert_int_equal(
	    nftw(image->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* As emission_init(), with parts whatever the layer's size. */
static void
start_emission(struct emission *em, struct image *image)
{
	struct err e;
	size_t i;

	*em = (struct emission){.layers = image->layers, .plan = &image->plan};
	em->tasks = mem_zalloc(TASKS, sizeof(*em->tasks));
	em->sizes = mem_zalloc(TASKS, sizeof(*em->sizes));
	em->by_layer = mem_zalloc(1, sizeof(*em->by_layer));
	em->by_layer[0] = (struct emit_layer){.parts = PARTS, .left = TASKS};
	em->results = mmap(NULL, (TASKS + 1) * sizeof(*em->results),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(em->results, MAP_FAILED);
	for (i = 0; i < PARTS; i++)
		add_task(em, EMIT_PART, 0, i, CONTENT_SIZE);
	add_task(em, EMIT_ARCHIVE, 0, 0, CONTENT_SIZE);
	for (i = 0; i < TASKS; i++)
		assert_int_equal(start_task(em, i, &e), 0);
}

static void
run_and_finish(struct emission *em, size_t task)
{
	struct err e;

	assert_int_equal(run_task(em, task, &e), 0);
	assert_int_equal(finish_task(em, task, &e), 0);
}

/* The next order of numbers, of which there are TASKS; false after the last. */
static bool
next_order(size_t order[TASKS])
{
	size_t i = TASKS - 1, j = TASKS - 1, k;

	while (i > 0 && order[i - 1] > order[i])
		i--;
	if (i == 0)
		return false;
	while (order[j] < order[i - 1])
		j--;
	k = order[i - 1];
	order[i - 1] = order[j];
	order[j] = k;
	for (j = TASKS - 1; i < j; i++, j--) {
		k = order[i];
		order[i] = order[j];
		order[j] = k;
	}
	return true;
}

/* Parts are joined, and their files closed, as soon as none before is missing.
 */
static void
check_joined(const struct emission *em)
{
	size_t i, there = 0;

	while (there < PARTS && em->tasks[there].done)
		there++;
	assert_int_equal(em->by_layer[0].joined, there);
	for (i = 0; i < PARTS; i++)
		assert_int_equal(em->tasks[i].fd == -1, i < there);
}

/* The blob is there by its name, and no other. */
static void
check_blob(const struct image *image)
{
	const struct layer_emitted *emitted = image->layers->emitted[0];
	auto_free char *path =
	    oci_layout_blob_path(image->dir, &image->whole.digest);
	auto_free char *bytes = NULL;
	struct digest digest;
	size_t len;
	struct err e;

	assert_non_null(emitted);
	assert_memory_equal(emitted, &image->whole, sizeof(*emitted));
	assert_int_equal(fsutil_read_file(AT_FDCWD, path, 4 * CONTENT_SIZE,
			     &bytes, &len, &e),
	    0);
	assert_int_equal(len, emitted->size);
	digest_of(bytes, len, &digest);
	assert_true(digest_equal(&digest, &emitted->digest));
	assert_null(image->layers->items[0].blob.path);
}

static void
test_every_order(void **state)
{
	size_t order[TASKS] = {0, 1, 2, 3}, i, orders = 0;

	(void)state;
	do {
		struct emission em;
		struct image image;

		image_init(&image);
		start_emission(&em, &image);
		for (i = 0; i < TASKS; i++) {
			assert_null(image.layers->emitted[0]);
			run_and_finish(&em, order[i]);
			check_joined(&em);
		}
		check_blob(&image);
		emission_clear(&em);
		image_clear(&image);
		orders++;
	} while (next_order(order));
	assert_int_equal(orders, 24);
}

/* What a process says of its part is not believed. */
static void
test_short_part(void **state)
{
	struct emission em;
	struct image image;
	struct err e;

	(void)state;
	image_init(&image);
	start_emission(&em, &image);
	assert_int_equal(run_task(&em, 0, &e), 0);
	em.results[0].part.size++;
	assert_int_equal(finish_task(&em, 0, &e), -1);
	assert_memory_equal(e.message, "layer 1: ", strlen("layer 1: "));
	emission_clear(&em);
	image_clear(&image);
}

/* A complete layer's spool takes no room, whoever has it open still. */
static void
test_spool_is_emptied(void **state)
{
	struct emission em;
	struct image image;
	auto_fd int fd = -1;
	uint64_t size;
	struct err e;
	size_t i;

	(void)state;
	image_init(&image);
	fd = dup(image.layers->items[0].spool_fd);
	start_emission(&em, &image);
	for (i = 0; i < TASKS; i++) {
		assert_int_equal(fsutil_size(fd, &size, &e), 0);
		assert_true(size > CONTENT_SIZE);
		run_and_finish(&em, i);
	}
	assert_int_equal(fsutil_size(fd, &size, &e), 0);
	assert_int_equal(size, 0);
	emission_clear(&em);
	image_clear(&image);
}

/* Nor does it matter when that is refused. */
static void
test_spool_stays(void **state)
{
	struct emission em;
	struct image image;
	char path[32];
	size_t i;
	int *fd, read_only;

	(void)state;
	image_init(&image);
	fd = &image.layers->items[0].spool_fd;
	start_emission(&em, &image);
	for (i = 0; i < PARTS; i++)
		run_and_finish(&em, i);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", *fd);
	read_only = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(dup2(read_only, *fd), *fd);
	close(read_only);
	run_and_finish(&em, PARTS);
	check_blob(&image);
	emission_clear(&em);
	image_clear(&image);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_order),
	    cmocka_unit_test(test_short_part),
	    cmocka_unit_test(test_spool_is_emptied),
	    cmocka_unit_test(test_spool_stays),
	};

	return cmocka_run_group_tests_name(
	    "strip_layers_emit", tests, NULL, NULL);
}
