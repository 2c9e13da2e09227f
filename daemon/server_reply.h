/*
 * server_reply: writes the replies of a server with exactly the headers that
 * clients need (distribution-spec; the same on HEAD and GET).  Each function
 * but reply_blob() sends its reply whatever happens.
 */
#ifndef WINNOW_DAEMON_SERVER_REPLY_H
#define WINNOW_DAEMON_SERVER_REPLY_H

#include <jansson.h>

#include "answers.h"
#include "oci_error.h"
#include "server_exchange.h"

/* A manifest, out of the answer's data. */
void reply_manifest(struct exchange *x, struct answer *a);

/*
 * A blob, or the range of it that was asked for, by sendfile.  Returns false
 * when the store does not have all of it (any more): nothing was sent.
 */
bool reply_blob(struct exchange *x, struct answer *a);

/*
 * The head of the reply for a blob whose bytes follow as they come: `length`
 * of them from `first`.  False when nothing follows (HEAD, 304, 416).
 */
bool reply_blob_start(struct exchange *x, const struct answer *a,
    uint64_t *first, uint64_t *length);

/* Logs why a blob cannot be read, and replies that it cannot. */
void reply_blob_failed(struct exchange *x, const struct err *e);

/* A JSON document, borrowed; `media_type` NULL means application/json. */
void reply_json(struct exchange *x, const json_t *body, const char *media_type);

/*
 * A page of tags (strings) or referrers (descriptors); `more`: the list goes
 * on.  `warning` is a Warning header, or NULL.
 */
void
reply_tags(struct exchange *x, json_t *tags, bool more, const char *warning);
void reply_referrers(
    struct exchange *x, json_t *descriptors, bool more, const char *warning);

/* An error body; `retry_after_s` 0 means winnow's own choice. */
void reply_error(struct exchange *x, const struct err *error,
    enum oci_subject subject, uint64_t retry_after_s);

#endif
