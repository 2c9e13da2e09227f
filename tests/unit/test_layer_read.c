/* layer_index_read: what of a tar archive becomes which entries. */
#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "blob.h"
#include "elf_image.h"
#include "tar.h"
#include "winnow/fsutil.h"
#include "winnow/layer_index.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

#define TAR_MAX (64u << 20)

static int
read_tar(const struct strbuf *tar, const struct spool_filter *filter,
    struct spool *spool, struct layer_index **out, struct err *e)
{
	struct blob_source source;
	int status;

	blob_open(strbuf_string(tar), tar->len, &source);
	status = layer_index_read(&source, filter, spool, out, e);
	close(source.fd);
	return status;
}

/* The index of the archive, which must be readable. */
static struct layer_index *
read_good(const struct strbuf *tar)
{
	struct layer_index *index = NULL;
	struct err e;

	if (read_tar(tar, NULL, NULL, &index, &e) == -1)
		fail_msg("%s", e.message);
	return index;
}

static void
expect_error(const struct strbuf *tar, enum err_code code, const char *text)
{
	struct layer_index *index = NULL;
	struct err e = {0};

	assert_int_equal(read_tar(tar, NULL, NULL, &index, &e), -1);
	if (e.code != code || strstr(e.message, text) == NULL)
		fail_msg("%s: %s", err_code_name(e.code), e.message);
	assert_null(index);
}

static void
test_types(void **state)
{
	static const struct tar_member members[] = {
	    {.name = "./", .type = '5', .mode = 0755},
	    {.name = "usr/bin/", .type = '5', .mode = 01777, .uid = 5},
	    {.name = "./usr/bin/su",
		.mode = 04755,
		.uid = 1,
		.gid = 2,
		.mtime = 1700000000,
		.data = "hello"},
	    {.name = "/abs/link", .type = '2', .link = "../x//y"},
	    {.name = "hard", .type = '1', .link = "./usr/bin/su"},
	    {.name = "tty", .type = '3', .major = 5, .minor = 1},
	    {.name = "sda", .type = '4', .major = 8},
	    {.name = "fifo", .type = '6'},
	    {.name = "contiguous", .type = '7', .data = "c"},
	    {.name = "d/.wh.gone"},
	    {.name = ".wh.hard", .type = '1', .link = ".wh..wh.plnk/1"},
	    {.name = "d/.wh..wh..opq"},
	    {.name = ".wh..wh..opq"},
	    {.name = ".wh..wh.plnk/1", .data = "x"},
	    {.name = "overlay", .type = '3'},
	    {.name = "../evil"},
	    {.name = "d/._mac", .data = "not metadata"},
	};
	static const struct {
		enum entry_type type;
		const char *path, *link;
		uint32_t ordinal;
		uint64_t size;
	} want[] = {
	    {ENTRY_DIRECTORY, "", NULL, 0, 0},
	    {ENTRY_DIRECTORY, "usr/bin", NULL, 1, 0},
	    {ENTRY_FILE, "usr/bin/su", NULL, 2, 5},
	    {ENTRY_SYMLINK, "abs/link", "../x//y", 3, 0},
	    {ENTRY_HARDLINK, "hard", "usr/bin/su", 4, 0},
	    {ENTRY_CHARDEV, "tty", NULL, 5, 0},
	    {ENTRY_BLOCKDEV, "sda", NULL, 6, 0},
	    {ENTRY_FIFO, "fifo", NULL, 7, 0},
	    {ENTRY_FILE, "contiguous", NULL, 8, 1},
	    {ENTRY_WHITEOUT, "d/gone", NULL, 9, 0},
	    {ENTRY_WHITEOUT, "hard", NULL, 10, 0},
	    {ENTRY_OPAQUE, "d", NULL, 11, 0},
	    {ENTRY_OPAQUE, "", NULL, 12, 0},
	    {ENTRY_WHITEOUT, "overlay", NULL, 14, 0},
	    {ENTRY_FILE, "evil", NULL, 15, 0},
	    {ENTRY_FILE, "d/._mac", NULL, 16, 12},
	};
	auto_layer_index struct layer_index *index = NULL;
	auto_strbuf struct strbuf tar;
	size_t i;

	(void)state;
	strbuf_init(&tar, TAR_MAX);
	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		tar_add(&tar, &members[i]);
	tar_end(&tar);
	index = read_good(&tar);
	assert_int_equal(index->count, sizeof(want) / sizeof(want[0]));
	for (i = 0; i < index->count; i++) {
		const struct layer_entry *entry = &index->entries[i];

		assert_string_equal(entry->path, want[i].path);
		assert_string_equal(entry_type_name(entry->type),
		    entry_type_name(want[i].type));
		assert_int_equal(entry->ordinal, want[i].ordinal);
		assert_int_equal(entry->size, want[i].size);
		if (want[i].link == NULL)
			assert_null(entry->link);
		else
			assert_string_equal(entry->link, want[i].link);
	}
	assert_int_equal(index->entries[1].mode, 01777);
	assert_int_equal(index->entries[1].uid, 5);
	assert_int_equal(index->entries[2].mode, 04755);
	assert_int_equal(index->entries[2].uid, 1);
	assert_int_equal(index->entries[2].gid, 2);
	assert_int_equal(index->entries[2].mtime, 1700000000);
	assert_int_equal(index->entries[5].dev_major, 5);
	assert_int_equal(index->entries[5].dev_minor, 1);
	assert_int_equal(index->entries[6].dev_major, 8);
	assert_null(index->warnings);
}

