#include "docker_archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "docker_archive_index.h"
#include "winnow/fsutil.h"
#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/tar_scan.h"

#define LAYER_TYPE "application/vnd.oci.image.layer.v1.tar"

/* A layer as it lies in the archive. */
struct archive_layer {
	struct digest digest; /* of its bytes there */
	uint64_t offset;
	uint64_t size;
};

struct docker_archive {
	int fd; /* of the uncompressed archive */
	struct tar_scan *scan;
	char *config;
	size_t config_len;
	struct digest config_digest;
	char *manifest;
	size_t manifest_len;
	struct digest digest;
	struct archive_layer *layers;
	size_t layer_count;
};

/* Reads the head of a layer or an archive; fewer bytes are no mistake. */
static size_t
read_head(int fd, uint64_t offset, uint8_t head[4])
{
	ssize_t n = pread(fd, head, 4, (off_t)offset);

	return n < 0 ? 0 : (size_t)n;
}

static bool
is_compressed(int fd, uint64_t offset)
{
	uint8_t head[4] = {0};
	size_t n = read_head(fd, offset, head);

	return (n >= 2 && head[0] == 0x1f && head[1] == 0x8b) ||
	    (n == 4 && memcmp(head, "\x28\xb5\x2f\xfd", 4) == 0);
}

/* Decompresses `source` to `out_fd` (or -1), and hashes what comes out. */
static int
unpack(const struct blob_source *source, int out_fd, struct digest *digest,
    struct err *e)
{
	auto_inflate struct inflate *z = inflate_new(source);
	auto_hash struct hash *h = hash_new();
	const void *data;
	size_t len;

	for (;;) {
		if (inflate_read(z, &data, &len, e) == -1)
			return -1;
		if (len == 0)
			break;
		hash_update(h, data, len);
		if (out_fd != -1 &&
		    fsutil_write_all(out_fd, data, len, e) == -1)
			return -1;
	}
	hash_final(h, digest);
	return 0;
}

/* Replaces a->fd, a compressed archive, by what it holds. */
static int
unpack_archive(struct docker_archive *a, struct err *e)
{
	struct blob_source source = {.fd = a->fd, .progress_fd = -1};
	struct digest ignored;
	auto_fd int fd = -1;

	if (fsutil_size(a->fd, &source.size, e) == -1 ||
	    cli_open_scratch(&fd, e) == -1 ||
	    unpack(&source, fd, &ignored, e) == -1)
		return -1;
	close(a->fd);
	a->fd = steal_fd(&fd);
	return 0;
}

/* Reads a whole small member. */
static int
read_member(const struct docker_archive *a, const char *name, size_t max,
    char **data, size_t *len, struct err *e)
{
	const struct tar_member *m;
	auto_free char *bytes = NULL;

	if (tar_scan_find(a->scan, name, &m, e) == -1)
		return -1;
	if (m->size > max)
		return err_set(e, ERR_LIMIT,
		    "%.200s in the archive is larger "
		    "than %zu bytes",
		    name, max);
	bytes = mem_zalloc(m->size + 1, 1);
	if (fsutil_pread_all(a->fd, bytes, m->size, (off_t)m->offset, e) == -1)
		return err_wrap(e, "%.200s in the archive", name);
	*len = m->size;
	*data = steal(&bytes);
	return 0;
}

/* The digest of a compressed layer, which must unpack to the diffID. */
static int
digest_compressed(const struct docker_archive *a, const struct tar_member *m,
    const struct digest *diff_id, struct digest *out, struct err *e)
{
	struct blob_source source = {.fd = a->fd,
	    .progress_fd = -1,
	    .offset = m->offset,
	    .size = m->size};
	auto_hash struct hash *h = hash_new();
	auto_free char *buffer = mem_alloc(1u << 20);
	struct digest found;
	uint64_t at, n;

	for (at = 0; at < m->size; at += n) {
		n = m->size - at < 1u << 20 ? m->size - at : 1u << 20;
		if (fsutil_pread_all(
			a->fd, buffer, n, (off_t)(m->offset + at), e) == -1)
			return -1;
		hash_update(h, buffer, n);
	}
	hash_final(h, out);
	if (unpack(&source, -1, &found, e) == -1)
		return -1;
	if (!digest_equal(&found, diff_id))
		return err_set(e, ERR_DIGEST,
		    "it does not unpack to what the config says");
	return 0;
}

/* Finds one layer and says under which digest it will be read. */
static int
add_layer(struct docker_archive *a, const char *name,
    const struct digest *diff_id, struct err *e)
{
	struct archive_layer *layer = &a->layers[a->layer_count];
	const struct tar_member *m;

	if (tar_scan_find(a->scan, name, &m, e) == -1)
		return -1;
	*layer = (struct archive_layer){
	    .digest = *diff_id, .offset = m->offset, .size = m->size};
	if (is_compressed(a->fd, m->offset) &&
	    digest_compressed(a, m, diff_id, &layer->digest, e) == -1)
		return err_wrap(e, "%.200s", name);
	a->layer_count++;
	return 0;
}

static json_t *
make_descriptor(const char *type, const struct digest *digest, uint64_t size)
{
	json_t *object = json_object();
	char text[DIGEST_TEXT];

	json_put(object, "mediaType", json_string(type));
	json_put(object, "digest", json_string(digest_format(digest, text)));
	json_put(object, "size", json_integer((json_int_t)size));
	return object;
}

