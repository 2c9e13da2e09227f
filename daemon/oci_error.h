/*
 * oci_error: how winnow's errors look to a registry client: the HTTP status
 * and the error code of the distribution specification ("Error Codes").  The
 * only place where one becomes the other.
 */
#ifndef WINNOW_DAEMON_OCI_ERROR_H
#define WINNOW_DAEMON_OCI_ERROR_H

#include "winnow/err.h"

/* What the client asked for, or the part of its request that is wrong. */
enum oci_subject {
	OCI_SUBJECT_REPOSITORY,
	OCI_SUBJECT_MANIFEST,
	OCI_SUBJECT_BLOB,
	OCI_SUBJECT_DIGEST, /* its syntax */
	OCI_SUBJECT_PAGE, /* the `n` of a list */
	OCI_SUBJECT_METHOD,
	OCI_SUBJECT_ENDPOINT, /* a path that winnow does not serve */
	OCI_SUBJECT_CLIENT, /* who it says it is */
	OCI_SUBJECT_SERVER, /* the server itself is full */
	OCI_SUBJECTS
};

struct oci_error {
	int status; /* HTTP */
	const char *code; /* "MANIFEST_UNKNOWN" */
};

/* Never fails: what has no row of its own is 500 UNKNOWN. */
struct oci_error oci_error_find(enum err_code code, enum oci_subject subject);

/* "repository", "manifest" or "blob"; anything else is a manifest. */
enum oci_subject oci_subject_parse(const char *name);

#endif
