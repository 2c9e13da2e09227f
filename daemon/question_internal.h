/*
 * question_internal: a question as its parts see it (files question*.c).
 */
#ifndef WINNOW_DAEMON_QUESTION_INTERNAL_H
#define WINNOW_DAEMON_QUESTION_INTERNAL_H

#include "list_page.h"
#include "names.h"
#include "question.h"
#include "source_job.h"

enum question_kind { ASK_MANIFEST, ASK_BLOB, ASK_TAGS, ASK_REFERRERS, ASK_MAP };

struct question {
	TAILQ_ENTRY(question) entry;
	struct context *context;
	struct questions *all;
	uint64_t id;
	enum question_kind kind;
	char *name;
	char *reference;
	bool by_digest;
	struct digest digest; /* by_digest */
	struct list_page page; /* of a list */
	char *last, *artifact_type; /* what it points to */
	char request[FLIGHT_ASKER]; /* its id in the access log, or "" */
	struct names_target target;
	char *source_name; /* HOST/REPOSITORY */
	struct source source;
	struct flight_waiter waiter;
	struct event *timer;
	unsigned steps;
	bool resolving; /* waits for what the tag stands for */
	bool resolved; /* asked upstream about the tag */
	bool fetched; /* asked upstream for the manifest, or the list */
	struct err resolve_error;
	bool stale;
	bool passes; /* a source, under a name that has a policy */
	bool rebuilt; /* what was evicted */
	bool coming; /* the server was told to send the blob as it comes */
	uint64_t size; /* of the blob */
	question_send send;
	void *arg;
};

/* Ends the question with an answer (taken), or an error. */
void question_answer(struct question *q, json_t *body);
void question_answer_error(
    struct question *q, const struct err *e, const char *what);

/* For the log: the id of the request, or NULL. */
const char *question_request(const struct question *q);

/* An answer about a manifest or (`media_type` NULL) a blob in the store. */
void question_answer_object(struct question *q, const struct digest *digest,
    const char *media_type, uint64_t size, int64_t checked_ms);

/* Refuses what would need more work while too much is under way. */
bool question_is_refused(struct question *q);
/* True when an old answer beats resolve_error. */
bool question_excuses_stale(const struct question *q);
/* True when a source with this digest may be served under a stripped name. */
bool question_digest_passes(const struct question *q);

/*
 * Has what was evicted of a variant, and asked for by digest, made again:
 * true when the question waits for that or is answered.  Once per question.
 */
bool question_rebuild(struct question *q);

/* Remembers that upstream has no such tag. */
void question_note_miss(struct question *q, const struct err *e);

/*
 * True when a variant's blob has vanished from the store, which no upstream
 * has; and its answer: the next pull has the variant built again, with the
 * same bytes.
 */
bool question_blob_is_lost(const struct question *q, const struct err *e);
void question_answer_lost(struct question *q);

/* The steps: for a manifest, a blob, tags or referrers, the map. */
void question_step_manifest(struct question *q);
void question_step_blob(struct question *q);
void question_step_list(struct question *q);
void question_step_map(struct question *q);

#endif
