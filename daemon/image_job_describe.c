/* How far an image job has come, for people. */
#include "image_job_internal.h"
#include "winnow/num.h"

/* "reading layers: 3 of 7, 120 of 340 MiB from docker.io" */
static void
describe_fetches(const struct image_job *j, struct strbuf *out)
{
	uint64_t have = 0, total = 0;
	char have_text[32], total_text[32];
	size_t i, read = 0;

	for (i = 0; i < j->layer_count; i++) {
		const struct layer_work *l = &j->layers[i];

		read += l->state >= LAYER_INDEXED;
		if (l->fetch == NULL)
			continue;
		have += blob_fetch_received(l->fetch);
		total += l->layer->size;
	}
	strbuf_add_format(
	    out, "reading layers: %zu of %zu", read, j->layer_count);
	if (total > 0)
		strbuf_add_format(out, ", %s of %s from %s",
		    num_format_size(have, have_text),
		    num_format_size(total, total_text), j->upstream->host);
}

/* How many of its jobs no worker has taken yet. */
static size_t
count_queued(const struct image_job *j)
{
	size_t i, n = j->worker != NULL && worker_job_is_queued(j->worker);

	for (i = 0; i < j->layer_count; i++)
		n += j->layers[i].worker != NULL &&
		    worker_job_is_queued(j->layers[i].worker);
	return n;
}

void
image_job_describe(const struct image_job *j, struct strbuf *out)
{
	size_t i, done = 0, queued = count_queued(j);

	switch (j->state) {
	case IMAGE_FETCH:
		describe_fetches(j, out);
		break;
	case IMAGE_PLAN:
		strbuf_add_string(out, "choosing files");
		break;
	case IMAGE_EMIT:
		for (i = 0; i < j->layer_count; i++)
			done +=
			    j->dropped[i] || j->layers[i].state == LAYER_DONE;
		strbuf_add_format(
		    out, "writing layers: %zu of %zu", done, j->layer_count);
		break;
	case IMAGE_ASSEMBLE:
		strbuf_add_string(out, "writing config and manifest");
		break;
	case IMAGE_DONE:
		strbuf_add_string(out, "done");
		break;
	}
	if (queued > 0)
		strbuf_add_format(out, " (%zu waiting for a worker)", queued);
}
