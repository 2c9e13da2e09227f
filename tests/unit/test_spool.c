/* spool: contents kept and dropped, holes, maps, and foreign tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "winnow/fsutil.h"
#include "winnow/mem.h"
#include "winnow/spool.h"

static int
open_file(void)
{
	struct err e;
	int fd = -1;

	assert_int_equal(fsutil_open_memory("spool", &fd, &e), 0);
	return fd;
}

/* A content of `size` bytes: a pattern of `seed`, with a hole of `hole`. */
struct content {
	uint32_t ordinal;
	size_t size;
	uint64_t hole; /* behind the bytes */
	bool keep;
};

static uint8_t
byte_of(const struct content *c, size_t i)
{
	return (uint8_t)(i < c->size ? c->ordinal * 7 + i % 251 + 1 : 0);
}

static void
assert_bytes(const struct content *c, const uint8_t *data, uint64_t size)
{
	size_t i;

	assert_int_equal(size, c->size + c->hole);
	for (i = 0; i < size; i++)
		if (data[i] != byte_of(c, i))
			fail_msg("content %u differs at %zu", c->ordinal, i);
}

/* `said` is of how many bytes the content is said to be. */
static void
append(struct spool *s, const struct content *c, uint64_t said)
{
	auto_free uint8_t *bytes = mem_alloc(c->size);
	const void *data = NULL;
	size_t len = 0, i;
	struct err e;

	for (i = 0; i < c->size; i++)
		bytes[i] = byte_of(c, i);
	spool_begin(s, said);
	assert_int_equal(spool_append(s, bytes, c->size / 3, &e), 0);
	assert_int_equal(
	    spool_append(s, bytes + c->size / 3, c->size - c->size / 3, &e), 0);
	assert_int_equal(spool_append_hole(s, c->hole, &e), 0);
	assert_int_equal(spool_map(s, &data, &len, &e), 0);
	assert_bytes(c, data, len);
	spool_unmap(s);
	if (c->keep)
		spool_keep(s, c->ordinal);
	else
		spool_drop(s);
}

static void
check_find(const struct spool *s, const struct content *c)
{
	uint64_t offset = 0, size = 0;
	auto_free uint8_t *bytes = NULL;
	struct err e;

	assert_int_equal(spool_find(s, c->ordinal, &offset, &size), c->keep);
	if (!c->keep)
		return;
	bytes = mem_alloc(size);
	assert_int_equal(
	    fsutil_pread_all(spool_fd(s), bytes, size, (off_t)offset, &e), 0);
	assert_bytes(c, bytes, size);
}

static const struct content contents[] = {
    {0, 10, 0, true},
    {1, 5000000, 0, false}, /* leaves bytes behind in the file */
    {9, 100, 3000000, true}, /* where this hole comes to lie */
    {3, 0, 0, true},
    {4, 1 << 20, 1, true},
    {5, 700000, 0, false},
    {6, 700000, 700000, true},
    {7, 3000000, 5000, true},
    {8, 20, 0, false},
};
#define CONTENTS (sizeof(contents) / sizeof(contents[0]))

/* How the sizes that contents are said to be of relate to what they are. */
enum said { SAID_TRUE, SAID_NONE, SAID_HUGE, SAID_COUNT };

static void
check_contents(enum said said)
{
	auto_fd int fd = open_file();
	auto_spool struct spool *s = spool_new(fd), *loaded = NULL;
	struct err e;
	size_t i;

	for (i = 0; i < CONTENTS; i++) {
		const struct content *c = &contents[i];

		append(s, c,
		    said == SAID_TRUE       ? c->size + c->hole
			: said == SAID_NONE ? 0
					    : UINT64_MAX);
	}
	assert_int_equal(spool_append(s, "unfinished", 10, &e), 0);
	assert_int_equal(spool_finish(s, &e), 0);
	assert_int_equal(spool_load(fd, &loaded, &e), 0);
	for (i = 0; i < CONTENTS; i++) {
		check_find(s, &contents[i]);
		check_find(loaded, &contents[i]);
	}
}

static void
test_contents(void **state)
{
	enum said said;

	(void)state;
	for (said = SAID_TRUE; said < SAID_COUNT; said++)
		check_contents(said);
}

/* How many writes this process has made. */
static long
count_writes(void)
{
	FILE *f = fopen("/proc/self/io", "re");
	char line[64];
	long n = -1;

	assert_non_null(f);
	while (n == -1 && fgets(line, sizeof(line), f) != NULL)
		sscanf(line, "syscw: %ld", &n);
	fclose(f);
	assert_int_not_equal(n, -1);
	return n;
}

