/*
 * ref: names of images (PROTOCOL 1.2).
 */
#ifndef WINNOW_REF_H
#define WINNOW_REF_H

#include <stdbool.h>
#include <stddef.h>

#include "winnow/err.h"

/* True for a <name> of the distribution specification, up to 255 bytes. */
bool ref_is_repository(const char *s);
/* The same for `len` bytes that need not end in NUL. */
bool ref_is_repository_n(const char *s, size_t len);
/* True for a tag. */
bool ref_is_tag(const char *s);
/*
 * True for a tag under which clients keep what belongs to a digest: cosign's
 * sha256-HEX.sig, .att and .sbom, and sha256-HEX itself (distribution-spec,
 * "Referrers Tag Schema").
 */
bool ref_is_signature_tag(const char *s);
/* True for HOST or HOST:PORT (name, IPv4 address, [IPv6]). */
bool ref_is_host(const char *s);

/* A repository with its upstream. */
struct ref_repository {
	char *host; /* "docker.io", "ghcr.io", "localhost:5000" */
	char *path; /* "library/postgres" */
};

/*
 * Splits `name` (DESIGN section 4): a first component with `.` or `:`, or
 * "localhost", is the host; else `default_host`.  `index.docker.io` and
 * `registry-1.docker.io` are docker.io, whose one-component names get
 * "library/".  ERR_INVALID when the rest is no repository name.
 * ref_repository_clear() releases.
 */
int ref_repository_parse(const char *name, const char *default_host,
    struct ref_repository *out, struct err *e);
void ref_repository_clear(struct ref_repository *r);

#endif
