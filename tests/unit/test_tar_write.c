/* tar_write: fields of ustar, and which entries need which pax records. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "winnow/mem.h"
#include "winnow/tar_write.h"

#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN
#define NINETY FIFTY TEN TEN TEN TEN
#define HUNDRED FIFTY FIFTY

/* cmocka's strings for what comes from a field with or without a NUL. */
static void
assert_field(const char *header, size_t at, size_t size, const char *want)
{
	auto_free char *got = mem_strndup(header + at, size);

	got[strnlen(got, size)] = '\0';
	assert_string_equal(got, want);
}

static void
test_records(void **state)
{
	static const struct {
		const char *path, *target;
		struct layer_entry entry;
		const char *pax; /* all records */
		const char *name, *link; /* in the ustar header */
	} cases[] = {
	    {"", NULL, {.type = ENTRY_DIRECTORY}, "", "./", ""},
	    {"a/b", NULL, {.type = ENTRY_DIRECTORY}, "", "a/b/", ""},
	    {"a", NULL, {.mode = 0}, "", "a", ""},
	    {HUNDRED, NULL, {.mode = 0}, "", HUNDRED, ""},
	    {HUNDRED "x", NULL, {.mode = 0}, "111 path=" HUNDRED "x\n", HUNDRED,
		""},
	    {NINETY TEN, NULL, {.type = ENTRY_DIRECTORY},
		"111 path=" HUNDRED "/\n", NINETY "012345678/", ""},
	    {"caf\xc3\xa9", NULL, {.mode = 0}, "14 path=caf\xc3\xa9\n", "caf__",
		""},
	    {"x\xff", NULL, {.mode = 0}, "11 path=x\xff\n", "x_", ""},
	    {"l", "/\xff", {.type = ENTRY_SYMLINK}, "15 linkpath=/\xff\n", "l",
		"/_"},
	    {"l", HUNDRED, {.type = ENTRY_SYMLINK}, "", "l", HUNDRED},
	    {"l", HUNDRED "0", {.type = ENTRY_HARDLINK},
		"115 linkpath=" HUNDRED "0\n", "l", HUNDRED},
	    {"a", NULL, {.uid = 2097151, .gid = 2097151}, "", "a", ""},
	    {"a", NULL, {.uid = 2097152, .gid = 4294967294},
		"18 gid=4294967294\n15 uid=2097152\n", "a", ""},
	    {"a", NULL, {.size = 8589934591}, "", "a", ""},
	    {"a", NULL, {.size = 8589934592}, "19 size=8589934592\n", "a", ""},
	    {"a", NULL, {.mtime = 8589934591}, "", "a", ""},
	    {"a", NULL, {.mtime = 8589934592}, "20 mtime=8589934592\n", "a",
		""},
	    {"a", NULL, {.mtime = 1, .mtime_nsec = 500000000}, "13 mtime=1.5\n",
		"a", ""},
	    {"a", NULL, {.mtime = 0, .mtime_nsec = 1}, "21 mtime=0.000000001\n",
		"a", ""},
	    {"a", NULL, {.mtime = -1}, "12 mtime=-1\n", "a", ""},
	    {"a", NULL, {.mtime = -10}, "13 mtime=-10\n", "a", ""},
	    {"a", NULL, {.mtime = -1, .mtime_nsec = 750000000},
		"15 mtime=-0.25\n", "a", ""},
	    {"a", NULL, {.mtime = -2, .mtime_nsec = 750000000},
		"15 mtime=-1.25\n", "a", ""},
	    {"a", NULL, {.mtime = INT64_MIN, .mtime_nsec = 1},
		"40 mtime=-9223372036854775807.999999999\n", "a", ""},
	    /* A length that grows a digit by its own digits: 97 + 2, 98 + 3. */
	    {"\xff" FIFTY TEN TEN TEN "012345678", NULL, {.mode = 0},
		"99 path=\xff" FIFTY TEN TEN TEN "012345678\n",
		"_" FIFTY TEN TEN TEN "012345678", ""},
	    {"\xff" FIFTY TEN TEN TEN TEN, NULL, {.mode = 0},
		"101 path=\xff" FIFTY TEN TEN TEN TEN "\n",
		"_" FIFTY TEN TEN TEN TEN, ""},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_strbuf struct strbuf out;
		struct layer_entry entry = cases[i].entry;
		auto_free char *path = mem_strdup(cases[i].path);
		auto_free char *target = NULL;
		size_t pax = strlen(cases[i].pax), at = 0;
		struct err e = {0};

		strbuf_init(&out, TAR_HEADER_MAX);
		if (cases[i].target != NULL)
			target = mem_strdup(cases[i].target);
		entry.path = path;
		entry.link = target;
		assert_int_equal(tar_write_header(&entry, &out, &e), 0);
		if (pax > 0) {
			assert_int_equal(out.data[156], 'x');
			assert_field(
			    out.data, TAR_BLOCK, TAR_BLOCK, cases[i].pax);
			at = 2 * TAR_BLOCK;
		}
		assert_int_equal(out.len, at + TAR_BLOCK);
		assert_field(out.data, at, 100, cases[i].name);
		assert_field(out.data, at + 157, 100, cases[i].link);
	}
}

