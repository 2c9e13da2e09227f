#include "blob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

#include "winnow/fsutil.h"
#include "winnow/mem.h"

void
blob_add_gzip(struct strbuf *out, const void *data, size_t len)
{
	z_stream z = {0};
	auto_free unsigned char *bytes = NULL;
	uLong bound;

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, MAX_WBITS + 16, 8,
			     Z_DEFAULT_STRATEGY),
	    Z_OK);
	bound = deflateBound(&z, len);
	bytes = mem_alloc(bound);
	z.next_in = (z_const Bytef *)(uintptr_t)data;
	z.avail_in = (uInt)len;
	z.next_out = bytes;
	z.avail_out = (uInt)bound;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	strbuf_add(out, bytes, z.total_out);
	deflateEnd(&z);
}

void
blob_add_zstd(struct strbuf *out, const void *data, size_t len)
{
	size_t bound = ZSTD_compressBound(len), used;
	auto_free unsigned char *bytes = mem_alloc(bound);

	used = ZSTD_compress(bytes, bound, data, len, 3);
	assert_false(ZSTD_isError(used));
	strbuf_add(out, bytes, used);
}

void
blob_open(const void *data, size_t len, struct blob_source *source)
{
	struct err e;

	*source = (struct blob_source){.progress_fd = -1, .size = len};
	assert_int_equal(fsutil_open_memory("blob", &source->fd, &e), 0);
	assert_int_equal(fsutil_write_all(source->fd, data, len, &e), 0);
	digest_of(data, len, &source->digest);
}
