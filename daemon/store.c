#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "store_internal.h"
#include "winnow/fsutil.h"
#include "winnow/log.h"
#include "winnow/mem.h"

/* "ab/" and 64 digits. */
#define NAME_BYTES 80
/* Images may be for some users only (access.md): for none of the machine. */
#define PRIVATE_DIR 0750
#define PRIVATE_FILE 0640

/* The file name of a digest below blobs/sha256 or index. */
static const char *
file_name(const struct digest *d, char name[NAME_BYTES])
{
	char hex[DIGEST_TEXT];

	digest_format_hex(d, hex);
	snprintf(name, NAME_BYTES, "%.2s/%s", hex, hex);
	return name;
}

/* Opens the directory `dir`/`sub`, with its 256 subdirectories. */
static int
open_tree(const char *dir, const char *sub, int *out, struct err *e)
{
	auto_free char *path = mem_printf("%s/%s", dir, sub);
	auto_fd int fd = -1;
	unsigned i;

	if (fsutil_make_dirs(path, PRIVATE_DIR, e) == -1)
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return err_set_errno(e, "cannot open %s", path);
	for (i = 0; i < 256; i++) {
		char name[3];

		snprintf(name, sizeof(name), "%02x", i);
		if (mkdirat(fd, name, 0755) == -1 && errno != EEXIST)
			return err_set_errno(
			    e, "cannot make %s/%s", path, name);
	}
	*out = steal_fd(&fd);
	return 0;
}

/* Which images are here is as private as their contents. */
static int
make_database(const char *path, struct err *e)
{
	auto_fd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, PRIVATE_FILE);

	return fd != -1 ? 0 : err_set_errno(e, "cannot open database %s", path);
}

static int
take_lock(const char *dir, int *out, struct err *e)
{
	auto_free char *path = mem_printf("%s/lock", dir);
	auto_fd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd == -1)
		return err_set_errno(e, "cannot open %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
		if (errno == EWOULDBLOCK)
			return err_set(e, ERR_BUSY,
			    "store %s is in use by another winnowd", dir);
		return err_set_errno(e, "cannot lock %s", path);
	}
	*out = steal_fd(&fd);
	return 0;
}

/* True when a blob's file is there, with the size that its row says. */
static bool
file_is_whole(const struct store *s, const struct digest *d, uint64_t size)
{
	char name[NAME_BYTES];
	struct stat st;

	return fstatat(s->blobs_fd, file_name(d, name), &st, 0) == 0 &&
	    (uint64_t)st.st_size == size;
}

int
store_open(const char *dir, struct store **out, struct err *e)
{
	struct store *s = mem_zalloc(1, sizeof(*s));
	auto_free char *db_path = mem_printf("%s/winnow.db", dir);

	s->dir = mem_strdup(dir);
	s->used = digest_set_new();
	s->lock_fd = s->blobs_fd = s->index_fd = -1;
	if (fsutil_make_dirs(dir, 0755, e) == -1 ||
	    take_lock(dir, &s->lock_fd, e) == -1 ||
	    open_tree(dir, "blobs/sha256", &s->blobs_fd, e) == -1 ||
	    open_tree(dir, "index", &s->index_fd, e) == -1 ||
	    make_database(db_path, e) == -1 ||
	    store_db_open(db_path, &s->db, e) == -1) {
		store_close(s);
		return -1;
	}
	store_sweep(s);
	*out = s;
	return 0;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	if (s->db != NULL)
		store_flush_uses(s);
	store_db_close(s->db);
	if (s->index_fd != -1)
		close(s->index_fd);
	if (s->blobs_fd != -1)
		close(s->blobs_fd);
	if (s->lock_fd != -1)
		close(s->lock_fd);
	digest_set_free(s->used);
	free(s->dir);
	free(s);
}

int
store_open_unlinked(struct store *s, int *fd, struct err *e)
{
	if (fsutil_open_unlinked(s->dir, fd, e) == -1) {
		store_db_note_refusal(s->db, e);
		return -1;
	}
	return 0;
}

const struct err *
store_refusal(const struct store *s)
{
	return store_db_refusal(s->db);
}

void
store_get_usage(const struct store *s, struct store_usage *out)
{
	*out = s->usage;
}

int
store_blobs_fd(const struct store *s)
{
	return s->blobs_fd;
}

/* Makes the names of a subdirectory durable. */
static int
sync_names(int tree_fd, const char *sub, struct err *e)
{
	auto_fd int fd =
	    openat(tree_fd, sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1 || fsync(fd) == -1)
		return err_set_errno(e, "cannot sync directory %s", sub);
	return 0;
}

/*
 * Gives an unlinked file a name in the tree and makes the name durable.  A
 * file without a row may stand there, which an earlier failure left: nobody
 * vouches for it.
 */
