#include "winnow/oci_layout.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "winnow/fsutil.h"
#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

#define CONTAINERD_NAME "io.containerd.image.name"

bool
oci_layout_is_one(const char *dir)
{
	auto_free char *path = mem_printf("%s/oci-layout", dir);

	return access(path, F_OK) == 0;
}

int
oci_layout_read_index(const char *dir, json_t **out, struct err *e)
{
	auto_free char *path = mem_printf("%s/index.json", dir);
	auto_free char *text = NULL;
	auto_json json_t *index = NULL;
	json_t *manifests = NULL;
	size_t len;

	if (fsutil_read_file(
		AT_FDCWD, path, LIMIT_MANIFEST_SIZE, &text, &len, e) == -1 ||
	    json_parse_object(text, len, path, &index, e) == -1)
		return -1;
	if (json_get_array(index, "manifests", JSON_REQUIRED, &manifests, e) ==
	    -1)
		return err_wrap(e, "%s", path);
	*out = json_incref(index);
	return 0;
}

/*
 * How well an entry answers to the name: 0 not at all, 2 better than 1.
 */
static int
match_entry(const json_t *entry, const struct oci_layout_name *want)
{
	const json_t *annotations = json_object_get(entry, "annotations");
	const char *full =
	    json_string_value(json_object_get(annotations, CONTAINERD_NAME));
	const char *name = json_string_value(
	    json_object_get(annotations, OCI_LAYOUT_REF_NAME));

	if (full != NULL && want->full_name != NULL)
		return strcmp(full, want->full_name) == 0 ? 2 : 0;
	if (name == NULL)
		return 0;
	if (want->full_name != NULL &&
	    (strcmp(name, want->name) == 0 ||
		strcmp(name, want->full_name) == 0))
		return 2;
	return strcmp(name, want->tag) == 0 ? 1 : 0;
}

/* The entry that answers best, or NULL with *e. */
static const json_t *
find_entry(const char *dir, const json_t *manifests,
    const struct oci_layout_name *want, struct err *e)
{
	const json_t *best = NULL, *entry;
	size_t i, count = json_array_size(manifests);
	int best_match = 0;

	if (want->tag == NULL) {
		if (count == 1)
			return json_array_get(manifests, 0);
		err_set(e, ERR_INVALID,
		    "%s holds %zu images: add :TAG to choose one", dir, count);
		return NULL;
	}
	json_array_foreach(manifests, i, entry)
	{
		int match = match_entry(entry, want);

		if (match > best_match) {
			best = entry;
			best_match = match;
		}
	}
	if (best == NULL)
		err_set(e, ERR_NOT_FOUND, "%s/index.json has no tag %s", dir,
		    want->tag);
	return best;
}

int
oci_layout_find(const char *dir, const struct oci_layout_name *want,
    struct digest *digest, char **media_type, struct err *e)
{
	auto_json json_t *index = NULL;
	const char *text = NULL, *type = NULL;
	const json_t *entry;

	if (oci_layout_read_index(dir, &index, e) == -1)
		return -1;
	entry = find_entry(dir, json_object_get(index, "manifests"), want, e);
	if (entry == NULL)
		return -1;
	if (json_get_string(entry, "mediaType", JSON_REQUIRED, &type, e) ==
		-1 ||
	    json_get_string(entry, "digest", JSON_REQUIRED, &text, e) == -1 ||
	    digest_parse(text, digest, e) == -1)
		return err_wrap(e, "%s/index.json", dir);
	*media_type = mem_strdup(type);
	return 0;
}

/* What follows `prefix` in `text`, or NULL. */
static const char *
after(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

/* The tag by which an entry answers to the repository, or NULL. */
static const char *
tag_of_entry(const json_t *entry, const struct oci_layout_name *want)
{
	const json_t *annotations = json_object_get(entry, "annotations");
	const char *full =
	    json_string_value(json_object_get(annotations, CONTAINERD_NAME));
	const char *name = json_string_value(
	    json_object_get(annotations, OCI_LAYOUT_REF_NAME));
	const char *tag;

	if (full != NULL)
		return after(full, want->full_name);
	if (name == NULL)
		return NULL;
	tag = after(name, want->full_name);
	if (tag == NULL)
		tag = after(name, want->name);
	/* Else it is another repository's, or a tag alone. */
	return tag == NULL && strchr(name, ':') == NULL ? name : tag;
}

int
oci_layout_list_tags(const char *dir, const struct oci_layout_name *want,
    json_t *tags, struct err *e)
{
	auto_json json_t *index = NULL;
	const json_t *entry;
	size_t i;

	if (oci_layout_read_index(dir, &index, e) == -1)
		return -1;
	json_array_foreach(json_object_get(index, "manifests"), i, entry)
	{
		const char *tag = tag_of_entry(entry, want);

		if (tag != NULL)
			json_push(tags, json_string(tag));
	}
	return 0;
}

char *
oci_layout_blob_path(const char *dir, const struct digest *digest)
{
	char hex[DIGEST_TEXT];

	return mem_printf(
	    "%s/blobs/sha256/%s", dir, digest_format_hex(digest, hex));
}

int
oci_layout_open_blob(const char *dir, const struct digest *digest,
    uint64_t *size, int *fd, struct err *e)
{
	auto_free char *path = oci_layout_blob_path(dir, digest);
	/* Not blocking: it may be a fifo. */
	auto_fd int new_fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (new_fd == -1 && (errno == ENOENT || errno == ENOTDIR))
		return err_set(e, ERR_NOT_FOUND, "%s does not exist", path);
	if (new_fd == -1)
		return err_set_errno(e, "cannot open %s", path);
	if (fsutil_size(new_fd, size, e) == -1)
		return err_wrap(e, "%s", path);
	*fd = steal_fd(&new_fd);
	return 0;
}

int
oci_layout_read_blob(const char *dir, const struct digest *digest, size_t max,
    char **data, size_t *len, struct err *e)
{
	auto_free char *path = oci_layout_blob_path(dir, digest);
	auto_free char *bytes = NULL;
	auto_fd int fd = -1;
	struct digest found;
	uint64_t file_size;
	size_t size = 0;

	if (oci_layout_open_blob(dir, digest, &file_size, &fd, e) == -1 ||
	    fsutil_read_fd(fd, path, max, &bytes, &size, e) == -1)
		return -1;
	digest_of(bytes, size, &found);
	if (!digest_equal(&found, digest))
		return err_set(e, ERR_DIGEST,
		    "the bytes of %s differ from its digest", path);
	*data = steal(&bytes);
	*len = size;
	return 0;
}