/* Names in every form come out byte for byte. */
static void
test_names(void **state)
{
	static const char *const names[] = {
	    "nfd-e\xcc\x81", "nfc-\xc3\xa9", "latin-\xe9\xff", "over-\xc0\xaf"};
	auto_layer_index struct layer_index *index = NULL;
	auto_strbuf struct strbuf tar;
	size_t i;

	(void)state;
	strbuf_init(&tar, TAR_MAX);
	for (i = 0; i < 4; i++) {
		const char *name = names[i];

		tar_add(&tar,
		    &(struct tar_member){
			.name = name, .type = '2', .link = name});
		tar_add_pax(&tar,
		    (const struct tar_record[]){
			{"path", name, 0}, {"linkpath", name, 0}},
		    2);
		tar_add(&tar,
		    &(struct tar_member){
			.name = "x", .type = '2', .link = "x"});
		tar_add(&tar,
		    &(struct tar_member){
			.name = "@", .type = 'L', .data = name});
		tar_add(&tar,
		    &(struct tar_member){
			.name = "@", .type = 'K', .data = name});
		tar_add(&tar,
		    &(struct tar_member){
			.name = "x", .type = '2', .link = "x"});
	}
	tar_end(&tar);
	index = read_good(&tar);
	assert_int_equal(index->count, 12);
	for (i = 0; i < 12; i++) {
		assert_string_equal(index->entries[i].path, names[i / 3]);
		assert_string_equal(index->entries[i].link, names[i / 3]);
	}
	assert_null(index->warnings);
}

static void
test_pax_metadata(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
		uint32_t nsec;
	} times[] = {
	    {"1700000000.123456789", 1700000000, 123456789},
	    {"-1", -1, 0},
	    {"-1.25", -2, 750000000},
	    {"-86400.000000001", -86401, 999999999},
	};
	static const struct tar_record records[] = {
	    {"uid", "4294967294", 0},
	    {"SCHILY.xattr.user.z", "a\0\n=b", 5},
	    {"SCHILY.xattr.security.capability", "\1\0\0\2", 4},
	    {"LIBARCHIVE.xattr.user.z", "eHl6", 0},
	    {"LIBARCHIVE.xattr.user.%61", "eHl6", 0},
	};
	auto_layer_index struct layer_index *index = NULL;
	const struct layer_entry *entry;
	auto_strbuf struct strbuf tar;
	size_t i;

	(void)state;
	strbuf_init(&tar, TAR_MAX);
	for (i = 0; i < 4; i++) {
		tar_add_pax(
		    &tar, &(struct tar_record){"mtime", times[i].text, 0}, 1);
		tar_add(&tar, &(struct tar_member){.name = "t"});
	}
	tar_add_pax(&tar, records, sizeof(records) / sizeof(records[0]));
	tar_add(&tar, &(struct tar_member){.name = "x"});
	tar_end(&tar);
	index = read_good(&tar);
	for (i = 0; i < 4; i++) {
		assert_int_equal(index->entries[i].mtime, times[i].seconds);
		assert_int_equal(index->entries[i].mtime_nsec, times[i].nsec);
	}
	entry = &index->entries[4];
	assert_int_equal(entry->uid, 4294967294);
	assert_int_equal(entry->xattr_count, 3);
	assert_string_equal(entry->xattrs[0].name, "security.capability");
	assert_int_equal(entry->xattrs[0].value_len, 4);
	assert_memory_equal(entry->xattrs[0].value, "\1\0\0\2", 4);
	assert_string_equal(entry->xattrs[1].name, "user.a");
	assert_memory_equal(entry->xattrs[1].value, "xyz", 3);
	assert_string_equal(entry->xattrs[2].name, "user.z");
}

