#include "docker_archive_index.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/strbuf.h"

/* A name without what docker and podman put in front of short ones. */
static const char *
short_name(const char *name)
{
	static const char *const prefixes[] = {
	    "docker.io/", "library/", "localhost/"};
	size_t i;

	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			name += strlen(prefixes[i]);
	return name;
}

static bool
is_called(const json_t *image, const char *tag)
{
	const json_t *name;
	size_t i;

	json_array_foreach(json_object_get(image, "RepoTags"), i, name)
	{
		const char *text = json_string_value(name);

		if (text != NULL &&
		    strcmp(short_name(text), short_name(tag)) == 0)
			return true;
	}
	return false;
}

/* "a:1 b:2": the names in the archive, for a message. */
static void
add_names(const json_t *images, struct strbuf *out)
{
	const json_t *image, *name;
	size_t i, j;

	json_array_foreach(images, i, image)
	    json_array_foreach(json_object_get(image, "RepoTags"), j, name)
	{
		if (json_string_value(name) != NULL)
			strbuf_add_format(
			    out, " %.100s", json_string_value(name));
	}
}

static const json_t *
find_image(const json_t *images, const char *tag, struct err *e)
{
	auto_strbuf struct strbuf names;
	const json_t *image;
	size_t i;

	strbuf_init(&names, ERR_MESSAGE_MAX / 2);
	if (tag == NULL && json_array_size(images) == 1)
		return json_array_get(images, 0);
	json_array_foreach(images, i,
	    image) if (tag != NULL && is_called(image, tag)) return image;
	add_names(images, &names);
	if (tag == NULL)
		err_set(e, ERR_INVALID,
		    "%zu images: add :REPOSITORY:TAG to choose one of%s",
		    json_array_size(images), strbuf_string(&names));
	else
		err_set(e, ERR_NOT_FOUND, "no image %s; there are%s", tag,
		    strbuf_string(&names));
	return NULL;
}

static int
read_names(const json_t *image, struct docker_archive_image *out, struct err *e)
{
	const char *config;
	const json_t *name;
	json_t *layers;
	size_t i;

	if (json_get_string(image, "Config", JSON_REQUIRED, &config, e) == -1 ||
	    json_get_array(image, "Layers", JSON_REQUIRED, &layers, e) == -1)
		return err_wrap(e, "manifest.json");
	if (json_array_size(layers) > LIMIT_LAYERS)
		return err_set(
		    e, ERR_LIMIT, "more than %d layers", LIMIT_LAYERS);
	out->config = mem_strdup(config);
	out->layers = mem_zalloc(json_array_size(layers), sizeof(char *));
	json_array_foreach(layers, i, name)
	{
		const char *text = json_string_value(name);

		if (text == NULL)
			return err_set(e, ERR_INVALID,
			    "manifest.json: a layer is no string");
		out->layers[out->layer_count++] = mem_strdup(text);
	}
	return 0;
}

int
docker_archive_choose(const char *text, size_t len, const char *tag,
    struct docker_archive_image *out, struct err *e)
{
	auto_json json_t *images = NULL;
	const json_t *image;

	if (json_parse_array(text, len, "manifest.json", &images, e) == -1)
		return -1;
	image = find_image(images, tag, e);
	if (image == NULL)
		return -1;
	if (!json_is_object(image))
		return err_set(
		    e, ERR_INVALID, "manifest.json: an image is no object");
	return read_names(image, out, e);
}

void
docker_archive_image_clear(struct docker_archive_image *image)
{
	mem_free_strings(image->layers, image->layer_count);
	free(image->config);
	*image = (struct docker_archive_image){0};
}

int
docker_archive_diff_ids(const char *config, size_t len, struct digest **out,
    size_t *count, struct err *e)
{
	auto_json json_t *json = NULL;
	auto_free struct digest *digests = NULL;
	json_t *rootfs, *ids;
	const json_t *id;
	size_t i;

	if (json_parse_object(config, len, "the config", &json, e) == -1 ||
	    json_get_object(json, "rootfs", JSON_REQUIRED, &rootfs, e) == -1 ||
	    json_get_array(rootfs, "diff_ids", JSON_REQUIRED, &ids, e) == -1)
		return err_wrap(e, "the archive");
	digests = mem_zalloc(json_array_size(ids), sizeof(*digests));
	json_array_foreach(ids, i, id)
	{
		if (!json_is_string(id) ||
		    digest_parse(json_string_value(id), &digests[i], e) == -1)
			return err_set(e, ERR_INVALID,
			    "rootfs.diff_ids of the config: no digest");
	}
	*count = json_array_size(ids);
	*out = steal(&digests);
	return 0;
}
