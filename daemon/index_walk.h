/*
 * index_walk: which images an index holds, and for which platforms: its own
 * entries, those of the indexes in it, and entries that name no platform, of
 * which their configs say it (image-spec, image-index.md).
 *
 * Core only.  What upstream lacks of it is left out: an index may list more
 * than a registry has.  Attestations are no images.
 */
#ifndef WINNOW_DAEMON_INDEX_WALK_H
#define WINNOW_DAEMON_INDEX_WALK_H

#include "source_job.h"
#include "winnow/oci.h"

struct index_walk;

/*
 * Walks through `top`, which must outlive the walk, as must the strings of
 * `s`.  `done` is called once, from the loop.
 */
struct index_walk *index_walk_start(struct job_env *env, const struct source *s,
    const struct oci_manifest *top,
    void (*done)(void *arg, const struct err *e), void *arg);
/* The request that it is for, for the log: NULL, or as long as the walk. */
void index_walk_set_asker(struct index_walk *w, const char *asker);
/* Also while it is under way: then `done` is not called. */
void index_walk_free(struct index_walk *w);

/*
 * Once it is done: the entry of the first image for a platform, or NULL; it
 * lives as long as the walk.
 */
const struct oci_descriptor *
index_walk_find(const struct index_walk *w, const struct oci_platform *want);
/* And what it has, for a message: "linux/amd64, linux/arm/v7". */
void index_walk_list_platforms(const struct index_walk *w, struct strbuf *out);

#endif