/* A sparse file of a byte here and there is not a write for each. */
static void
test_small_pieces(void **state)
{
	enum { PIECES = 1 << 20 };
	auto_fd int fd = open_file();
	auto_spool struct spool *s = spool_new(fd);
	const uint8_t *bytes;
	const void *data = NULL;
	size_t len = 0;
	struct err e;
	long before;
	int i;

	(void)state;
	spool_begin(s, 2 * PIECES);
	before = count_writes();
	for (i = 0; i < PIECES; i++) {
		assert_int_equal(spool_append(s, "x", 1, &e), 0);
		assert_int_equal(spool_append_hole(s, 1, &e), 0);
	}
	assert_true(count_writes() - before < 10);
	assert_int_equal(spool_map(s, &data, &len, &e), 0);
	assert_int_equal(len, 2 * PIECES);
	for (bytes = data, i = 0; i < 2 * PIECES; i++)
		if (bytes[i] != (i % 2 == 0 ? 'x' : 0))
			fail_msg("byte %d", i);
	spool_unmap(s);
}

/* A hole takes no blocks, nor does what was dropped. */
static void
test_hole(void **state)
{
	static uint8_t bytes[3 << 20];
	auto_spool struct spool *s = NULL;
	auto_fd int fd = open_file();
	struct stat st;
	uint32_t number = 1;
	struct err e;
	size_t i;

	(void)state;
	/* Nothing that a filesystem could compress. */
	for (i = 0; i < sizeof(bytes); i++) {
		number = number * 1103515245 + 12345;
		bytes[i] = (uint8_t)(number >> 24);
	}
	s = spool_new(fd);
	for (i = 0; i < 2; i++) {
		spool_begin(s, sizeof(bytes));
		assert_int_equal(spool_append(s, bytes, sizeof(bytes), &e), 0);
		assert_int_equal(spool_append_hole(s, 64 << 20, &e), 0);
		spool_keep(s, (uint32_t)i);
	}
	spool_begin(s, sizeof(bytes));
	assert_int_equal(spool_append(s, bytes, sizeof(bytes), &e), 0);
	spool_drop(s);
	assert_int_equal(spool_finish(s, &e), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(st.st_size > 128 << 20);
	assert_in_range(st.st_blocks, (6 << 20) / 512, (7 << 20) / 512);
}

/* What is dropped leaves its place to the next, wherever its pieces end. */
static void
test_dropped(void **state)
{
	static const uint8_t bytes[256 << 10] = {1};
	auto_spool struct spool *s = NULL;
	auto_fd int fd = open_file();
	struct stat st;
	struct err e;
	int i, k;

	(void)state;
	s = spool_new(fd);
	for (i = 0; i < 50; i++) {
		spool_begin(s, 100000 + 4 * sizeof(bytes));
		assert_int_equal(spool_append(s, bytes, 100000, &e), 0);
		for (k = 0; k < 4; k++)
			assert_int_equal(
			    spool_append(s, bytes, sizeof(bytes), &e), 0);
		spool_drop(s);
	}
	spool_begin(s, 1);
	assert_int_equal(spool_append(s, "x", 1, &e), 0);
	spool_keep(s, 0);
	assert_int_equal(spool_finish(s, &e), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(st.st_size < 1 << 20);
}

static void
test_empty(void **state)
{
	auto_fd int fd = open_file();
	auto_spool struct spool *s = spool_new(fd), *loaded = NULL;
	uint64_t offset, size;
	struct err e;

	(void)state;
	assert_int_equal(spool_load(fd, &loaded, &e), -1);
	assert_int_equal(e.code, ERR_INVALID);
	assert_int_equal(spool_finish(s, &e), 0);
	assert_int_equal(spool_load(fd, &loaded, &e), 0);
	assert_false(spool_find(loaded, 0, &offset, &size));
}

/* Every number of the table and footer, made wrong, is noticed. */
static void
test_load_refuses(void **state)
{
	static const struct {
		off_t back; /* from the end of the file */
		uint64_t value;
	} cases[] = {
	    {-72, 1}, /* ordinals equal */
	    {-72, UINT64_C(1) << 32},
	    {-64, 1000},
	    {-56, 1000},
	    {-56, UINT64_MAX},
	    {-24, 0},
	    {-16, 0},
	    {-16, UINT64_MAX},
	    {-8, 1},
	    {-8, UINT64_MAX / 24 + 1},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_fd int fd = open_file();
		auto_spool struct spool *s = spool_new(fd), *loaded = NULL;
		off_t at;
		struct err e;

		append(s, &(struct content){0, 10, 0, true}, 10);
		append(s, &(struct content){1, 10, 0, true}, 10);
		assert_int_equal(spool_finish(s, &e), 0);
		at = lseek(fd, 0, SEEK_END) + cases[i].back;
		assert_int_equal(
		    fsutil_pwrite_all(fd, &cases[i].value, 8, at, &e), 0);
		assert_int_equal(spool_load(fd, &loaded, &e), -1);
		assert_int_equal(e.code, ERR_INVALID);
		assert_null(loaded);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_contents),
	    cmocka_unit_test(test_small_pieces),
	    cmocka_unit_test(test_hole),
	    cmocka_unit_test(test_dropped),
	    cmocka_unit_test(test_empty),
	    cmocka_unit_test(test_load_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
