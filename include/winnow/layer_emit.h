/*
 * layer_emit: a derived layer out of a layer plan.
 *
 * The canonical form (DESIGN section 3): ustar headers, pax records only
 * where ustar cannot say it (long or non-ASCII names, large numbers,
 * sub-second times, SCHILY.xattr.*), entries in the plan's order, one gzip
 * member without name or time.  The same plan and contents give the same
 * bytes.
 */
#ifndef WINNOW_LAYER_EMIT_H
#define WINNOW_LAYER_EMIT_H

#include "winnow/gzip_write.h"
#include "winnow/layer_index.h"

/*
 * Changes whenever the same plan would give other bytes.  Part of the key of
 * derived layers and variants.
 */
#define LAYER_EMIT_VERSION 5

/* What decides the bytes beside plan and contents: the version, as text. */
const char *layer_emit_form(void);

struct layer_emitted {
	struct digest digest; /* of the gzip blob */
	uint64_t size; /* of the gzip blob */
	struct digest diff_id; /* of the tar archive */
	uint64_t tar_size;
};

/*
 * Writes the layer to `out_fd` (from its offset 0).  Contents come from the
 * entry itself (`content`) or from `spool` by ordinal.  ERR_NOT_FOUND when
 * the spool lacks a content: layer_plan_missing() told so before.
 */
int layer_emit(const struct layer_index *plan, const struct spool *spool,
    int out_fd, struct layer_emitted *out, struct err *e);

/*
 * The same bytes from several processes: one hashes the archive, `count` of
 * them each compress a part to out->fd, a file of its own (from its offset 0);
 * the blob is joined of the parts (gzip_write_join()), and ended here.
 */
struct layer_archive {
	struct digest diff_id;
	struct gzip_content content;
};
int layer_emit_archive(const struct layer_index *plan,
    const struct spool *spool, struct layer_archive *out, struct err *e);
int layer_emit_part(const struct layer_index *plan, const struct spool *spool,
    size_t part, size_t count, struct gzip_part *out, struct err *e);
int layer_emit_joined(const struct layer_archive *archive,
    struct gzip_write *blob, struct layer_emitted *out, struct err *e);

/* How many contents of the plan the spool (or NULL) does not hold. */
uint32_t
layer_plan_missing(const struct layer_index *plan, const struct spool *spool);

/*
 * Reads the source layer again for just the contents of the plan: fills
 * `spool`.  The digest is verified as in layer_index_read().
 */
int layer_plan_extract(const struct layer_index *plan,
    const struct blob_source *source, struct spool *spool, struct err *e);

/*
 * The key of a derived layer: LAYER_EMIT_VERSION, the source layer's digest
 * and the serialized plan, hashed.
 */
void layer_plan_key(const struct digest *source_layer, const void *plan,
    size_t plan_len, struct digest *key);

#endif