static int
link_file(int tree_fd, int fd, const struct digest *d, struct err *e)
{
	char name[NAME_BYTES], sub[3] = "", from[40];

	file_name(d, name);
	memcpy(sub, name, 2);
	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	unlinkat(tree_fd, name, 0);
	if (linkat(AT_FDCWD, from, tree_fd, name, AT_SYMLINK_FOLLOW) == -1)
		return err_set_errno(e, "cannot store %s", name);
	if (sync_names(tree_fd, sub, e) == -1) {
		unlinkat(tree_fd, name, 0);
		return -1;
	}
	return 0;
}

/* The row of a blob goes or is replaced. */
static void
uncount_blob(struct store *s, const struct digest *digest)
{
	uint64_t size;

	if (!store_db_get_blob(s->db, digest, &size))
		return;
	s->usage.blobs--;
	s->usage.bytes -= size;
}

int
store_add_blob(struct store *s, int fd, const struct digest *digest,
    uint64_t size, struct err *e)
{
	struct store_usage before;

	if (store_has_blob(s, digest, NULL))
		return 0;
	if (link_file(s->blobs_fd, fd, digest, e) == -1) {
		store_db_note_refusal(s->db, e);
		return -1;
	}
	before = s->usage;
	uncount_blob(s, digest);
	if (store_db_put_blob(s->db, digest, size, e) == -1) {
		s->usage = before;
		store_unlink_blob(s, digest);
		return -1;
	}
	s->usage.blobs++;
	s->usage.bytes += size;
	return 0;
}

int
store_add_bytes(struct store *s, const void *data, size_t len,
    struct digest *digest, struct err *e)
{
	auto_fd int fd = -1;

	digest_of(data, len, digest);
	if (store_has_blob(s, digest, NULL))
		return 0;
	if (store_open_unlinked(s, &fd, e) == -1 ||
	    fsutil_write_all(fd, data, len, e) == -1)
		return -1;
	if (fdatasync(fd) == -1)
		return err_set_errno(e, "cannot sync a blob");
	return store_add_blob(s, fd, digest, len, e);
}

bool
store_has_blob(struct store *s, const struct digest *digest, uint64_t *size)
{
	uint64_t found;

	if (!store_db_get_blob(s->db, digest, &found))
		return false;
	if (!file_is_whole(s, digest, found)) {
		store_drop_blob(s, digest);
		return false;
	}
	store_note_use(s, digest);
	if (size != NULL)
		*size = found;
	return true;
}

static int
open_file(int tree_fd, const struct digest *d, int *fd, struct err *e)
{
	char name[NAME_BYTES], text[DIGEST_TEXT];
	int new_fd = openat(tree_fd, file_name(d, name), O_RDONLY | O_CLOEXEC);

	if (new_fd == -1 && errno == ENOENT)
		return err_set(e, ERR_NOT_FOUND, "%s is not in the store",
		    digest_format(d, text));
	if (new_fd == -1)
		return err_set_errno(
		    e, "cannot open %s", digest_format(d, text));
	*fd = new_fd;
	return 0;
}

int
store_open_blob(
    struct store *s, const struct digest *digest, int *fd, struct err *e)
{
	store_note_use(s, digest);
	return open_file(s->blobs_fd, digest, fd, e);
}

void
store_unlink_blob(struct store *s, const struct digest *digest)
{
	char name[NAME_BYTES];

	unlinkat(s->blobs_fd, file_name(digest, name), 0);
}

void
store_unlink_index(struct store *s, const struct digest *layer)
{
	char name[NAME_BYTES];

	unlinkat(s->index_fd, file_name(layer, name), 0);
}

void
store_drop_blob(struct store *s, const struct digest *digest)
{
	struct store_usage before = s->usage;
	char name[NAME_BYTES];
	struct err ignored;

	log_event(LOG_LEVEL_WARN, "store.lost", "blob", file_name(digest, name),
	    NULL);
	uncount_blob(s, digest);
	store_begin(s);
	store_db_drop_blob(s->db, digest);
	if (store_commit(s, &ignored) == -1)
		s->usage = before;
	else
		store_unlink_blob(s, digest);
}

int
store_add_index(
    struct store *s, int fd, const struct digest *layer, struct err *e)
{
	if (store_db_get_index(s->db, layer))
		return 0;
	if (link_file(s->index_fd, fd, layer, e) == -1) {
		store_db_note_refusal(s->db, e);
		return -1;
	}
	if (store_db_put_index(s->db, layer, e) == -1) {
		store_unlink_index(s, layer);
		return -1;
	}
	return 0;
}

int
store_open_index(
    struct store *s, const struct digest *layer, int *fd, struct err *e)
{
	char text[DIGEST_TEXT];

	if (!store_db_get_index(s->db, layer))
		return err_set(e, ERR_NOT_FOUND, "no index of layer %s",
		    digest_format(layer, text));
	if (open_file(s->index_fd, layer, fd, e) == -1) {
		/* Else it would never be written again. */
		if (e->code == ERR_NOT_FOUND)
			store_db_drop_index(s->db, layer);
		return -1;
	}
	store_db_use_index(s->db, layer);
	return 0;
}
