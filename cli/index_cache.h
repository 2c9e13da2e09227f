/*
 * index_cache: layer indexes that were read before, by the layer's digest:
 * $XDG_CACHE_HOME/winnow/index/HEX.VERSION, ~/.cache without the variable.
 *
 * A cache is never needed and never trusted: a file that is damaged, of
 * another version, of another layer or of another user is as good as none,
 * and is replaced.  What cannot be written is not written.
 */
#ifndef WINNOW_CLI_INDEX_CACHE_H
#define WINNOW_CLI_INDEX_CACHE_H

#include <stdbool.h>

#include "winnow/layer_index.h"

/* False when the cache has no good index of this layer. */
bool index_cache_read(const struct digest *layer, struct layer_index **out);

/* Stores one; others that nobody read for long are removed. */
void
index_cache_write(const struct digest *layer, const struct layer_index *index);

#endif
