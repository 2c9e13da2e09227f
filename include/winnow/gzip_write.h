/*
 * gzip_write: one gzip member (RFC 1952), written as its bytes come.
 *
 * No time, no name, operating system 255 (unknown): the same bytes in give
 * the same bytes out, always.  Memory is bounded by GZIP_CHUNK.
 */
#ifndef WINNOW_GZIP_WRITE_H
#define WINNOW_GZIP_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "winnow/auto.h"
#include "winnow/digest.h"
#include "winnow/err.h"

/*
 * What is compressed at once.  Nothing is matched across two chunks, which
 * costs one byte in 400; and two buffers of it are all that a worker needs.
 * Part of the output: see LAYER_EMIT_VERSION.
 */
#define GZIP_CHUNK ((size_t)1 << 20)

struct gzip_write;

/* Writes to `fd` (borrowed) at its position. */
struct gzip_write *gzip_write_new(int fd);
void gzip_write_free(struct gzip_write *w);

AUTO_DEFINE(gzip_write, gzip_write_free)
#define auto_gzip_write __attribute__((cleanup(auto_gzip_write_cleanup)))

int gzip_write_add(
    struct gzip_write *w, const void *data, size_t len, struct err *e);

/*
 * The same without a copy: where the next bytes go, at least one and at most
 * *len of them; and how many were put there.
 */
int
gzip_write_room(struct gzip_write *w, void **room, size_t *len, struct err *e);
void gzip_write_filled(struct gzip_write *w, size_t len);

/* Ends the member: digest and size of all that was written. */
int gzip_write_finish(
    struct gzip_write *w, struct digest *digest, uint64_t *size, struct err *e);

/*
 * A member in parts, which several processes compress.  Each is given whole
 * chunks of the content, in order, the last one also what is less than a
 * chunk.  gzip_write_finish_part() returns the size that it wrote to its file.
 */
struct gzip_write *gzip_write_new_part(int fd);
int gzip_write_finish_part(
    struct gzip_write *w, bool last, uint64_t *size, struct err *e);

/* A part, from offset 0 of its file; and what all parts together hold. */
struct gzip_part {
	int fd;
	uint64_t size;
};
struct gzip_content {
	uint64_t size;
	uint32_t crc;
};

/* The CRC-32 of RFC 1952, continued; 0 at the beginning. */
uint32_t gzip_crc(uint32_t crc, const void *data, size_t len);

/*
 * The member that gzip_write_finish() would have ended, out of its parts: in
 * order, each as soon as it is there; one at least.
 */
struct gzip_write *gzip_write_new_joined(int fd);
int gzip_write_join(
    struct gzip_write *w, const struct gzip_part *part, struct err *e);
int gzip_write_finish_joined(struct gzip_write *w,
    const struct gzip_content *content, struct digest *digest, uint64_t *size,
    struct err *e);

#endif
