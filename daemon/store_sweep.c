/*
 * At the start rows and files are made to agree: every blob's file is looked
 * at once, beside the rows in memory.  A hundred thousand are a second's work.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_internal.h"
#include "winnow/log.h"
#include "winnow/mem.h"

/* What a row says of a blob. */
struct row {
	struct digest digest; /* first: what is searched for */
	uint64_t size;
	bool whole; /* a file of that size is there */
};

struct rows {
	struct row *items; /* in order of digests */
	size_t count;
	size_t capacity;
};

static void
add_row(void *arg, const struct digest *d, uint64_t size)
{
	struct rows *rows = arg;

	rows->items = mem_grow(
	    rows->items, rows->count, &rows->capacity, sizeof(*rows->items));
	rows->items[rows->count++] = (struct row){*d, size, false};
}

static int
compare(const void *a, const void *b)
{
	const struct digest *x = a, *y = b;

	return memcmp(x->bytes, y->bytes, DIGEST_BYTES);
}

/* Whether a file should be there. */
typedef bool (*keeps)(
    void *arg, int dir_fd, const char *name, const struct digest *d);

static bool
keeps_blob(void *arg, int dir_fd, const char *name, const struct digest *d)
{
	const struct rows *rows = arg;
	struct row *row = rows->count == 0
	    ? NULL
	    : bsearch(
		  d, rows->items, rows->count, sizeof(*rows->items), compare);
	struct stat st;

	if (row == NULL)
		return false;
	row->whole = fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (uint64_t)st.st_size == row->size;
	return true;
}

static bool
keeps_index(void *arg, int dir_fd, const char *name, const struct digest *d)
{
	const struct store *s = arg;

	(void)dir_fd;
	(void)name;
	return store_db_get_index(s->db, d);
}

/* Unlinks the files of one subdirectory that should not be there. */
static void
sweep_directory(int tree_fd, const char *sub, keeps keeps_file, void *arg)
{
	int fd = openat(tree_fd, sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (d == NULL) {
		if (fd != -1)
			close(fd);
		return;
	}
	while ((entry = readdir(d)) != NULL) {
		char text[DIGEST_TEXT + sizeof(entry->d_name)];
		struct digest digest;
		struct err e;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(text, sizeof(text), "sha256:%s", entry->d_name);
		if (digest_parse(text, &digest, &e) == 0 &&
		    keeps_file(arg, fd, entry->d_name, &digest))
			continue;
		log_event(
		    LOG_LEVEL_INFO, "store.sweep", "file", entry->d_name, NULL);
		unlinkat(fd, entry->d_name, 0);
	}
	closedir(d);
}

static void
sweep_tree(int tree_fd, keeps keeps_file, void *arg)
{
	unsigned i;

	for (i = 0; i < 256; i++) {
		char sub[3];

		snprintf(sub, sizeof(sub), "%02x", i);
		sweep_directory(tree_fd, sub, keeps_file, arg);
	}
}

void
store_sweep(struct store *s)
{
	struct rows rows = {.count = 0};
	size_t i;

	store_db_each_blob(s->db, add_row, &rows);
	for (i = 0; i < rows.count; i++) {
		s->usage.blobs++;
		s->usage.bytes += rows.items[i].size;
	}
	sweep_tree(s->blobs_fd, keeps_blob, &rows);
	for (i = 0; i < rows.count; i++)
		if (!rows.items[i].whole)
			store_drop_blob(s, &rows.items[i].digest);
	free(rows.items);
	store_db_drop_foreign_indexes(s->db);
	sweep_tree(s->index_fd, keeps_index, s);
}
