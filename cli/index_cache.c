/*
 * A file is MAGIC, the SHA-256 of what follows, the layer's digest and the
 * serialized index.  It is touched when it is read, so that age is disuse.
 */
#include "index_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "winnow/fsutil.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

#define MAGIC "winnowix"
#define MAGIC_LEN (sizeof(MAGIC) - 1)
#define HEADER_LEN (MAGIC_LEN + 2 * DIGEST_BYTES)
/* Unused for so long, an index goes: a base image lives about two months. */
#define MAX_AGE (60 * 24 * 60 * 60)

/* The cache's directory, or NULL where there is none; the caller frees. */
static char *
cache_dir(void)
{
	const char *base = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");

	if (base != NULL && base[0] == '/')
		return mem_printf("%s/winnow/index", base);
	if (home != NULL && home[0] == '/')
		return mem_printf("%s/.cache/winnow/index", home);
	return NULL;
}

static char *
cache_path(const char *dir, const struct digest *layer)
{
	char hex[DIGEST_TEXT];

	return mem_printf("%s/%s.%d", dir, digest_format_hex(layer, hex),
	    LAYER_INDEX_VERSION);
}

/* True for a regular file of this user that nobody else may write. */
static bool
is_ours(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_uid == geteuid() && (st.st_mode & 022) == 0;
}

/* True when the bytes are an intact file of this layer. */
static bool
is_intact(const char *data, size_t len, const struct digest *layer)
{
	const char *sum = data + MAGIC_LEN, *rest = sum + DIGEST_BYTES;
	struct digest found;

	if (len < HEADER_LEN || memcmp(data, MAGIC, MAGIC_LEN) != 0 ||
	    memcmp(rest, layer->bytes, DIGEST_BYTES) != 0)
		return false;
	digest_of(rest, len - MAGIC_LEN - DIGEST_BYTES, &found);
	return memcmp(sum, found.bytes, DIGEST_BYTES) == 0;
}

bool
index_cache_read(const struct digest *layer, struct layer_index **out)
{
	auto_free char *dir = cache_dir(), *path = NULL, *data = NULL;
	auto_fd int fd = -1;
	struct err ignored;
	size_t len;

	if (dir == NULL)
		return false;
	path = cache_path(dir, layer);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd == -1 || !is_ours(fd) ||
	    fsutil_read_fd(fd, path, LIMIT_LAYER_INDEX_SIZE, &data, &len,
		&ignored) == -1 ||
	    !is_intact(data, len, layer))
		return false;
	/* It is parsed where it begins in its memory. */
	len -= HEADER_LEN;
	memmove(data, data + HEADER_LEN, len);
	if (layer_index_parse(&data, len, out, &ignored) == -1)
		return false;
	(void)futimens(fd, NULL);
	return true;
}

/* Removes what nobody read for long, leftovers of crashes with it. */
static void
remove_old(const char *path)
{
	DIR *dir = opendir(path);
	time_t now = time(NULL);
	struct dirent *entry;
	struct stat st;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.' &&
		    fstatat(dirfd(dir), entry->d_name, &st,
			AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && st.st_mtime < now - MAX_AGE)
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
}

static void
format_file(const struct digest *layer, const struct layer_index *index,
    struct strbuf *out)
{
	struct digest sum = {{0}};

	strbuf_add_string(out, MAGIC);
	strbuf_add(out, sum.bytes, DIGEST_BYTES);
	strbuf_add(out, layer->bytes, DIGEST_BYTES);
	layer_index_format(index, out);
	if (out->overflow)
		return;
	digest_of(out->data + MAGIC_LEN + DIGEST_BYTES,
	    out->len - MAGIC_LEN - DIGEST_BYTES, &sum);
	memcpy(out->data + MAGIC_LEN, sum.bytes, DIGEST_BYTES);
}

void
index_cache_write(const struct digest *layer, const struct layer_index *index)
{
	auto_free char *dir = cache_dir(), *path = NULL, *temporary = NULL;
	auto_strbuf struct strbuf bytes;
	auto_fd int fd = -1;
	struct err ignored;

	strbuf_init(&bytes, LIMIT_LAYER_INDEX_SIZE);
	if (dir == NULL || fsutil_make_dirs(dir, 0700, &ignored) == -1)
		return;
	format_file(layer, index, &bytes);
	path = cache_path(dir, layer);
	temporary = mem_printf("%s.XXXXXX", path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd == -1)
		return;
	if (bytes.overflow ||
	    fsutil_write_all(fd, bytes.data, bytes.len, &ignored) == -1 ||
	    rename(temporary, path) == -1)
		(void)unlink(temporary);
	remove_old(dir);
}
