/* layer_index: the serialized form, there and back, and hostile bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "winnow/fsutil.h"
#include "winnow/layer_index.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

/* Texts of static storage, for fields that are not const. */
static char path_dir[] = "", path_file[] = "usr/lib/libx.so.1";
static char path_link[] = "caf\xe9", target[] = "../x//y";
static char text_a[] = "a", text_b[] = "b", text_rpath[] = "$ORIGIN/../lib";
static char calls[] = "id /usr/bin/gosu";
static char content[] = "con\0tent";
static char *needed[] = {text_a, text_b};
static struct elf_dlopen dlopens[] = {
    {.sonames = needed,
	.count = 2,
	.priority = ELF_SUGGESTED,
	.feature = text_b},
    {.sonames = needed, .count = 1, .priority = ELF_REQUIRED},
};
static struct elf_facts facts = {
    .bits = 32,
    .big_endian = true,
    .osabi = 3,
    .machine = 40,
    .type = 3,
    .flags = 0x5000400,
    .dynamic = true,
    .uses_iconv = true,
    .interpreter = text_a,
    .soname = text_b,
    .runpath = text_rpath,
    .needed = needed,
    .needed_count = 2,
    .dlopens = dlopens,
    .dlopen_count = 2,
};
static struct layer_xattr xattrs[] = {
    {text_a, content, 8},
    {text_b, content, 0},
};

static struct layer_index *
make_index(void)
{
	struct layer_index *index = layer_index_new();

	*layer_index_add(index) = (struct layer_entry){
	    .type = ENTRY_DIRECTORY, .mode = 01777, .path = path_dir};
	*layer_index_add(index) = (struct layer_entry){
	    .type = ENTRY_FILE,
	    .mode = 04755,
	    .uid = UINT64_C(1) << 40,
	    .gid = 7,
	    .size = 8,
	    .mtime = -5,
	    .mtime_nsec = 999999999,
	    .ordinal = LAYER_NO_ORDINAL,
	    .marks = MARK_BIT(MARK_ASH) | MARK_BIT(MARK_BUSYBOX),
	    .path = path_file,
	    .xattrs = xattrs,
	    .xattr_count = 2,
	    .elf = &facts,
	    .script = text_a,
	    .calls = calls,
	    .content = content,
	    .content_len = 8,
	};
	*layer_index_add(index) = (struct layer_entry){
	    .type = ENTRY_SYMLINK, .path = path_link, .link = target};
	*layer_index_add(index) = (struct layer_entry){.type = ENTRY_CHARDEV,
	    .path = path_link,
	    .dev_major = 1,
	    .dev_minor = 3};
	index->warnings = mem_strdup("one\ntwo\n");
	return index;
}

static void
format(struct layer_index *index, struct strbuf *out)
{
	strbuf_init(out, 1 << 20);
	layer_index_format(index, out);
	assert_false(out->overflow);
}

static void
check_elf(const struct elf_facts *elf)
{
	assert_int_equal(elf->bits, 32);
	assert_true(elf->big_endian);
	assert_true(elf->dynamic);
	assert_false(elf->nodefaultlib);
	assert_true(elf->uses_iconv);
	assert_false(elf->uses_locale);
	assert_int_equal(elf->osabi, 3);
	assert_int_equal(elf->machine, 40);
	assert_int_equal(elf->type, 3);
	assert_int_equal(elf->flags, 0x5000400);
	assert_string_equal(elf->interpreter, "a");
	assert_string_equal(elf->soname, "b");
	assert_null(elf->rpath);
	assert_string_equal(elf->runpath, text_rpath);
	assert_int_equal(elf->needed_count, 2);
	assert_string_equal(elf->needed[1], "b");
	assert_int_equal(elf->dlopen_count, 2);
	assert_int_equal(elf->dlopens[0].priority, ELF_SUGGESTED);
	assert_string_equal(elf->dlopens[0].feature, "b");
	assert_int_equal(elf->dlopens[0].count, 2);
	assert_null(elf->dlopens[1].feature);
	assert_string_equal(elf->dlopens[1].sonames[0], "a");
}

