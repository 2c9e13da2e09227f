/* layer_emit: pinned digests, what GNU tar unpacks, and refused plans. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include <cmocka.h>

#include "winnow/fsutil.h"
#include "winnow/layer_emit.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define TWO_HUNDRED HUNDRED HUNDRED

/* cap_net_bind_service=ep, as the kernel keeps it (VFS_CAP_REVISION_2). */
#define CAPABILITY "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define CAPABILITY_LEN 20

#define PLAN_COUNT (sizeof(plan_rows) / sizeof(plan_rows[0]))

/* Every kind of entry, and what ustar alone cannot say, in canonical order. */
static const struct {
	enum entry_type type;
	uint32_t mode;
	uint64_t uid, gid;
	int64_t mtime;
	uint32_t nsec;
	const char *path, *link, *content;
	uint32_t major, minor;
} plan_rows[] = {
    {ENTRY_DIRECTORY, 0755, 0, 0, 1700000000, 0, "", NULL, NULL, 0, 0},
    {ENTRY_FILE, 0755, 0, 0, 1700000001, 123456789, "caps", NULL, "one", 0, 0},
    {ENTRY_HARDLINK, 0, 0, 0, 0, 0, "caps-link", "caps", NULL, 0, 0},
    {ENTRY_DIRECTORY, 01777, 1, 2, 3, 0, "dir", NULL, NULL, 0, 0},
    {ENTRY_DIRECTORY, 0700, 0, 0, 5, 0, "dir/" TWO_HUNDRED, NULL, NULL, 0, 0},
    {ENTRY_FILE, 0600, 0, 0, 6, 0, "dir/" TWO_HUNDRED "/" HUNDRED, NULL, "deep",
	0, 0},
    {ENTRY_SYMLINK, 0777, 7, 8, 9, 10, "dir/" TWO_HUNDRED "/l",
	"../" TWO_HUNDRED, NULL, 0, 0},
    {ENTRY_FILE, 0644, 0, 0, 6, 0, "dir-", NULL, "", 0, 0},
    {ENTRY_BLOCKDEV, 0660, 0, 6, 11, 0, "disk", NULL, NULL, 8, 1},
    {ENTRY_FIFO, 0622, 0, 0, 12, 0, "fifo", NULL, NULL, 0, 0},
    {ENTRY_FILE, 0640, 3000000, 4000000, 13, 500000000, "ids", NULL,
	"large ids", 0, 0},
    {ENTRY_SYMLINK, 0777, 0, 0, 14, 0, "link", "/usr/\xfe", NULL, 0, 0},
    {ENTRY_CHARDEV, 0666, 0, 0, 15, 0, "null", NULL, NULL, 1, 3},
    {ENTRY_FILE, 0644, 0, 0, -2, 500000000, "old", NULL, "1969", 0, 0},
    {ENTRY_FILE, 06755, 0, 0, 16, 0, "setuid", NULL, "su", 0, 0},
    {ENTRY_FILE, 0644, 0, 0, 17, 0, "\xc3\xa9\xff", NULL, "latin", 0, 0},
};

static char *
plan_copy(struct layer_index *plan, const char *s)
{
	return s == NULL ? NULL : arena_strndup(plan->arena, s, strlen(s));
}

static struct layer_index *
make_plan(void)
{
	struct layer_index *plan = layer_index_new();
	struct layer_xattr *x;
	size_t i;

	for (i = 0; i < PLAN_COUNT; i++) {
		struct layer_entry *entry = layer_index_add(plan);

		entry->type = plan_rows[i].type;
		entry->mode = plan_rows[i].mode;
		entry->uid = plan_rows[i].uid;
		entry->gid = plan_rows[i].gid;
		entry->mtime = plan_rows[i].mtime;
		entry->mtime_nsec = plan_rows[i].nsec;
		entry->dev_major = plan_rows[i].major;
		entry->dev_minor = plan_rows[i].minor;
		entry->ordinal = LAYER_NO_ORDINAL;
		entry->path = plan_copy(plan, plan_rows[i].path);
		entry->link = plan_copy(plan, plan_rows[i].link);
		entry->content = plan_copy(plan, plan_rows[i].content);
		if (entry->content != NULL)
			entry->size = entry->content_len =
			    strlen(entry->content);
	}
	x = arena_zalloc(plan->arena, 1, sizeof(*x));
	x->name = plan_copy(plan, "security.capability");
	x->value = arena_strndup(plan->arena, CAPABILITY, CAPABILITY_LEN);
	x->value_len = CAPABILITY_LEN;
	plan->entries[1].xattrs = x;
	plan->entries[1].xattr_count = 1;
	return plan;
}

/* Emits into a new unlinked file. */
static int
emit(const struct layer_index *plan, const struct spool *spool,
    struct layer_emitted *out)
{
	struct err e;
	int fd;

