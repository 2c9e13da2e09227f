/*
 * tar_write: the canonical headers of a layer's entries (layer_emit.h).
 *
 * POSIX ustar, preceded by a pax extended header where ustar cannot say it
 * exactly (POSIX.1-2017 pax, "ustar Interchange Format", "pax Extended
 * Header").  Not libarchive's writer: what that makes of an entry may change
 * from version to version, and with it the digests that winnow publishes.
 */
#ifndef WINNOW_TAR_WRITE_H
#define WINNOW_TAR_WRITE_H

#include "winnow/layer_index.h"

#define TAR_BLOCK 512
/* Two blocks of zeros end an archive. */
#define TAR_END (2 * TAR_BLOCK)

/*
 * More than the headers of any one entry: path, link, and extended attributes
 * up to their limits, with what frames them.
 */
#define TAR_HEADER_MAX (1u << 20)

/*
 * Appends the headers of `entry`, whole blocks.  A file's contents follow,
 * padded by tar_padding() zeros.  ERR_UNSUPPORTED for what a tar archive
 * cannot hold (device numbers above 2097151, "=" in the name of an extended
 * attribute), ERR_LIMIT for attributes past LIMIT_XATTRS.
 */
int tar_write_header(
    const struct layer_entry *entry, struct strbuf *out, struct err *e);

/* Zeros behind contents of this size. */
size_t tar_padding(uint64_t size);

#endif