/* What no client reads changes no mode, wherever the header lies. */
static void
test_access_lists(void **state)
{
	static const struct tar_record list = {.key = "SCHILY.acl.access",
	    .value = "user::rwx,user:1:rwx,group::r-x,mask::rwx,other::rwx"};
	auto_layer_index struct layer_index *index = NULL;
	auto_strbuf struct strbuf tar;
	uint32_t i;

	(void)state;
	strbuf_init(&tar, TAR_MAX);
	for (i = 0; i < 3000; i++) {
		char name[16];
		const struct tar_member member = {
		    .name = name, .mode = 04640 | (i & 7), .data = "x"};

		snprintf(name, sizeof(name), "f%u", i);
		tar_add_pax(&tar, &list, 1);
		tar_add(&tar, &member);
	}
	tar_end(&tar);
	assert_false(tar.overflow);
	index = read_good(&tar);
	assert_int_equal(index->count, 3000);
	for (i = 0; i < index->count; i++)
		assert_int_equal(index->entries[i].mode, 04640 | (i & 7));
}

static void
test_refuses(void **state)
{
	static const struct {
		struct tar_member member;
		enum err_code code;
		const char *message;
	} cases[] = {
	    {{.name = "a/.wh."}, ERR_INVALID, "a/.wh.: a whiteout of no name"},
	    {{.name = ""}, ERR_INVALID, "/: the root is not a directory"},
	    {{.name = ".wh..."}, ERR_INVALID, "a whiteout of no name"},
	    {{.name = ".wh.x/y"}, ERR_INVALID, "below a whiteout"},
	    {{.name = "a", .type = '2'}, ERR_INVALID, "a: a symbolic link to"},
	    {{.name = "a", .type = '1', .link = "/"}, ERR_INVALID, "the root"},
	    {{.name = "/", .type = '2', .link = "x"}, ERR_INVALID, "the root"},
	    {{.name = "etc/passwd", .size = LIMIT_INDEXED_CONTENT + 1},
		ERR_LIMIT, "etc/passwd: larger than"},
	    {{.name = "a", .data = "x", .size = 2000}, ERR_INVALID, "damaged"},
	};
	auto_strbuf struct strbuf tar;
	size_t i;

	(void)state;
	strbuf_init(&tar, TAR_MAX);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]) - 1; i++) {
		strbuf_reset(&tar);
		tar_add(&tar, &cases[i].member);
		tar_end(&tar);
		expect_error(&tar, cases[i].code, cases[i].message);
	}
}

/* Pax records that no entry may have. */
static void
test_refuses_records(void **state)
{
	auto_free char *name = mem_printf("SCHILY.xattr.user.%0300d", 1);
	const struct {
		struct tar_record record;
		enum err_code code;
		const char *message;
	} cases[] = {
	    {{"mtime", "99999999999999999999", 0}, ERR_INVALID,
		"x: an impossible time"},
	    {{"mtime", "-99999999999999999999.5", 0}, ERR_INVALID,
		"x: an impossible time"},
	    {{"uid", "-1", 0}, ERR_INVALID, "x: a negative owner"},
	    {{name, "v", 0}, ERR_LIMIT,
		"x: an extended attribute's name is longer than 255 bytes"},
	};
	auto_strbuf struct strbuf tar;
	size_t i;

	(void)state;
	strbuf_init(&tar, TAR_MAX);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		strbuf_reset(&tar);
		tar_add_pax(&tar, &cases[i].record, 1);
		tar_add(&tar, &(struct tar_member){.name = "x"});
		tar_end(&tar);
		expect_error(&tar, cases[i].code, cases[i].message);
	}

	/* A record whose length leads behind its header. */
	strbuf_reset(&tar);
	tar_add(&tar,
	    &(struct tar_member){
		.name = "pax", .type = 'x', .data = "99 path=y\n"});
	tar_add(&tar, &(struct tar_member){.name = "x"});
	tar_end(&tar);
	expect_error(&tar, ERR_INVALID, "x: damaged tar archive: ");
}

