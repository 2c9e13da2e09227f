/* Fuzz target: a layer, with every content spooled. */
#include <locale.h>
#include <stddef.h>
#include <stdint.h>

#include "winnow/fsutil.h"
#include "winnow/layer_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum spool_want
want_all(void *arg, const struct layer_entry *entry)
{
	(void)arg;
	(void)entry;
	return SPOOL_YES;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct spool_filter filter = {want_all, NULL};
	struct blob_source source = {.progress_fd = -1, .size = size};
	auto_layer_index struct layer_index *index = NULL;
	auto_spool struct spool *spool = NULL;
	auto_fd int fd = -1, spool_file = -1;
	struct err e;

	setlocale(LC_CTYPE, "C.UTF-8");
	if (fsutil_open_memory("fuzz", &fd, &e) == -1 ||
	    fsutil_open_memory("spool", &spool_file, &e) == -1 ||
	    fsutil_write_all(fd, data, size, &e) == -1)
		return 0;
	source.fd = fd;
	digest_of(data, size, &source.digest);
	spool = spool_new(spool_file);
	if (layer_index_read(&source, &filter, spool, &index, &e) == 0)
		spool_finish(spool, &e);
	return 0;
}
