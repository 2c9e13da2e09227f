/*
 * server_request: what a client asks for, out of the raw target of its
 * request line, checked against the grammar (distribution-spec, "Endpoints").
 */
#ifndef WINNOW_DAEMON_SERVER_REQUEST_H
#define WINNOW_DAEMON_SERVER_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "oci_error.h"
#include "winnow/digest.h"
#include "winnow/err.h"
#include "winnow/limits.h"

enum request_kind {
	REQUEST_PING,
	REQUEST_MANIFEST,
	REQUEST_BLOB,
	REQUEST_TAGS,
	REQUEST_REFERRERS
};

struct request {
	enum request_kind kind;
	char repository[LIMIT_REPOSITORY + 1];
	char reference[LIMIT_TAG + 1]; /* tag or digest; "" for a list */
	char ns[LIMIT_REPOSITORY + 1]; /* the upstream's host, or "" */
	/* Tags: at most `n` that sort behind `last`. */
	bool has_n;
	uint64_t n;
	char last[LIMIT_TAG + 1];
};

/*
 * Parses a request target.  On failure *subject says what is wrong.  Clients
 * escape nothing but the colon of a digest: any other `%` is refused.
 */
int request_parse(const char *target, struct request *out,
    enum oci_subject *subject, struct err *e);

/* The name that core knows the kind by: "manifest", "blob", "tags". */
const char *request_kind_name(enum request_kind kind);

#endif
