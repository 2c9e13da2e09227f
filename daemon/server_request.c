#include "server_request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "winnow/auto.h"
#include "winnow/mem.h"
#include "winnow/num.h"
#include "winnow/ref.h"

/* Longer targets cannot be valid: name, reference and query with room. */
#define TARGET_MAX 4096

/* The endpoints below /v2/NAME; the last component is empty for a list. */
static const struct {
	const char *name;
	enum request_kind kind;
} endpoints[] = {
    {"manifests", REQUEST_MANIFEST},
    {"blobs", REQUEST_BLOB},
    {"referrers", REQUEST_REFERRERS},
    {"tags", REQUEST_TAGS},
};

const char *
request_kind_name(enum request_kind kind)
{
	switch (kind) {
	case REQUEST_MANIFEST:
		return "manifest";
	case REQUEST_BLOB:
		return "blob";
	case REQUEST_TAGS:
		return "tags";
	case REQUEST_REFERRERS:
		return "referrers";
	case REQUEST_MAP:
		return "map";
	case REQUEST_PING:
		break;
	}
	return "none";
}

/* Copies `len` bytes as a string; false when there is no room. */
static bool
copy_text(char *out, size_t room, const char *s, size_t len)
{
	if (len >= room)
		return false;
	memcpy(out, s, len);
	out[len] = '\0';
	return true;
}