static void
test_archives(void **state)
{
	auto_layer_index struct layer_index *empty = NULL, *zeros = NULL;
	auto_strbuf struct strbuf tar;

	(void)state;
	strbuf_init(&tar, TAR_MAX);
	empty = read_good(&tar);
	assert_int_equal(empty->count, 0);
	tar_end(&tar);
	zeros = read_good(&tar);
	assert_int_equal(zeros->count, 0);

	strbuf_reset(&tar);
	strbuf_add_string(&tar, "<html>this is no layer</html>");
	expect_error(&tar, ERR_INVALID, "not a tar archive");
	while (tar.len < 5000)
		strbuf_add_string(&tar, "garbage ");
	expect_error(&tar, ERR_INVALID, "not a tar archive");

	/* Truncated in the content of a file that no one wants. */
	strbuf_reset(&tar);
	tar_add(&tar, &(struct tar_member){.name = "first", .data = "1"});
	tar_add(&tar,
	    &(struct tar_member){
		.name = "second", .data = tar.data, .size = 900});
	strbuf_truncate(&tar, tar.len - 600);
	expect_error(&tar, ERR_INVALID, "second: after: damaged tar archive");

	/* A header whose checksum is wrong. */
	strbuf_reset(&tar);
	tar_add(&tar, &(struct tar_member){.name = "first"});
	tar_add(&tar, &(struct tar_member){.name = "second"});
	tar_end(&tar);
	tar.data[512]++;
	expect_error(&tar, ERR_INVALID, "first: after: damaged tar archive");
}

/*
 * Where an archive may end without its trailer: behind the last content, or
 * in the padding after it, as clients read it; nowhere before.
 */
static void
test_cut_ends(void **state)
{
	const struct tar_member last = {.name = "last", .data = "seven b"};
	auto_strbuf struct strbuf tar;
	size_t cut;

	(void)state;
	strbuf_init(&tar, TAR_MAX);
	for (cut = 512; cut <= 1536; cut++) {
		bool good = cut == 512 || cut == 1024 + 7 ||
		    cut == 1024 + 100 || cut == 1536;

		/* The other cuts are like their neighbours. */
		if (!good && cut != 513 && cut != 1000 && cut != 1020 &&
		    cut != 1023 && cut != 1024 && cut != 1024 + 6)
			continue;
		strbuf_reset(&tar);
		tar_add(&tar, &(struct tar_member){.name = "first"});
		tar_add(&tar, &last);
		strbuf_truncate(&tar, cut);
		if (good) {
			auto_layer_index struct layer_index *index =
			    read_good(&tar);

			assert_int_equal(index->count, cut == 512 ? 1 : 2);
		} else {
			expect_error(&tar, ERR_INVALID, "damaged tar archive");
		}
	}
}

static void
test_digest_first(void **state)
{
	auto_strbuf struct strbuf tar, gzip;
	struct layer_index *index = NULL;
	struct blob_source source;
	struct err e;

	(void)state;
	strbuf_init(&tar, TAR_MAX);
	strbuf_init(&gzip, TAR_MAX);
	tar_add(&tar, &(struct tar_member){.name = "a"});
	tar_end(&tar);
	blob_add_gzip(&gzip, tar.data, tar.len);
	blob_open(gzip.data, gzip.len, &source);
	source.digest.bytes[5] ^= 1;
	assert_int_equal(layer_index_read(&source, NULL, NULL, &index, &e), -1);
	assert_int_equal(e.code, ERR_DIGEST);
	close(source.fd);

	gzip.data[gzip.len - 6] ^= 1;
	blob_open(gzip.data, gzip.len, &source);
	assert_int_equal(layer_index_read(&source, NULL, NULL, &index, &e), -1);
	assert_int_equal(e.code, ERR_INVALID);
	source.digest.bytes[5] ^= 1;
	assert_int_equal(layer_index_read(&source, NULL, NULL, &index, &e), -1);
	assert_int_equal(e.code, ERR_DIGEST);
	close(source.fd);
}

