/* Blobs for the tests of inflate and of layers. */
#ifndef WINNOW_TEST_BLOB_H
#define WINNOW_TEST_BLOB_H

#include "winnow/inflate.h"
#include "winnow/strbuf.h"

/* Appends the bytes as one gzip member, or one zstd frame. */
void blob_add_gzip(struct strbuf *out, const void *data, size_t len);
void blob_add_zstd(struct strbuf *out, const void *data, size_t len);

/* A complete blob of these bytes in a memory file; close source->fd. */
void blob_open(const void *data, size_t len, struct blob_source *source);

#endif