static void
check_file(const struct layer_entry *entry)
{
	assert_int_equal(entry->type, ENTRY_FILE);
	assert_int_equal(entry->mode, 04755);
	assert_true(entry->uid == UINT64_C(1) << 40);
	assert_int_equal(entry->gid, 7);
	assert_int_equal(entry->size, 8);
	assert_true(entry->mtime == -5);
	assert_int_equal(entry->mtime_nsec, 999999999);
	assert_int_equal(entry->ordinal, LAYER_NO_ORDINAL);
	assert_int_equal(
	    entry->marks, MARK_BIT(MARK_ASH) | MARK_BIT(MARK_BUSYBOX));
	assert_string_equal(entry->path, path_file);
	assert_null(entry->link);
	assert_string_equal(entry->script, "a");
	assert_string_equal(entry->calls, "id /usr/bin/gosu");
	assert_int_equal(entry->content_len, 8);
	assert_memory_equal(entry->content, content, 8);
	assert_int_equal(entry->xattr_count, 2);
	assert_string_equal(entry->xattrs[0].name, "a");
	assert_int_equal(entry->xattrs[0].value_len, 8);
	assert_memory_equal(entry->xattrs[0].value, content, 8);
	assert_int_equal(entry->xattrs[1].value_len, 0);
}

/* Parses a copy, behind which nothing may be read. */
static int
parse(const char *bytes, size_t len, struct layer_index **out, struct err *e)
{
	char *copy = mem_alloc(len);
	int r;

	memcpy(copy, bytes, len);
	r = layer_index_parse(&copy, len, out, e);
	assert_null(copy);
	return r;
}

static void
test_round_trip(void **state)
{
	auto_layer_index struct layer_index *index = make_index(), *back = NULL;
	auto_strbuf struct strbuf bytes, again;
	struct err e;

	(void)state;
	format(index, &bytes);
	if (parse(bytes.data, bytes.len, &back, &e) == -1)
		fail_msg("%s", e.message);
	assert_int_equal(back->count, 4);
	assert_string_equal(back->warnings, "one\ntwo\n");
	assert_string_equal(back->entries[0].path, "");
	assert_int_equal(back->entries[0].mode, 01777);
	check_file(&back->entries[1]);
	check_elf(back->entries[1].elf);
	assert_string_equal(back->entries[2].path, path_link);
	assert_string_equal(back->entries[2].link, target);
	assert_int_equal(back->entries[3].dev_minor, 3);
	format(back, &again);
	assert_int_equal(again.len, bytes.len);
	assert_memory_equal(again.data, bytes.data, bytes.len);
}

/* What is written in pieces is what is formatted at once. */
static void
test_write(void **state)
{
	auto_layer_index struct layer_index *index = make_index();
	auto_strbuf struct strbuf bytes;
	auto_free char *written = NULL;
	auto_fd int fd = -1;
	struct err e;
	size_t i, len;

	(void)state;
	for (i = 0; i < 5000; i++) {
		const struct layer_entry entry = index->entries[i % 4];

		*layer_index_add(index) = entry;
	}
	format(index, &bytes);
	assert_true(bytes.len > 256 << 10);
	assert_int_equal(fsutil_open_memory("index", &fd, &e), 0);
	assert_int_equal(layer_index_write(index, fd, &e), 0);
	assert_int_equal(
	    fsutil_read_fd(fd, "index", SIZE_MAX, &written, &len, &e), 0);
	assert_int_equal(len, bytes.len);
	assert_memory_equal(written, bytes.data, len);
}

static void
expect_refused(const struct layer_entry *entry, size_t case_number)
{
	auto_layer_index struct layer_index *index = layer_index_new();
	struct layer_index *back = NULL;
	auto_strbuf struct strbuf bytes;
	struct err e;

	*layer_index_add(index) = *entry;
	format(index, &bytes);
	if (parse(bytes.data, bytes.len, &back, &e) != -1)
		fail_msg("case %zu passes", case_number);
	assert_int_equal(e.code, ERR_INVALID);
	assert_null(back);
}