	assert_int_equal(fsutil_open_memory("layer", &fd, &e), 0);
	if (layer_emit(plan, spool, fd, out, &e) != 0)
		fail_msg("%s", e.message);
	return fd;
}

/*
 * Who changes these digests changes what clients have and what policies and
 * signatures name: LAYER_EMIT_VERSION must grow with it.
 */
static void
test_pinned(void **state)
{
	auto_layer_index struct layer_index *plan = make_plan();
	struct layer_emitted emitted;
	char text[DIGEST_TEXT];
	auto_fd int fd = -1;

	(void)state;
	assert_int_equal(LAYER_EMIT_VERSION, 5);
	fd = emit(plan, NULL, &emitted);
	assert_string_equal(digest_format(&emitted.diff_id, text),
	    "sha256:870de131ac9ce927b2650fada987fe58e7154cc01601"
	    "5605246643a40a44fda8");
	assert_int_equal(emitted.tar_size, 21504);
	assert_string_equal(digest_format(&emitted.digest, text),
	    "sha256:0b6a8fb6a051eeabb6982c896cda94f4b5c9bbe4398d"
	    "401f82bf3282f07b9ff3");
}

static void
test_empty(void **state)
{
	auto_layer_index struct layer_index *plan = layer_index_new();
	struct layer_emitted emitted;
	char text[DIGEST_TEXT];
	auto_fd int fd = emit(plan, NULL, &emitted);

	(void)state;
	/* 1024 zeros: the diff_id of every empty layer. */
	assert_string_equal(digest_format(&emitted.diff_id, text),
	    "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10a"
	    "ce3c6ef");
}

/* Runs a program with `fd` as standard input; true when it succeeds. */
static bool
run(int fd, char *const argv[])
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fd, STDIN_FILENO);
		execvp(argv[0], argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status == 0;
}

static mode_t
type_bits(enum entry_type type)
{
	static const mode_t bits[ENTRY_TYPES] = {
	    [ENTRY_FILE] = S_IFREG,
	    [ENTRY_DIRECTORY] = S_IFDIR,
	    [ENTRY_SYMLINK] = S_IFLNK,
	    [ENTRY_CHARDEV] = S_IFCHR,
	    [ENTRY_BLOCKDEV] = S_IFBLK,
	    [ENTRY_FIFO] = S_IFIFO,
	};

	return bits[type];
}

/* The file at dir/PATH is what the entry says. */
static void
check_file(const char *dir, const struct layer_entry *entry)
{
	auto_free char *path = mem_printf("%s/%s", dir, entry->path);
	char target[LIMIT_PATH] = "";
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode, type_bits(entry->type) | entry->mode);
	assert_int_equal(st.st_uid, entry->uid);
	assert_int_equal(st.st_gid, entry->gid);
	assert_int_equal(st.st_mtim.tv_sec, entry->mtime);
	assert_int_equal(st.st_mtim.tv_nsec, entry->mtime_nsec);
	if (entry->type == ENTRY_FILE)
		assert_int_equal(st.st_size, entry->size);
	if (entry->type == ENTRY_CHARDEV || entry->type == ENTRY_BLOCKDEV)
		assert_int_equal(
		    st.st_rdev, makedev(entry->dev_major, entry->dev_minor));
	if (entry->type == ENTRY_SYMLINK) {
		assert_true(readlink(path, target, sizeof(target) - 1) > 0);
		assert_string_equal(target, entry->link);
	}
}

static void
check_unpacked(const char *dir, const struct layer_index *plan)
{
	auto_free char *caps = mem_printf("%s/caps", dir);
	char value[64];
	uint32_t i;

	for (i = 0; i < plan->count; i++) {
		struct layer_entry entry = plan->entries[i];

		/* A further name shows the same file as the first. */
		if (entry.type == ENTRY_HARDLINK) {
			entry = plan->entries[1];
			entry.path = plan->entries[i].path;
		}
		check_file(dir, &entry);
	}
	assert_int_equal(
	    lgetxattr(caps, "security.capability", value, sizeof(value)),
	    CAPABILITY_LEN);
	assert_memory_equal(value, CAPABILITY, CAPABILITY_LEN);
}

/* Devices, owners and capabilities: not everywhere even for root. */
static bool
can_unpack(const char *dir)
{
	auto_free char *path = mem_printf("%s/probe", dir);
	bool ok;

	ok = mknod(path, S_IFBLK | 0600, makedev(8, 1)) == 0 &&
	    unlink(path) == 0 && mknod(path, S_IFREG | 0600, 0) == 0 &&
	    lchown(path, 3000000, 4000000) == 0 &&
	    lsetxattr(path, "security.capability", CAPABILITY, CAPABILITY_LEN,
		0) == 0;
	unlink(path);
	return ok;
}

