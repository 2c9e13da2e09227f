#include "strip_layers_internal.h"

#include <stdlib.h>
#include <string.h>

#include "tasks.h"
#include "winnow/fsutil.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

struct strip_layers *
strip_layers_new(const struct strip *s, const struct oci_manifest *m)
{
	struct strip_layers *l = mem_zalloc(1, sizeof(*l));
	size_t i;

	l->strip = s;
	l->manifest = m;
	l->count = m->layer_count;
	l->items = mem_zalloc(l->count, sizeof(*l->items));
	l->sizes = mem_zalloc(l->count, sizeof(*l->sizes));
	l->indexes = mem_zalloc(l->count, sizeof(struct layer_index *));
	l->emitted = mem_zalloc(l->count, sizeof(*l->emitted));
	for (i = 0; i < l->count; i++) {
		l->items[i].source.fd = -1;
		l->items[i].spool_fd = -1;
		l->items[i].index_fd = -1;
	}
	l->results = mem_zalloc(l->count, sizeof(*l->results));
	return l;
}

void
strip_layers_clear(struct strip_layers *l, struct strip_layer *item)
{
	struct err ignored;

	if (item->blob.path != NULL)
		layout_end_blob(l->strip->to, &item->blob, NULL, &ignored);
	spool_free(item->spool);
	item->spool = NULL;
	close_fd(&item->source.fd);
	close_fd(&item->spool_fd);
	close_fd(&item->index_fd);
}

void
strip_layers_free(struct strip_layers *l)
{
	size_t i;

	for (i = 0; i < l->count; i++) {
		strip_layers_clear(l, &l->items[i]);
		layer_index_free(l->indexes[i]);
	}
	free(l->results);
	free(l->items);
	free(l->sizes);
	free(l->indexes);
	free(l->emitted);
	free(l);
}

struct layer_index **
strip_layers_indexes(const struct strip_layers *l)
{
	return l->indexes;
}

const struct layer_emitted **
strip_layers_emitted(const struct strip_layers *l)
{
	return l->emitted;
}

static int
wrap_layer(const struct strip_layers *l, size_t i, struct err *e)
{
	char buf[DIGEST_TEXT];

	return err_wrap(
	    e, "layer %s", digest_format(&l->manifest->layers[i].digest, buf));
}

int
strip_layers_open(struct strip_layers *l, size_t i, struct err *e)
{
	struct strip_layer *item = &l->items[i];

	close_fd(&item->spool_fd);
	if (input_open_layer(l->strip->input, &l->manifest->layers[i],
		&item->source, e) == -1) {
		item->source.fd = -1;
		return -1;
	}
	return fsutil_open_unlinked(l->strip->to->dir, &item->spool_fd, e);
}

static int
start_reading(void *arg, size_t i, struct err *e)
{
	struct strip_layers *l = arg;

	if (strip_layers_open(l, i, e) == -1)
		return -1;
	return fsutil_open_unlinked(
	    l->strip->to->dir, &l->items[i].index_fd, e);
}

/* Libraries may be needed by what is kept, whatever the rules say. */
static enum spool_want
want_content(void *arg, const struct layer_entry *entry)
{
	return policy_guess(arg, entry->path) ? SPOOL_YES : SPOOL_IF_LIKELY;
}

static int
read_layer(void *arg, size_t i, struct err *e)
{
	struct strip_layers *l = arg;
	struct strip_layer *item = &l->items[i];
	auto_policy_guess struct policy_guess *guess =
	    policy_guess_new(l->strip->policy);
	const struct spool_filter filter = {want_content, guess};
	auto_spool struct spool *spool = spool_new(item->spool_fd);
	auto_layer_index struct layer_index *index = NULL;

	if (layer_index_read(&item->source, &filter, spool, &index, e) == -1 ||
	    spool_finish(spool, e) == -1 ||
	    layer_index_write(index, item->index_fd, e) == -1)
		return wrap_layer(l, i, e);
	return 0;
}

static int
take_index(void *arg, size_t i, struct err *e)
{
	struct strip_layers *l = arg;
	struct strip_layer *item = &l->items[i];
	auto_free char *text = NULL;
	size_t len;

	if (fsutil_read_fd(item->index_fd, "index", LIMIT_LAYER_INDEX_SIZE,
		&text, &len, e) == -1 ||
	    layer_index_parse(&text, len, &l->indexes[i], e) == -1 ||
	    spool_load(item->spool_fd, &item->spool, e) == -1)
		return wrap_layer(l, i, e);
	close_fd(&item->index_fd);
	close_fd(&item->source.fd);
	return 0;
}

int
strip_layers_read(struct strip_layers *l, struct err *e)
{
	const struct tasks tasks = {.count = l->count,
	    .sizes = l->sizes,
	    .arg = l,
	    .start = start_reading,
	    .run = read_layer,
	    .finish = take_index};
	auto_progress struct progress *progress =
	    progress_new("reading", input_layers_size(l->manifest));
	size_t i;
	int r;

	for (i = 0; i < l->count; i++)
		l->sizes[i] = l->manifest->layers[i].size;
	l->strip->input->progress = progress;
	r = tasks_run(&tasks, e);
	l->strip->input->progress = NULL;
	return r;
}
