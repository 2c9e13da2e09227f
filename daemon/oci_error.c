#include "oci_error.h"

#include <string.h>

#define ANY OCI_SUBJECTS

/*
 * The first row that fits counts.  Docker and podman show the message of a
 * 4xx only: what an image or its policy makes impossible for good is 403, so
 * that people see why; what may pass is 5xx or 429.
 */
static const struct {
	enum err_code code;
	enum oci_subject subject;
	struct oci_error error;
} rows[] = {
    {ERR_NOT_FOUND, OCI_SUBJECT_REPOSITORY, {404, "NAME_UNKNOWN"}},
    {ERR_NOT_FOUND, OCI_SUBJECT_MANIFEST, {404, "MANIFEST_UNKNOWN"}},
    {ERR_NOT_FOUND, OCI_SUBJECT_BLOB, {404, "BLOB_UNKNOWN"}},
    {ERR_NOT_FOUND, OCI_SUBJECT_ENDPOINT, {404, "UNSUPPORTED"}},
    {ERR_UNSUPPORTED, OCI_SUBJECT_METHOD, {405, "UNSUPPORTED"}},
    {ERR_INVALID, OCI_SUBJECT_METHOD, {400, "UNSUPPORTED"}},
    {ERR_INVALID, OCI_SUBJECT_REPOSITORY, {400, "NAME_INVALID"}},
    {ERR_INVALID, OCI_SUBJECT_DIGEST, {400, "DIGEST_INVALID"}},
    {ERR_INVALID, OCI_SUBJECT_PAGE, {400, "PAGINATION_NUMBER_INVALID"}},
    {ERR_UNAUTHORIZED, OCI_SUBJECT_CLIENT, {401, "UNAUTHORIZED"}},
    {ERR_BUSY, OCI_SUBJECT_SERVER, {503, "UNAVAILABLE"}},
    {ERR_BUSY, ANY, {429, "TOOMANYREQUESTS"}},
    {ERR_RATE_LIMIT, ANY, {429, "TOOMANYREQUESTS"}},
    {ERR_DENIED, ANY, {403, "DENIED"}},
    {ERR_UNAUTHORIZED, ANY, {403, "DENIED"}},
    {ERR_POLICY, ANY, {403, "DENIED"}},
    {ERR_INVALID, ANY, {403, "DENIED"}},
    {ERR_LIMIT, ANY, {403, "DENIED"}},
    {ERR_UNSUPPORTED, ANY, {403, "DENIED"}},
    {ERR_DIGEST, ANY, {502, "UNAVAILABLE"}},
    {ERR_UPSTREAM, ANY, {502, "UNAVAILABLE"}},
    {ERR_TIMEOUT, ANY, {504, "UNAVAILABLE"}},
};

struct oci_error
oci_error_find(enum err_code code, enum oci_subject subject)
{
	static const struct oci_error unknown = {500, "UNKNOWN"};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].code == code &&
		    (rows[i].subject == subject || rows[i].subject == ANY))
			return rows[i].error;
	return unknown;
}

enum oci_subject
oci_subject_parse(const char *name)
{
	if (strcmp(name, "repository") == 0)
		return OCI_SUBJECT_REPOSITORY;
	if (strcmp(name, "blob") == 0)
		return OCI_SUBJECT_BLOB;
	return OCI_SUBJECT_MANIFEST;
}
