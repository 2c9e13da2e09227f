#include "image_result.h"

#include <stdio.h>
#include <stdlib.h>

#include "winnow/json.h"
#include "winnow/limits.h"
#include "winnow/log.h"
#include "winnow/mem.h"

/* Of a report, in the log; all are in the report. */
#define TEXTS_LOGGED 10

void
image_result_clear(struct image_result *r)
{
	free(r->blobs);
	*r = (struct image_result){.blobs = NULL};
}

void
image_result_add_blob(
    struct image_result *r, const struct digest *digest, uint64_t size)
{
	r->blobs = mem_grow(
	    r->blobs, r->blob_count, &r->blob_capacity, sizeof(*r->blobs));
	r->blobs[r->blob_count++] = (struct image_blob){*digest, size};
}

/* Stores a section of a worker's file as a blob. */
static int
store_section(struct store *store, int fd, const struct section *s,
    struct image_blob *out, struct err *e)
{
	auto_free char *data = NULL;

	if (section_read(fd, s, &data, e) == -1 ||
	    store_add_bytes(store, data, (size_t)s->size, &out->digest, e) ==
		-1)
		return -1;
	out->size = s->size;
	return 0;
}

int
image_result_store_files(struct image_result *r, struct store *store, int fd,
    const json_t *answer, struct err *e)
{
	struct image_blob config;
	struct section s;

	if (section_parse(json_object_get(answer, "config"), LIMIT_CONFIG_SIZE,
		&s, e) == -1 ||
	    store_section(store, fd, &s, &config, e) == -1 ||
	    section_parse(json_object_get(answer, "manifest"),
		LIMIT_MANIFEST_SIZE, &s, e) == -1 ||
	    store_section(store, fd, &s, &r->manifest, e) == -1)
		return -1;
	image_result_add_blob(r, &config.digest, config.size);
	return 0;
}

/* A number of the report as text; "-" when it is not there. */
static const char *
report_number(
    const json_t *report, const char *part, const char *key, char text[32])
{
	const json_t *n = json_object_get(json_object_get(report, part), key);

	if (!json_is_integer(n))
		return "-";
	snprintf(text, 32, "%lld", (long long)json_integer_value(n));
	return text;
}

/* The first texts of a list, as they are or in objects. */
static void
log_texts(enum log_level level, const char *event, const char *name,
    const json_t *list)
{
	const json_t *each;
	size_t i;

	json_array_foreach(list, i, each)
	{
		const json_t *member = json_object_get(each, "text");
		const char *text =
		    json_string_value(member == NULL ? each : member);

		if (i < TEXTS_LOGGED && text != NULL)
			log_event(
			    level, event, "image", name, "text", text, NULL);
	}
}

/* What the report says in short, and its first warnings and hints. */
static void
log_report(const char *name, const char *data, size_t len)
{
	auto_json json_t *report = NULL;
	const json_t *warnings, *hints;
	char kept[32], removed[32], count[32], hint_count[32];
	struct err ignored;

	if (json_parse_object(data, len, "report", &report, &ignored) == -1)
		return;
	warnings = json_object_get(report, "warnings");
	hints = json_object_get(report, "hints");
	snprintf(count, sizeof(count), "%zu", json_array_size(warnings));
	snprintf(hint_count, sizeof(hint_count), "%zu", json_array_size(hints));
	log_event(LOG_LEVEL_INFO, "image.built", "image", name, "kept_bytes",
	    report_number(report, "kept", "bytes", kept), "removed_bytes",
	    report_number(report, "removed", "bytes", removed), "distroless",
	    json_is_true(
		json_object_get(json_object_get(report, "audit"), "distroless"))
		? "yes"
		: "no",
	    "warnings", count, "hints", hint_count, NULL);
	log_texts(LOG_LEVEL_WARN, "image.warning", name, warnings);
	log_texts(LOG_LEVEL_INFO, "image.hint", name, hints);
}

int
image_result_store_report(struct image_result *r, struct store *store, int fd,
    const struct section *section, const char *name, struct err *e)
{
	auto_free char *data = NULL;

	if (section_read(fd, section, &data, e) == -1)
		return -1;
	log_report(name, data, (size_t)section->size);
	r->report.size = section->size;
	return store_add_bytes(
	    store, data, (size_t)section->size, &r->report.digest, e);
}
