#include "layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "winnow/fsutil.h"
#include "winnow/json.h"
#include "winnow/mem.h"
#include "winnow/oci.h"
#include "winnow/oci_layout.h"
#include "winnow/ref.h"

#define LAYOUT_FILE "{\"imageLayoutVersion\":\"1.0.0\"}"

int
layout_parse(const char *name, struct layout *out, struct err *e)
{
	const char *dir = name + strlen("oci:"), *colon;

	if (strncmp(name, "oci:", strlen("oci:")) != 0 || *dir == '\0' ||
	    *dir == ':')
		return err_set(e, ERR_INVALID,
		    "\"%s\" is not an image: write oci:DIR or oci:DIR:TAG (or, "
		    "to read, docker-archive:FILE)",
		    name);
	colon = strrchr(dir, ':');
	if (colon == NULL || !ref_is_tag(colon + 1)) {
		*out = (struct layout){.dir = mem_strdup(dir)};
		return 0;
	}
	out->dir = mem_strndup(dir, (size_t)(colon - dir));
	out->tag = mem_strdup(colon + 1);
	return 0;
}

void
layout_clear(struct layout *l)
{
	free(l->dir);
	free(l->tag);
	*l = (struct layout){0};
}

static const char *
entry_tag(const json_t *entry)
{
	return json_string_value(json_object_get(
	    json_object_get(entry, "annotations"), OCI_LAYOUT_REF_NAME));
}

/* Writes `path` under a temporary name, makes it durable and renames it. */
static int
replace_file(const char *path, const void *data, size_t len, struct err *e)
{
	auto_free char *temporary = mem_printf("%s.XXXXXX", path);
	auto_fd int fd = mkostemp(temporary, O_CLOEXEC);

	if (fd == -1)
		return err_set_errno(e, "cannot make %s", temporary);
	if (fsutil_write_all(fd, data, len, e) == -1) {
		unlink(temporary);
		return err_wrap(e, "%s", temporary);
	}
	if (fchmod(fd, 0644) == -1 || fsync(fd) == -1 ||
	    rename(temporary, path) == -1) {
		err_set_errno(e, "cannot write %s", path);
		unlink(temporary);
		return -1;
	}
	return 0;
}

int
layout_create(const struct layout *l, struct err *e)
{
	auto_free char *blobs = mem_printf("%s/blobs/sha256", l->dir);
	auto_free char *file = mem_printf("%s/oci-layout", l->dir);

	if (fsutil_make_dirs(blobs, 0755, e) == -1)
		return -1;
	if (access(file, F_OK) == 0)
		return 0;
	return replace_file(file, LAYOUT_FILE, strlen(LAYOUT_FILE), e);
}

int
layout_begin_blob(
    const struct layout *l, struct layout_blob *blob, struct err *e)
{
	auto_free char *path =
	    mem_printf("%s/blobs/sha256/.new-XXXXXX", l->dir);
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd == -1)
		return err_set_errno(e, "cannot make %s", path);
	blob->fd = fd;
	blob->path = steal(&path);
	return 0;
}

int
layout_end_blob(const struct layout *l, struct layout_blob *blob,
    const struct digest *digest, struct err *e)
{
	auto_free char *from = steal(&blob->path);
	auto_fd int fd = steal_fd(&blob->fd);
	auto_free char *to = NULL;

	if (digest == NULL) {
		unlink(from);
		return 0;
	}
	to = oci_layout_blob_path(l->dir, digest);
	if (fchmod(fd, 0644) == -1 || fsync(fd) == -1 ||
	    rename(from, to) == -1) {
		err_set_errno(e, "cannot write %s", to);
		unlink(from);
		return -1;
	}
	return 0;
}

int
layout_write_blob(const struct layout *l, const void *data, size_t len,
    struct digest *digest, struct err *e)
{
	auto_free char *path = NULL;

	digest_of(data, len, digest);
	path = oci_layout_blob_path(l->dir, digest);
	return replace_file(path, data, len, e);
}

static json_t *
make_entry(const char *media_type, const struct digest *digest, uint64_t size,
    const char *tag)
{
	json_t *entry = json_object(), *annotations = json_object();
	char text[DIGEST_TEXT];

	json_put(entry, "mediaType", json_string(media_type));
	json_put(entry, "digest", json_string(digest_format(digest, text)));
	json_put(entry, "size", json_integer((json_int_t)size));
	json_put(annotations, OCI_LAYOUT_REF_NAME, json_string(tag));
	json_put(entry, "annotations", annotations);
	return entry;
}

int
layout_set_tag(const struct layout *l, const char *media_type,
    const struct digest *digest, uint64_t size, struct err *e)
{
	auto_free char *path = mem_printf("%s/index.json", l->dir);
	const char *tag = l->tag == NULL ? "latest" : l->tag, *old;
	auto_json json_t *index = NULL;
	auto_free char *text = NULL;
	json_t *manifests;
	size_t i, len;

	if (access(path, F_OK) == 0) {
		if (oci_layout_read_index(l->dir, &index, e) == -1)
			return -1;
	} else {
		index = json_object();
		json_put(index, "schemaVersion", json_integer(2));
		json_put(index, "mediaType", json_string(OCI_TYPE_INDEX));
		json_put(index, "manifests", json_array());
	}
	manifests = json_object_get(index, "manifests");
	for (i = json_array_size(manifests); i-- > 0;) {
		old = entry_tag(json_array_get(manifests, i));
		if (old != NULL && strcmp(old, tag) == 0)
			json_array_remove(manifests, i);
	}
	json_push(manifests, make_entry(media_type, digest, size, tag));
	text = json_format(index, &len);
	return replace_file(path, text, len, e);
}