/* The manifest that the image would have in a layout. */
static void
make_manifest(struct docker_archive *a)
{
	auto_json json_t *manifest = json_object();
	json_t *layers = json_array();
	size_t i;

	for (i = 0; i < a->layer_count; i++)
		json_push(layers,
		    make_descriptor(
			LAYER_TYPE, &a->layers[i].digest, a->layers[i].size));
	json_put(manifest, "schemaVersion", json_integer(2));
	json_put(manifest, "mediaType", json_string(OCI_TYPE_MANIFEST));
	json_put(manifest, "config",
	    make_descriptor(OCI_TYPE_CONFIG, &a->config_digest, a->config_len));
	json_put(manifest, "layers", layers);
	a->manifest = json_format(manifest, &a->manifest_len);
	digest_of(a->manifest, a->manifest_len, &a->digest);
}

/* Reads config and layers of the chosen image. */
static int
read_image(struct docker_archive *a, const struct docker_archive_image *image,
    struct err *e)
{
	auto_free struct digest *diff_ids = NULL;
	size_t i, count;

	if (read_member(a, image->config, LIMIT_CONFIG_SIZE, &a->config,
		&a->config_len, e) == -1)
		return -1;
	digest_of(a->config, a->config_len, &a->config_digest);
	if (docker_archive_diff_ids(
		a->config, a->config_len, &diff_ids, &count, e) == -1)
		return -1;
	if (count != image->layer_count)
		return err_set(e, ERR_INVALID,
		    "manifest.json has %zu layers, the config %zu",
		    image->layer_count, count);
	a->layers = mem_zalloc(count, sizeof(*a->layers));
	for (i = 0; i < count; i++)
		if (add_layer(a, image->layers[i], &diff_ids[i], e) == -1)
			return -1;
	make_manifest(a);
	return 0;
}

static int
read_archive(struct docker_archive *a, const char *tag, struct err *e)
{
	struct docker_archive_image image = {0};
	auto_free char *text = NULL;
	size_t len;
	int r;

	if (is_compressed(a->fd, 0) && unpack_archive(a, e) == -1)
		return -1;
	if (tar_scan_new(a->fd, &a->scan, e) == -1)
		return -1;
	if (read_member(
		a, "manifest.json", LIMIT_MANIFEST_SIZE, &text, &len, e) == -1)
		return e->code != ERR_NOT_FOUND
		    ? -1
		    : err_set(e, ERR_UNSUPPORTED,
			  "no manifest.json: not from docker save (an OCI "
			  "archive: unpack it and write oci:DIR)");
	r = docker_archive_choose(text, len, tag, &image, e);
	if (r == 0)
		r = read_image(a, &image, e);
	docker_archive_image_clear(&image);
	return r;
}

/* Splits FILE from REPOSITORY:TAG, if there is no file of the whole name. */
static char *
split_name(const char *name, const char **tag)
{
	const char *colon = strchr(name, ':');

	*tag = NULL;
	if (colon == NULL || access(name, F_OK) == 0)
		return mem_strdup(name);
	*tag = colon + 1;
	return mem_strndup(name, (size_t)(colon - name));
}

int
docker_archive_open(
    const char *name, struct docker_archive **out, struct err *e)
{
	auto_docker_archive struct docker_archive *a =
	    mem_zalloc(1, sizeof(*a));
	const char *tag;
	auto_free char *path = split_name(name, &tag);

	a->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (a->fd == -1)
		return err_set_errno(e, "cannot open %s", path);
	if (read_archive(a, tag, e) == -1)
		return err_wrap(e, "%s", path);
	*out = steal(&a);
	return 0;
}

void
docker_archive_free(struct docker_archive *a)
{
	if (a == NULL)
		return;
	if (a->fd != -1)
		close(a->fd);
	tar_scan_free(a->scan);
	free(a->config);
	free(a->manifest);
	free(a->layers);
	free(a);
}

const struct digest *
docker_archive_digest(const struct docker_archive *a)
{
	return &a->digest;
}

int
docker_archive_read_blob(const struct docker_archive *a,
    const struct digest *digest, char **data, size_t *len, struct err *e)
{
	bool manifest = digest_equal(digest, &a->digest);
	char text[DIGEST_TEXT];

	if (!manifest && !digest_equal(digest, &a->config_digest))
		return err_set(e, ERR_NOT_FOUND, "the archive has no %s",
		    digest_format(digest, text));
	*len = manifest ? a->manifest_len : a->config_len;
	*data = mem_strndup(manifest ? a->manifest : a->config, *len);
	return 0;
}

int
docker_archive_open_layer(const struct docker_archive *a,
    const struct digest *digest, struct blob_source *out, struct err *e)
{
	size_t i;
	int fd;

	for (i = 0; i < a->layer_count; i++)
		if (digest_equal(digest, &a->layers[i].digest))
			break;
	if (i == a->layer_count)
		return err_set(
		    e, ERR_NOT_FOUND, "the archive has no such layer");
	fd = fcntl(a->fd, F_DUPFD_CLOEXEC, 0);
	if (fd == -1)
		return err_set_errno(e, "cannot open the archive again");
	*out = (struct blob_source){.fd = fd,
	    .progress_fd = -1,
	    .offset = a->layers[i].offset,
	    .size = a->layers[i].size,
	    .digest = *digest};
	return 0;
}