static void
test_scripts(void **state)
{
	static const struct {
		const char *content, *script;
	} cases[] = {
	    {"#!/bin/sh\necho", "/bin/sh"},
	    {"#! /usr/bin/env  python3 -x \t\r\nimport",
		" /usr/bin/env  python3 -x"},
	    {"#!/bin/sh", "/bin/sh"},
	    {"#!", ""},
	    {"#", NULL},
	    {"", NULL},
	    {"# !/bin/sh", NULL},
	};
	const size_t count = sizeof(cases) / sizeof(cases[0]);
	auto_layer_index struct layer_index *index = NULL;
	auto_strbuf struct strbuf tar;
	char line[1500];
	size_t i;

	(void)state;
	strbuf_init(&tar, TAR_MAX);
	for (i = 0; i < count; i++)
		tar_add(&tar,
		    &(struct tar_member){
			.name = "s", .data = cases[i].content});
	memset(line, 'x', sizeof(line));
	memcpy(line, "#!", 2);
	tar_add(&tar,
	    &(struct tar_member){
		.name = "s", .data = line, .size = sizeof(line), .mode = 0755});
	tar_end(&tar);
	index = read_good(&tar);
	assert_int_equal(index->count, count + 1);
	for (i = 0; i < count; i++)
		if (cases[i].script == NULL)
			assert_null(index->entries[i].script);
		else
			assert_string_equal(
			    index->entries[i].script, cases[i].script);
	assert_int_equal(
	    strlen(index->entries[count].script), LIMIT_SCRIPT_LINE);
}

/* Scripts that may be started, and of a shell. */
static void
test_calls(void **state)
{
	static const struct {
		const char *name, *content, *calls;
		unsigned mode;
	} cases[] = {
	    {"s", "#!/bin/sh\none; two", "one two", 0755},
	    {"s", "#!/bin/sh\none; two", "one two", 0001},
	    {"s", "#!/bin/sh\none", NULL, 0644},
	    {"s", "#!/bin/sh\necho", NULL, 0755},
	    {"s", "#!/usr/bin/python3\none", NULL, 0755},
	    {"s", "one", NULL, 0755},
	    {"s", "#!/bin/sh one", NULL, 0755},
	    {"var/lib/dpkg/info/s.postinst", "#!/bin/sh\none", NULL, 0755},
	};
	const size_t count = sizeof(cases) / sizeof(cases[0]);
	auto_layer_index struct layer_index *index = NULL;
	auto_free char *large = mem_alloc(2 * LIMIT_SCRIPT_SIZE);
	auto_strbuf struct strbuf tar;
	size_t i;

	(void)state;
	strbuf_init(&tar, TAR_MAX);
	for (i = 0; i < count; i++)
		tar_add(&tar,
		    &(struct tar_member){.name = cases[i].name,
			.data = cases[i].content,
			.mode = cases[i].mode});
	/* A word that ends at the limit, and one behind it. */
	memset(large, '\n', 2 * LIMIT_SCRIPT_SIZE);
	memcpy(large, "#!/bin/sh", 9);
	memcpy(large + LIMIT_SCRIPT_SIZE - 5, "\none\ntwo", 8);
	tar_add(&tar,
	    &(struct tar_member){.name = "s",
		.data = large,
		.size = 2 * LIMIT_SCRIPT_SIZE,
		.mode = 0755});
	tar_end(&tar);
	index = read_good(&tar);
	assert_int_equal(index->count, count + 1);
	for (i = 0; i < count; i++)
		if (cases[i].calls == NULL)
			assert_null(index->entries[i].calls);
		else
			assert_string_equal(
			    index->entries[i].calls, cases[i].calls);
	assert_string_equal(index->entries[count].script, "/bin/sh");
	assert_string_equal(index->entries[count].calls, "one");
}

static enum spool_want
want_by_name(void *arg, const struct layer_entry *entry)
{
	assert_ptr_equal(arg, NULL);
	if (strstr(entry->path, "yes") != NULL)
		return SPOOL_YES;
	return strstr(entry->path, "maybe") != NULL ? SPOOL_IF_LIKELY
						    : SPOOL_NO;
}