static void
test_fields(void **state)
{
	char path[] = "dev/x";
	const struct layer_entry entry = {.type = ENTRY_CHARDEV,
	    .mode = 06751,
	    .uid = 0777,
	    .gid = 8,
	    .mtime = 1700000000,
	    .dev_major = 2097151,
	    .dev_minor = 9,
	    .path = path};
	auto_strbuf struct strbuf out;
	unsigned sum = 0, i;
	char text[8];
	struct err e;

	(void)state;
	strbuf_init(&out, TAR_HEADER_MAX);
	assert_int_equal(tar_write_header(&entry, &out, &e), 0);
	assert_int_equal(out.len, TAR_BLOCK);
	assert_field(out.data, 100, 8, "0006751");
	assert_field(out.data, 108, 8, "0000777");
	assert_field(out.data, 116, 8, "0000010");
	assert_field(out.data, 124, 12, "00000000000");
	assert_field(out.data, 136, 12, "14524770400");
	assert_memory_equal(out.data + 257,
	    "ustar\0"
	    "00",
	    8);
	assert_field(out.data, 265, 64, "");
	assert_field(out.data, 329, 8, "7777777");
	assert_field(out.data, 337, 8, "0000011");
	for (i = 0; i < TAR_BLOCK; i++)
		sum += i >= 148 && i < 156 ? ' ' : (unsigned char)out.data[i];
	snprintf(text, sizeof(text), "%06o", sum);
	assert_memory_equal(out.data + 148, text, 7);
	assert_int_equal(out.data[155], ' ');
}

static void
test_types(void **state)
{
	static const struct {
		enum entry_type type;
		char flag;
	} cases[] = {{ENTRY_FILE, '0'}, {ENTRY_HARDLINK, '1'},
	    {ENTRY_SYMLINK, '2'}, {ENTRY_CHARDEV, '3'}, {ENTRY_BLOCKDEV, '4'},
	    {ENTRY_DIRECTORY, '5'}, {ENTRY_FIFO, '6'}};
	char path[] = "x", link[] = "y";
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct layer_entry entry = {
		    .type = cases[i].type, .path = path};
		auto_strbuf struct strbuf out;
		struct err e;

		strbuf_init(&out, TAR_HEADER_MAX);
		if (entry.type == ENTRY_HARDLINK || entry.type == ENTRY_SYMLINK)
			entry.link = link;
		assert_int_equal(tar_write_header(&entry, &out, &e), 0);
		assert_int_equal(out.data[156], cases[i].flag);
	}
}

/* Binary values, with newlines and NULs, are framed by their length. */
static void
test_xattrs(void **state)
{
	static const char want[] = "29 SCHILY.xattr.user.a=\n\0=\x80x\n"
				   "24 SCHILY.xattr.user.b=\n";
	char a[] = "user.a", b[] = "user.b", value[] = "\n\0=\x80x",
	     path[] = "f";
	struct layer_xattr xattrs[] = {{a, value, 5}, {b, NULL, 0}};
	struct layer_entry entry = {
	    .path = path, .xattrs = xattrs, .xattr_count = 2};
	auto_strbuf struct strbuf out;
	struct err e;

	(void)state;
	strbuf_init(&out, TAR_HEADER_MAX);
	assert_int_equal(tar_write_header(&entry, &out, &e), 0);
	assert_int_equal(out.len, 3 * TAR_BLOCK);
	assert_field(out.data, 124, 12, "00000000065");
	assert_memory_equal(out.data + TAR_BLOCK, want, sizeof(want));
}

static void
test_refuses(void **state)
{
	char path[] = "a\xff", link[] = "x", none[] = "", equals[] = "user.a=b";
	struct layer_xattr bad = {equals, NULL, 0}, empty = {none, NULL, 0};
	const struct {
		struct layer_entry entry;
		enum err_code code;
	} cases[] = {
	    {{.type = ENTRY_WHITEOUT, .path = path}, ERR_INTERNAL},
	    {{.type = ENTRY_OPAQUE, .path = path}, ERR_INTERNAL},
	    {{.type = ENTRY_TYPES, .path = path}, ERR_INTERNAL},
	    {{.type = ENTRY_SYMLINK, .path = path}, ERR_INVALID},
	    {{.type = ENTRY_SYMLINK, .path = path, .link = none}, ERR_INVALID},
	    {{.type = ENTRY_FILE, .path = path, .link = link}, ERR_INVALID},
	    {{.path = path, .mtime_nsec = 1000000000}, ERR_INVALID},
	    {{.type = ENTRY_CHARDEV, .path = path, .dev_major = 2097152},
		ERR_UNSUPPORTED},
	    {{.type = ENTRY_BLOCKDEV, .path = path, .dev_minor = 2097152},
		ERR_UNSUPPORTED},
	    {{.path = path, .xattrs = &bad, .xattr_count = 1}, ERR_UNSUPPORTED},
	    {{.path = path, .xattrs = &empty, .xattr_count = 1},
		ERR_UNSUPPORTED},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_strbuf struct strbuf out;
		struct err e = {0};

		strbuf_init(&out, TAR_HEADER_MAX);
		assert_int_equal(
		    tar_write_header(&cases[i].entry, &out, &e), -1);
		assert_int_equal(e.code, cases[i].code);
		assert_memory_equal(e.message, "a\\xff: ", 7);
		assert_int_equal(out.len, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_records),
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_types),
	    cmocka_unit_test(test_xattrs),
	    cmocka_unit_test(test_refuses),
	};

	return cmocka_run_group_tests_name("tar_write", tests, NULL, NULL);
}