static void
test_unpack(void **state)
{
	char dir[] = "/tmp/test_layer_emit.XXXXXX";
	char tar[] = "tar", flags[] = "-xpzf", input[] = "-", into[] = "-C";
	char xattrs[] = "--xattrs", all[] = "--xattrs-include=*",
	     ids[] = "--numeric-owner", rm[] = "rm", rf[] = "-rf";
	char *const unpack[] = {
	    tar, xattrs, all, ids, into, dir, flags, input, NULL};
	char *const clean[] = {rm, rf, dir, NULL};
	auto_layer_index struct layer_index *plan = make_plan();
	struct layer_emitted emitted;
	auto_fd int fd = -1;
	bool able;

	(void)state;
	assert_non_null(mkdtemp(dir));
	able = can_unpack(dir);
	if (able) {
		fd = emit(plan, NULL, &emitted);
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		assert_true(run(fd, unpack));
		check_unpacked(dir, plan);
	}
	assert_true(run(STDIN_FILENO, clean));
	if (!able)
		skip();
}

static struct layer_entry *
add_entry(struct layer_index *plan, enum entry_type type, const char *path,
    const char *link)
{
	struct layer_entry *entry = layer_index_add(plan);

	entry->type = type;
	entry->path = plan_copy(plan, path);
	entry->link = plan_copy(plan, link);
	return entry;
}

static void
test_refuses(void **state)
{
	static const struct {
		struct {
			enum entry_type type;
			const char *path, *link;
		} entries[2];
		uint64_t size; /* of the last */
		enum err_code code;
	} cases[] = {
	    {{{ENTRY_FILE, "b", NULL}, {ENTRY_FILE, "a", NULL}}, 0,
		ERR_INTERNAL},
	    {{{ENTRY_FILE, "a", NULL}, {ENTRY_FILE, "a", NULL}}, 0,
		ERR_INTERNAL},
	    {{{ENTRY_FILE, "a-b", NULL}, {ENTRY_FILE, "a/b", NULL}}, 0,
		ERR_INTERNAL},
	    {{{ENTRY_FILE, "", NULL}, {ENTRY_FILE, "a", NULL}}, 0,
		ERR_INTERNAL},
	    {{{ENTRY_FILE, "a", NULL}, {ENTRY_WHITEOUT, "b", NULL}}, 0,
		ERR_INTERNAL},
	    {{{ENTRY_FILE, "a", NULL}, {ENTRY_HARDLINK, "b", "c"}}, 0,
		ERR_INTERNAL},
	    {{{ENTRY_HARDLINK, "a", "b"}, {ENTRY_FILE, "b", NULL}}, 0,
		ERR_INTERNAL},
	    {{{ENTRY_DIRECTORY, "a", NULL}, {ENTRY_HARDLINK, "b", "a"}}, 0,
		ERR_INTERNAL},
	    {{{ENTRY_FILE, "a", NULL}, {ENTRY_HARDLINK, "b", NULL}}, 0,
		ERR_INTERNAL},
	    {{{ENTRY_FILE, "a", NULL}, {ENTRY_FILE, "b", NULL}}, 1,
		ERR_NOT_FOUND},
	    {{{ENTRY_FILE, "a", NULL}, {ENTRY_SYMLINK, "b", NULL}}, 0,
		ERR_INVALID},
	};
	auto_fd int fd = -1;
	struct err e = {0};
	size_t i, k;

	(void)state;
	assert_int_equal(fsutil_open_memory("layer", &fd, &e), 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_layer_index struct layer_index *plan = layer_index_new();
		struct layer_emitted emitted = {.size = 77};

		for (k = 0; k < 2; k++)
			add_entry(plan, cases[i].entries[k].type,
			    cases[i].entries[k].path, cases[i].entries[k].link);
		plan->entries[1].size = cases[i].size;
		assert_int_equal(layer_emit(plan, NULL, fd, &emitted, &e), -1);
		assert_int_equal(e.code, cases[i].code);
		assert_int_equal(emitted.size, 77);
	}
}

