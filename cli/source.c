#include "source.h"

#include <stdlib.h>
#include <string.h>

#include "docker_archive.h"
#include "layout.h"
#include "winnow/mem.h"
#include "winnow/oci_layout.h"

#define ARCHIVE_PREFIX "docker-archive:"

struct source {
	char *name;
	struct docker_archive *archive; /* or NULL: */
	struct layout layout;
};

int
source_open(const char *name, struct source **out, struct err *e)
{
	struct docker_archive *archive = NULL;
	struct layout layout = {0};
	struct source *s;

	if (strncmp(name, ARCHIVE_PREFIX, strlen(ARCHIVE_PREFIX)) == 0) {
		if (docker_archive_open(
			name + strlen(ARCHIVE_PREFIX), &archive, e) == -1)
			return -1;
	} else if (layout_parse(name, &layout, e) == -1) {
		return -1;
	}
	s = mem_zalloc(1, sizeof(*s));
	s->name = mem_strdup(name);
	s->archive = archive;
	s->layout = layout;
	*out = s;
	return 0;
}

void
source_free(struct source *s)
{
	if (s == NULL)
		return;
	docker_archive_free(s->archive);
	layout_clear(&s->layout);
	free(s->name);
	free(s);
}

const char *
source_name(const struct source *s)
{
	return s->name;
}

bool
source_has_manifest(const struct source *s)
{
	return s->archive == NULL;
}

int
source_resolve(const struct source *s, struct digest *digest, char **media_type,
    struct err *e)
{
	const struct oci_layout_name want = {.tag = s->layout.tag};

	if (s->archive == NULL)
		return oci_layout_find(
		    s->layout.dir, &want, digest, media_type, e);
	*digest = *docker_archive_digest(s->archive);
	*media_type = mem_strdup(OCI_TYPE_MANIFEST);
	return 0;
}

int
source_read_blob(const struct source *s, const struct digest *digest,
    size_t max, char **data, size_t *len, struct err *e)
{
	if (s->archive != NULL)
		return docker_archive_read_blob(
		    s->archive, digest, data, len, e);
	return oci_layout_read_blob(s->layout.dir, digest, max, data, len, e);
}

int
source_open_layer(const struct source *s, const struct oci_descriptor *d,
    struct blob_source *out, struct err *e)
{
	struct blob_source blob = {
	    .progress_fd = -1, .size = d->size, .digest = d->digest};
	uint64_t size;

	if (s->archive != NULL)
		return docker_archive_open_layer(
		    s->archive, &d->digest, out, e);
	if (oci_layout_open_blob(
		s->layout.dir, &d->digest, &size, &blob.fd, e) == -1)
		return -1;
	*out = blob;
	return 0;
}
