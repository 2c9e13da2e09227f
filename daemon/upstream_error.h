/*
 * upstream_error: what an upstream's refusal means.  Core only.
 */
#ifndef WINNOW_DAEMON_UPSTREAM_ERROR_H
#define WINNOW_DAEMON_UPSTREAM_ERROR_H

#include "http_client.h"
#include "winnow/strbuf.h"

/* What of a refusal's body is read: enough for its first error. */
#define UPSTREAM_ERROR_BODY_MAX 16384

/*
 * Fills *e for a response that is no success: `who` ("registry") answered
 * with a status.  `body` is what came with it; the first error message in it
 * is quoted, escaped.  Returns -1.
 */
int upstream_error_set(struct err *e, const char *who,
    const struct http_response *r, const struct strbuf *body);

#endif
