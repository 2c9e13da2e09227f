/*
 * answers: what core answered, remembered by a server so that a hit costs no
 * question and, for manifests, no file access.  Bounded by count and bytes;
 * the least recently used go first.  One per server process.
 */
#ifndef WINNOW_DAEMON_ANSWERS_H
#define WINNOW_DAEMON_ANSWERS_H

#include <stddef.h>
#include <stdint.h>

#include "winnow/auto.h"
#include "winnow/digest.h"

/* A counted answer, immutable but for `noted`: the table and replies under
 * way share it. */
struct answer {
	unsigned refs;
	struct digest digest;
	char etag[DIGEST_TEXT + 2]; /* the digest in quotes */
	uint64_t size;
	char *media_type; /* manifests; else NULL */
	char *warning; /* value of a Warning header, or NULL */
	char *data; /* manifests: `size` bytes; else NULL */
	uint64_t noted; /* when its use was last reported to core */
};

struct answer *answer_new(void);
struct answer *answer_ref(struct answer *a);
void answer_unref(struct answer *a);
int answer_set_digest(struct answer *a, const char *text, struct err *e);

AUTO_DEFINE(answer, answer_unref)
#define auto_answer __attribute__((cleanup(auto_answer_cleanup)))

struct answers;

struct answers *answers_new(size_t max_count, size_t max_bytes);
void answers_free(struct answers *t);

/*
 * The answer to the question `key`, borrowed, or NULL.  `now` and `until` are
 * milliseconds of one monotonic clock.
 */
struct answer *answers_find(struct answers *t, const char *key, uint64_t now);
/* Remembers `a` (counted) in place of any older answer. */
void answers_put(
    struct answers *t, const char *key, struct answer *a, uint64_t until);
void answers_drop(struct answers *t, const char *key);
void answers_clear(struct answers *t);

#endif