static void
test_refuses_entries(void **state)
{
	static char slash[] = "/a", end[] = "a/", twice[] = "a//b";
	static char dot[] = "a/./b", dots[] = "..", empty[] = "";
	static struct layer_xattr equal[] = {
	    {text_a, NULL, 0}, {text_a, NULL, 0}};
	static struct layer_xattr falls[] = {
	    {text_b, NULL, 0}, {text_a, NULL, 0}};
	static struct layer_xattr unnamed[] = {{empty, NULL, 0}};
	static char slash_inside[] = "a b/c";
	static struct elf_facts odd = {.bits = 16};
	const struct layer_entry cases[] = {
	    {.path = slash},
	    {.path = end},
	    {.path = twice},
	    {.path = dot},
	    {.path = dots},
	    {.path = empty}, /* the root, a file */
	    {.path = text_a, .type = ENTRY_TYPES},
	    {.path = text_a, .mode = 010000},
	    {.path = text_a, .mtime_nsec = 1000000000},
	    {.path = text_a, .size = LIMIT_LAYER_SIZE + 1},
	    {.path = text_a, .link = text_b},
	    {.path = text_a, .type = ENTRY_SYMLINK},
	    {.path = text_a, .type = ENTRY_SYMLINK, .link = empty},
	    {.path = text_a, .type = ENTRY_HARDLINK, .link = slash},
	    {.path = text_a, .type = ENTRY_HARDLINK, .link = empty},
	    {.path = text_a, .type = ENTRY_DIRECTORY, .size = 1},
	    {.path = text_a, .type = ENTRY_FIFO, .script = text_a},
	    {.path = text_a, .type = ENTRY_FIFO, .elf = &facts},
	    {.path = text_a, .type = ENTRY_FIFO, .marks = 1},
	    {.path = text_a, .marks = MARK_BIT(MARKS)},
	    {.path = text_a, .type = ENTRY_FIFO, .calls = text_a},
	    {.path = text_a, .calls = text_a},
	    {.path = text_a, .script = text_a, .calls = empty},
	    {.path = text_a, .script = text_a, .calls = slash_inside},
	    {.path = text_a, .dev_major = 1},
	    {.path = text_a, .content = text_b, .content_len = 1, .size = 2},
	    {.path = text_a, .elf = &odd},
	    {.path = text_a, .xattrs = equal, .xattr_count = 2},
	    {.path = text_a, .xattrs = falls, .xattr_count = 2},
	    {.path = text_a, .xattrs = unnamed, .xattr_count = 1},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_refused(&cases[i], i);
}

/* No prefix is an index, none of the changed ones leads astray. */
static void
test_hostile(void **state)
{
	auto_layer_index struct layer_index *index = make_index();
	auto_strbuf struct strbuf bytes;
	struct layer_index *back = NULL;
	struct err e;
	size_t i, bit;

	(void)state;
	format(index, &bytes);
	for (i = 0; i < bytes.len; i++) {
		assert_int_equal(parse(bytes.data, i, &back, &e), -1);
		assert_int_equal(e.code, ERR_INVALID);
		for (bit = 0; bit < 8; bit++) {
			bytes.data[i] = (char)(bytes.data[i] ^ 1 << bit);
			if (parse(bytes.data, bytes.len, &back, &e) == 0)
				layer_index_free(back);
			bytes.data[i] = (char)(bytes.data[i] ^ 1 << bit);
			back = NULL;
		}
	}
	strbuf_add_char(&bytes, 'x');
	assert_int_equal(parse(bytes.data, bytes.len, &back, &e), -1);
	assert_non_null(strstr(e.message, "1 bytes too many"));
	bytes.data[8]++;
	assert_int_equal(parse(bytes.data, bytes.len, &back, &e), -1);
	assert_int_equal(e.code, ERR_UNSUPPORTED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_write),
	    cmocka_unit_test(test_refuses_entries),
	    cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