/* The spooled content of the entry must be these bytes; NULL: not spooled. */
static void
check_spooled(const struct spool *spool, uint32_t ordinal, const void *want,
    size_t want_len)
{
	uint64_t offset = 0, size = 0;
	auto_free char *bytes = NULL;
	struct err e;

	assert_int_equal(
	    spool_find(spool, ordinal, &offset, &size), want != NULL);
	if (want == NULL)
		return;
	assert_int_equal(size, want_len);
	bytes = mem_alloc(want_len);
	assert_int_equal(fsutil_pread_all(spool_fd(spool), bytes, want_len,
			     (off_t)offset, &e),
	    0);
	assert_memory_equal(bytes, want, want_len);
}

static void
test_spool(void **state)
{
	static const struct elf_image library = {
	    64, false, 3, NULL, "liba.so.1", NULL};
	static const struct elf_image program = {
	    32, true, 3, "/lib/ld.so", NULL, NULL};
	static const struct spool_filter filter = {want_by_name, NULL};
	/* Above what is spooled because it is small. */
	enum { LARGE = 4097 };
	char lib[LARGE] = "", exe[LARGE] = "", text[LARGE] = "text";
	const struct tar_member members[] = {
	    {.name = "yes", .data = "content"},
	    {.name = "yes-empty"},
	    {.name = "no", .data = "content"},
	    {.name = "maybe-text", .data = text, .size = sizeof(text)},
	    {.name = "maybe-lib", .data = lib, .size = sizeof(lib)},
	    {.name = "maybe-exe", .data = exe, .size = sizeof(exe)},
	    {.name = "maybe/lib.so", .data = exe, .size = sizeof(exe)},
	    {.name = "maybe/module.so", .data = exe, .size = sizeof(exe)},
	    {.name = "no-lib", .data = lib, .size = sizeof(lib)},
	    {.name = "yes-exe", .data = exe, .size = sizeof(exe)},
	    {.name = "no-broken", .data = lib, .size = 70},
	    {.name = "maybe-broken.so", .data = lib, .size = 70},
	    {.name = "maybe-small-text", .data = text, .size = LARGE - 1},
	    {.name = "maybe-empty"},
	};
	const bool spooled[] = {true, true, false, false, true, false, true,
	    false, false, true, false, true, true, true};
	const size_t count = sizeof(members) / sizeof(members[0]);
	auto_layer_index struct layer_index *index = NULL;
	auto_spool struct spool *spool = NULL;
	auto_strbuf struct strbuf tar;
	auto_fd int fd = -1;
	struct err e;
	size_t i;

	(void)state;
	elf_image_make(&library, (uint8_t *)lib);
	elf_image_make(&program, (uint8_t *)exe);
	strbuf_init(&tar, TAR_MAX);
	for (i = 0; i < count; i++)
		tar_add(&tar, &members[i]);
	tar_end(&tar);
	assert_int_equal(fsutil_open_memory("spool", &fd, &e), 0);
	spool = spool_new(fd);
	assert_int_equal(read_tar(&tar, &filter, spool, &index, &e), 0);
	assert_int_equal(spool_finish(spool, &e), 0);
	for (i = 0; i < count; i++) {
		const char *data =
		    members[i].data == NULL ? "" : members[i].data;

		check_spooled(spool, (uint32_t)i, spooled[i] ? data : NULL,
		    index->entries[i].size);
		assert_int_equal(
		    index->entries[i].elf != NULL, i >= 4 && i <= 9);
	}
	assert_string_equal(index->entries[8].elf->soname, "liba.so.1");
	assert_true(index->entries[9].elf->big_endian);
	assert_non_null(
	    strstr(index->warnings, "no-broken: not a usable ELF file: "));
}

