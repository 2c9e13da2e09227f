#include "list_page.h"

#include <stdlib.h>
#include <string.h>

#include "winnow/auto.h"
#include "winnow/channel.h"
#include "winnow/json.h"
#include "winnow/mem.h"
#include "winnow/ref.h"

/* A page is one message; the rest of it fits in what remains. */
#define PAGE_BYTES (CHANNEL_MESSAGE_MAX - 512)

struct room {
	uint64_t items;
	size_t bytes;
};

static struct room
room_of(const struct list_page *p)
{
	return (struct room){p->has_n ? p->n : UINT64_MAX, PAGE_BYTES};
}

/* Adds an item (borrowed); false when there is no room. */
static bool
add_item(json_t *page, struct room *room, json_t *item)
{
	/* With its comma. */
	size_t bytes =
	    json_dumpb(item, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY) + 1;

	if (room->items == 0 || (bytes > room->bytes && bytes <= PAGE_BYTES))
		return false;
	/* No page has room for it. */
	if (bytes > PAGE_BYTES)
		return true;
	room->items--;
	room->bytes -= bytes;
	json_push(page, json_incref(item));
	return true;
}

static int
compare_tags(const void *a, const void *b)
{
	json_t *const *x = a, *const *y = b;

	return strcmp(json_string_value(*x), json_string_value(*y));
}

json_t *
list_page_tags(const json_t *tags, const struct list_page *p,
    bool (*serves)(void *arg, const char *tag), void *arg, bool *more)
{
	struct room room = room_of(p);
	size_t total = json_array_size(tags), count = 0, i;
	auto_free json_t **sorted = mem_zalloc(total + 1, sizeof(*sorted));
	json_t *page = json_array();

	for (i = 0; i < total; i++) {
		json_t *tag = json_array_get(tags, i);
		const char *text = json_string_value(tag);

		if (text != NULL && ref_is_tag(text) &&
		    strcmp(text, p->last) > 0 && serves(arg, text))
			sorted[count++] = tag;
	}
	qsort(sorted, count, sizeof(*sorted), compare_tags);
	for (i = 0; i < count; i++) {
		if (i > 0 && compare_tags(&sorted[i - 1], &sorted[i]) == 0)
			continue;
		if (!add_item(page, &room, sorted[i]))
			break;
	}
	*more = i < count && json_array_size(page) > 0;
	return page;
}

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? "" : text;
}

json_t *
list_page_referrers(
    const json_t *descriptors, const struct list_page *p, bool *more)
{
	struct room room = room_of(p);
	size_t total = json_array_size(descriptors), i = 0;
	json_t *page = json_array();

	if (p->last[0] != '\0')
		while (i < total &&
		    strcmp(text_of(json_array_get(descriptors, i++), "digest"),
			p->last) != 0)
			;
	for (; i < total; i++) {
		json_t *d = json_array_get(descriptors, i);

		if (p->artifact_type[0] != '\0' &&
		    strcmp(text_of(d, "artifactType"), p->artifact_type) != 0)
			continue;
		if (!add_item(page, &room, d))
			break;
	}
	*more = i < total && json_array_size(page) > 0;
	return page;
}
