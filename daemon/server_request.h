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
	REQUEST_REFERRERS,
	REQUEST_MAP /* winnow's own: which variant stands for a digest */
};

/* A digest by any algorithm that is registered: sha512 takes 135 bytes. */
#define REQUEST_REFERENCE 160
/* RFC 6838 lets a media type have two names of 127 bytes. */
#define REQUEST_ARTIFACT_TYPE 255

struct request {
	enum request_kind kind;
	char repository[LIMIT_REPOSITORY + 1];
	char
	    reference[REQUEST_REFERENCE + 1]; /* tag or digest; "" for a list */
	bool foreign_digest; /* referrers: by an algorithm nothing here has */
	char ns[LIMIT_REPOSITORY + 1]; /* the upstream's host, or "" */
	/* Lists: at most `n` behind `last`, of that type ("": any). */
	bool has_n;
	uint64_t n;
	char last[REQUEST_REFERENCE + 1]; /* a tag or digest */
	char artifact_type[REQUEST_ARTIFACT_TYPE + 1];
};

/*
 * Parses a request target, in origin or absolute form.  On failure *subject
 * says what is wrong.  Clients escape nothing but the colon of a digest: any
 * other `%` is refused.
 */
int request_parse(const char *whole, struct request *out,
    enum oci_subject *subject, struct err *e);

/* The name that core knows the kind by: "manifest", "blob", ... */
const char *request_kind_name(enum request_kind kind);

#endif