static void
test_contents(void **state)
{
	static const struct {
		const char *path;
		bool wanted;
	} cases[] = {
	    {"etc/passwd", true},
	    {"etc/ld.so.conf", true},
	    {"etc/ld.so.conf.d/a.conf", true},
	    {"etc/ld.so.conf.d/.conf", false},
	    {"etc/ld.so.conf.d/a.conf.bak", false},
	    {"etc/ld.so.conf.d/d/a.conf", false},
	    {"etc/other.conf", false},
	    {"etc/ld-musl-x86_64.path", true},
	    {"usr/lib/os-release", true},
	    {"var/lib/dpkg/status", true},
	    {"var/lib/dpkg/status-old", false},
	    {"var/lib/dpkg/status.d/base", true},
	    {"var/lib/dpkg/info/libc6:amd64.list", true},
	    {"var/lib/dpkg/info/libc6:amd64.md5sums", true},
	    {"var/lib/dpkg/info/libc6:amd64.postinst", false},
	    {"lib/apk/db/installed", true},
	    {"usr/lib/apk/db/installed", true},
	    {"home/etc/passwd", false},
	};
	const size_t count = sizeof(cases) / sizeof(cases[0]);
	auto_layer_index struct layer_index *index = NULL;
	auto_strbuf struct strbuf tar;
	size_t i;

	(void)state;
	strbuf_init(&tar, TAR_MAX);
	for (i = 0; i < count; i++)
		tar_add(&tar,
		    &(struct tar_member){
			.name = cases[i].path, .data = cases[i].path});
	tar_end(&tar);
	index = read_good(&tar);
	for (i = 0; i < count; i++) {
		const struct layer_entry *entry = &index->entries[i];

		assert_int_equal(entry->content != NULL, cases[i].wanted);
		if (!cases[i].wanted)
			continue;
		assert_string_equal(entry->content, cases[i].path);
		assert_int_equal(entry->content_len, strlen(cases[i].path));
	}
}

/* Appends a sparse file as libarchive writes it: "head", a hole, "tail". */
static void
add_sparse(struct strbuf *out, const char *name, int64_t size)
{
	struct archive *a = archive_write_new();
	struct archive_entry *ae = archive_entry_new();
	auto_free char *content = mem_zalloc(1, (size_t)size);
	auto_free char *bytes = mem_alloc(1 << 20);
	size_t used = 0;

	memcpy(content, "head", 4);
	memcpy(content + size - 1000, "tail", 4);
	archive_write_set_format_pax(a);
	archive_write_open_memory(a, bytes, 1 << 20, &used);
	archive_entry_set_pathname(ae, name);
	archive_entry_set_filetype(ae, AE_IFREG);
	archive_entry_set_size(ae, size);
	archive_entry_sparse_add_entry(ae, 0, 4);
	archive_entry_sparse_add_entry(ae, size - 1000, 4);
	assert_int_equal(archive_write_header(a, ae), ARCHIVE_OK);
	assert_int_equal(archive_write_data(a, content, (size_t)size), size);
	archive_entry_free(ae);
	archive_write_close(a);
	archive_write_free(a);
	strbuf_add(out, bytes, used);
}

static void
test_sparse(void **state)
{
	static const struct spool_filter filter = {want_by_name, NULL};
	const size_t size = 5000000;
	auto_layer_index struct layer_index *index = NULL;
	auto_free char *want = mem_zalloc(1, size);
	auto_spool struct spool *spool = NULL;
	auto_strbuf struct strbuf tar;
	auto_fd int fd = -1;
	struct err e;

	(void)state;
	strbuf_init(&tar, TAR_MAX);
	add_sparse(&tar, "yes", (int64_t)size);
	memcpy(want, "head", 4);
	memcpy(want + size - 1000, "tail", 4);
	assert_int_equal(fsutil_open_memory("spool", &fd, &e), 0);
	spool = spool_new(fd);
	assert_int_equal(read_tar(&tar, &filter, spool, &index, &e), 0);
	assert_int_equal(spool_finish(spool, &e), 0);
	assert_int_equal(index->entries[0].size, size);
	check_spooled(spool, 0, want, size);

	strbuf_reset(&tar);
	tar_add_pax(&tar,
	    &(struct tar_record){"GNU.sparse.size", "1152921504606846976", 0},
	    1);
	tar_add(&tar, &(struct tar_member){.name = "huge"});
	tar_end(&tar);
	expect_error(&tar, ERR_LIMIT, "huge: the layer's files exceed");
}

static int
set_locale(void **state)
{
	(void)state;
	return setlocale(LC_CTYPE, "C.UTF-8") == NULL ? -1 : 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_types),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_pax_metadata),
	    cmocka_unit_test(test_access_lists),
	    cmocka_unit_test(test_refuses),
	    cmocka_unit_test(test_refuses_records),
	    cmocka_unit_test(test_archives),
	    cmocka_unit_test(test_cut_ends),
	    cmocka_unit_test(test_digest_first),
	    cmocka_unit_test(test_scripts),
	    cmocka_unit_test(test_calls),
	    cmocka_unit_test(test_spool),
	    cmocka_unit_test(test_contents),
	    cmocka_unit_test(test_sparse),
	};

	return cmocka_run_group_tests(tests, set_locale, NULL);
}