/* The contents that a plan takes from the source layer, and their bytes. */
static void
test_spooled(void **state)
{
	auto_layer_index struct layer_index *plan = layer_index_new();
	auto_layer_index struct layer_index *inlined = layer_index_new();
	struct layer_emitted spooled, direct;
	auto_spool struct spool *spool = NULL;
	auto_fd int fd = -1, out = -1, out2 = -1;
	size_t size = 300 << 10;
	struct layer_entry *entry;
	struct err e;

	(void)state;
	entry = add_entry(inlined, ENTRY_FILE, "a", NULL);
	entry->content = arena_zalloc(inlined->arena, 1, size);
	memset(entry->content, 'x', size - 1);
	entry->size = entry->content_len = size;
	out = emit(inlined, NULL, &direct);

	assert_int_equal(fsutil_open_memory("spool", &fd, &e), 0);
	spool = spool_new(fd);
	assert_int_equal(spool_append(spool, "other", 5, &e), 0);
	spool_keep(spool, 4);
	assert_int_equal(spool_append(spool, entry->content, size, &e), 0);
	spool_keep(spool, 9);
	assert_int_equal(spool_finish(spool, &e), 0);

	entry = add_entry(plan, ENTRY_FILE, "a", NULL);
	entry->ordinal = 9;
	entry->size = size;
	out2 = emit(plan, spool, &spooled);
	assert_true(digest_equal(&spooled.diff_id, &direct.diff_id));

	/* A spool of other bytes than the plan tells of. */
	entry->ordinal = 4;
	assert_int_equal(layer_emit(plan, spool, out2, &spooled, &e), -1);
	assert_int_equal(e.code, ERR_INVALID);
	entry->ordinal = 5;
	assert_int_equal(layer_emit(plan, spool, out2, &spooled, &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
}

/* A plan of two files, of which the spool holds the second. */
static void
make_large(size_t size, struct layer_index *plan, struct spool *spool)
{
	auto_free unsigned char *bytes = mem_alloc(size);
	struct layer_entry *entry = add_entry(plan, ENTRY_FILE, "a", NULL);
	uint32_t number = 1;
	struct err e;
	size_t i;

	entry->content = arena_strndup(plan->arena, "inline", 6);
	entry->size = entry->content_len = 6;
	/* Compressible, and not the same in two chunks. */
	for (i = 0; i < size; i++) {
		number = number * 1103515245 + 12345;
		bytes[i] = (unsigned char)(number >> 28);
	}
	entry = add_entry(plan, ENTRY_FILE, "b", NULL);
	entry->ordinal = 1;
	entry->size = size;
	assert_int_equal(spool_append(spool, bytes, size, &e), 0);
	spool_keep(spool, 1);
	assert_int_equal(spool_finish(spool, &e), 0);
}

static void
check_parts(const struct layer_index *plan, const struct spool *spool,
    size_t count, const struct layer_emitted *whole)
{
	auto_gzip_write struct gzip_write *blob = NULL;
	struct layer_archive archive;
	struct layer_emitted joined;
	auto_fd int out = -1;
	struct err e;
	size_t i;

	assert_int_equal(layer_emit_archive(plan, spool, &archive, &e), 0);
	assert_int_equal(fsutil_open_memory("joined", &out, &e), 0);
	blob = gzip_write_new_joined(out);
	for (i = 0; i < count; i++) {
		auto_fd int fd = -1;
		struct gzip_part part;

		assert_int_equal(fsutil_open_memory("part", &fd, &e), 0);
		part.fd = fd;
		assert_int_equal(
		    layer_emit_part(plan, spool, i, count, &part, &e), 0);
		assert_int_equal(gzip_write_join(blob, &part, &e), 0);
	}
	assert_int_equal(layer_emit_joined(&archive, blob, &joined, &e), 0);
	assert_true(digest_equal(&joined.digest, &whole->digest));
	assert_true(digest_equal(&joined.diff_id, &whole->diff_id));
	assert_int_equal(joined.size, whole->size);
	assert_int_equal(joined.tar_size, whole->tar_size);
}

/* However many processes write a layer, it is the same one. */
static void
test_parts(void **state)
{
	/* Three headers' worth of blocks and the end make whole chunks. */
	static const size_t sizes[] = {
	    1, 4 * GZIP_CHUNK - 2560, 4 * GZIP_CHUNK - 2559, 3500000};
	static const size_t counts[] = {1, 2, 3, 5, 16};
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		auto_layer_index struct layer_index *plan = layer_index_new();
		auto_spool struct spool *spool = NULL;
		auto_fd int fd = -1, out = -1;
		struct layer_emitted whole;
		struct err e;

		assert_int_equal(fsutil_open_memory("spool", &fd, &e), 0);
		spool = spool_new(fd);
		make_large(sizes[i], plan, spool);
		out = emit(plan, spool, &whole);
		if (i == 1)
			assert_int_equal(whole.tar_size, 4 * GZIP_CHUNK);
		for (k = 0; k < sizeof(counts) / sizeof(counts[0]); k++)
			check_parts(plan, spool, counts[k], &whole);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parts),
	    cmocka_unit_test(test_pinned),
	    cmocka_unit_test(test_empty),
	    cmocka_unit_test(test_unpack),
	    cmocka_unit_test(test_refuses),
	    cmocka_unit_test(test_spooled),
	};

	return cmocka_run_group_tests_name("layer_emit", tests, NULL, NULL);
}