/* Writes `s` with %3A decoded; false when it does not fit or escapes more. */
static bool
decode_colons(const char *s, size_t len, char *out, size_t room)
{
	size_t used = 0;

	while (len > 0) {
		size_t step = 1;
		char c = *s;

		if (c == '%') {
			if (len < 3 || strncasecmp(s, "%3a", 3) != 0)
				return false;
			c = ':';
			step = 3;
		}
		if (used + 1 >= room)
			return false;
		out[used++] = c;
		s += step;
		len -= step;
	}
	out[used] = '\0';
	return true;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes a value of the query; false unless it is printable and fits. */
static bool
decode_value(const char *s, char *out, size_t room)
{
	size_t used = 0;

	for (; *s != '\0'; s++) {
		int c = (unsigned char)*s;

		if (c == '%') {
			if (hex_value(s[1]) == -1 || hex_value(s[2]) == -1)
				return false;
			c = hex_value(s[1]) << 4 | hex_value(s[2]);
			s += 2;
		}
		if (c <= ' ' || c > '~' || used + 1 >= room)
			return false;
		out[used++] = (char)c;
	}
	out[used] = '\0';
	return true;
}

static int
unknown_endpoint(enum oci_subject *subject, struct err *e)
{
	*subject = OCI_SUBJECT_ENDPOINT;
	return err_set(e, ERR_NOT_FOUND, "no such endpoint");
}

static int
parse_digest(const char *s, size_t len, struct request *out,
    enum oci_subject *subject, struct err *e)
{
	struct digest digest;

	*subject = OCI_SUBJECT_DIGEST;
	if (!decode_colons(s, len, out->reference, sizeof(out->reference)))
		return err_set(e, ERR_INVALID, "malformed digest");
	if (digest_parse(out->reference, &digest, e) == 0)
		return 0;
	if (e->code != ERR_UNSUPPORTED)
		return -1;
	/* Well-formed, but of an algorithm that nothing here is stored by. */
	if (out->kind == REQUEST_REFERRERS) {
		out->foreign_digest = true;
		return 0;
	}
	*subject =
	    out->kind == REQUEST_BLOB ? OCI_SUBJECT_BLOB : OCI_SUBJECT_MANIFEST;
	e->code = ERR_NOT_FOUND;
	return -1;
}

static int
parse_reference(const char *s, size_t len, struct request *out,
    enum oci_subject *subject, struct err *e)
{
	char text[REQUEST_REFERENCE + 1];

	if (out->kind == REQUEST_TAGS)
		return len == 4 && memcmp(s, "list", 4) == 0
		    ? 0
		    : unknown_endpoint(subject, e);
	if (out->kind != REQUEST_MANIFEST ||
	    (decode_colons(s, len, text, sizeof(text)) &&
		strchr(text, ':') != NULL))
		return parse_digest(s, len, out, subject, e);
	/* An impossible tag is an unknown one: the conformance suite asks. */
	*subject = OCI_SUBJECT_MANIFEST;
	if (!copy_text(out->reference, sizeof(out->reference), s, len) ||
	    !ref_is_tag(out->reference))
		return err_set(e, ERR_NOT_FOUND, "no such tag");
	return 0;
}

/*
 * Splits NAME/ENDPOINT/REFERENCE.  From the right, because a name may have
 * "manifests" or "blobs" among its components.
 */
static int
parse_path(const char *s, size_t len, struct request *out,
    enum oci_subject *subject, struct err *e)
{
	const char *reference, *endpoint;
	size_t i;

	reference = memrchr(s, '/', len);
	if (reference == NULL && len == 8 && memcmp(s, "_catalog", 8) == 0) {
		*subject = OCI_SUBJECT_ENDPOINT;
		return err_set(e, ERR_NOT_FOUND,
		    "there is no catalog: this proxy serves what its upstreams "
		    "have");
	}
	if (reference == NULL)
		return unknown_endpoint(subject, e);
	endpoint = memrchr(s, '/', (size_t)(reference - s));
	if (endpoint == NULL)
		return unknown_endpoint(subject, e);
	for (i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
		size_t n = strlen(endpoints[i].name);

		if ((size_t)(reference - endpoint) == n + 1 &&
		    memcmp(endpoint + 1, endpoints[i].name, n) == 0)
			break;
	}
	if (i == sizeof(endpoints) / sizeof(endpoints[0]))
		return unknown_endpoint(subject, e);
	out->kind = endpoints[i].kind;
	*subject = OCI_SUBJECT_REPOSITORY;
	if (!ref_is_repository_n(s, (size_t)(endpoint - s)) ||
	    !copy_text(out->repository, sizeof(out->repository), s,
		(size_t)(endpoint - s)))
		return err_set(e, ERR_INVALID, "invalid repository name");
	return parse_reference(
	    reference + 1, (size_t)(s + len - reference - 1), out, subject, e);
}

static int
parse_ns(const char *value, struct request *out, enum oci_subject *subject,
    struct err *e)
{
	*subject = OCI_SUBJECT_REPOSITORY;
	if (decode_value(value, out->ns, sizeof(out->ns)) &&
	    ref_is_host(out->ns))
		return 0;
	return err_set(e, ERR_INVALID, "ns is not the name of a host");
}

static int
parse_n(const char *value, struct request *out, enum oci_subject *subject,
    struct err *e)
{
	*subject = OCI_SUBJECT_PAGE;
	out->has_n = true;
	if (num_parse(value, 0, UINT32_MAX, "n", &out->n, e) == 0)
		return 0;
	e->code = ERR_INVALID;
	return -1;
}

static int
parse_last(const char *value, struct request *out, enum oci_subject *subject,
    struct err *e)
{
	*subject = OCI_SUBJECT_PAGE;
	if (decode_value(value, out->last, sizeof(out->last)))
		return 0;
	return err_set(e, ERR_INVALID,
	    "last is longer than %d characters, or not printable",
	    REQUEST_REFERENCE);
}

static int
parse_artifact_type(const char *value, struct request *out,
    enum oci_subject *subject, struct err *e)
{
	*subject = OCI_SUBJECT_PAGE;
	if (decode_value(value, out->artifact_type, sizeof(out->artifact_type)))
		return 0;
	return err_set(e, ERR_INVALID, "artifactType is not a media type");
}

static int
parse_map_repository(const char *value, struct request *out,
    enum oci_subject *subject, struct err *e)
{
	*subject = OCI_SUBJECT_REPOSITORY;
	if (decode_value(value, out->repository, sizeof(out->repository)) &&
	    ref_is_repository(out->repository))
		return 0;
	return err_set(e, ERR_INVALID, "repo is not the name of a repository");
}

static int
parse_map_digest(const char *value, struct request *out,
    enum oci_subject *subject, struct err *e)
{
	return parse_digest(value, strlen(value), out, subject, e);
}

#define KIND(kind) (1u << (kind))
#define LISTS (KIND(REQUEST_TAGS) | KIND(REQUEST_REFERRERS))

/* What the query may say; anything else is ignored. */
static const struct {
	const char *key;
	unsigned kinds;
	int (*parse)(const char *value, struct request *out,
	    enum oci_subject *subject, struct err *e);
} parameters[] = {
    {"ns", ~0u, parse_ns},
    {"n", LISTS, parse_n},
    {"last", LISTS, parse_last},
    {"artifactType", KIND(REQUEST_REFERRERS), parse_artifact_type},
    {"repo", KIND(REQUEST_MAP), parse_map_repository},
    {"digest", KIND(REQUEST_MAP), parse_map_digest},
};

/* One `key=value` of the query. */
static int
parse_parameter(
    char *pair, struct request *out, enum oci_subject *subject, struct err *e)
{
	char *value = strchr(pair, '=');
	size_t i;

	if (value == NULL)
		return 0;
	*value++ = '\0';
	for (i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
		if (strcmp(pair, parameters[i].key) == 0 &&
		    (parameters[i].kinds & KIND(out->kind)) != 0)
			return parameters[i].parse(value, out, subject, e);
	return 0;
}

static int
parse_query(const char *query, struct request *out, enum oci_subject *subject,
    struct err *e)
{
	auto_free char *copy = mem_strdup(query);
	char *rest = copy, *pair;

	while ((pair = strsep(&rest, "&")) != NULL)
		if (parse_parameter(pair, out, subject, e) == -1)
			return -1;
	return 0;
}

/* Endpoints that are no repository's; false when the path is none of them. */
static bool
parse_fixed(const char *path, size_t len, struct request *out)
{
	static const char map[] = "_winnow/map";

	if (len != strlen(map) || memcmp(path, map, len) != 0)
		return false;
	out->kind = REQUEST_MAP;
	return true;
}

static int
check_map(const struct request *r, enum oci_subject *subject, struct err *e)
{
	*subject = r->repository[0] == '\0' ? OCI_SUBJECT_REPOSITORY
					    : OCI_SUBJECT_DIGEST;
	if (r->repository[0] != '\0' && r->reference[0] != '\0')
		return 0;
	return err_set(e, ERR_INVALID,
	    "say which: /v2/_winnow/map?repo=NAME&digest=DIGEST");
}

/*
 * The target without scheme and authority, which clients of a proxy send and
 * every server has to take (RFC 9112, section 3.2.2).  We are whatever host is
 * named.  NULL when none is, which makes it no URI of HTTP (RFC 9110, 4.2).
 */
static const char *
skip_authority(const char *target)
{
	static const char *const schemes[] = {"http://", "https://"};
	size_t i, host;

	if (target[0] == '/')
		return target;
	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t len = strlen(schemes[i]);

		if (strncasecmp(target, schemes[i], len) != 0)
			continue;
		host = strcspn(target + len, "/?#");
		return host == 0 ? NULL : target + len + host;
	}
	return target;
}

int
request_parse(const char *whole, struct request *out, enum oci_subject *subject,
    struct err *e)
{
	struct request r = {.kind = REQUEST_PING};
	const char *target = skip_authority(whole);
	size_t len;

	if (target == NULL) {
		*subject = OCI_SUBJECT_METHOD;
		return err_set(e, ERR_INVALID, "the target names no host");
	}
	len = strcspn(target, "?");
	if (strlen(target) > TARGET_MAX || strncmp(target, "/v2", 3) != 0 ||
	    (target[3] != '/' && len != 3))
		return unknown_endpoint(subject, e);
	if (len > 4 && !parse_fixed(target + 4, len - 4, &r) &&
	    parse_path(target + 4, len - 4, &r, subject, e) == -1)
		return -1;
	if (target[len] == '?' &&
	    parse_query(target + len + 1, &r, subject, e) == -1)
		return -1;
	if (r.kind == REQUEST_MAP && check_map(&r, subject, e) == -1)
		return -1;
	*out = r;
	return 0;
}
