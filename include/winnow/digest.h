/*
 * digest: SHA-256 digests as the OCI image specification writes them
 * (descriptor.md, "Digests"): "sha256:" and 64 lower-case hex digits.  Other
 * algorithms are refused with ERR_UNSUPPORTED.
 */
#ifndef WINNOW_DIGEST_H
#define WINNOW_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "winnow/auto.h"
#include "winnow/err.h"

#define DIGEST_BYTES 32
/* Room for "sha256:", 64 digits and a NUL. */
#define DIGEST_TEXT 72

struct digest {
	uint8_t bytes[DIGEST_BYTES];
};

/* Parses the `sha256:...` form.  ERR_INVALID, or ERR_UNSUPPORTED. */
int digest_parse(const char *text, struct digest *out, struct err *e);

/* Writes the text form into buf and returns buf. */
const char *digest_format(const struct digest *d, char buf[DIGEST_TEXT]);

/* The 64 hex digits alone. */
const char *digest_format_hex(const struct digest *d, char buf[DIGEST_TEXT]);

bool digest_equal(const struct digest *a, const struct digest *b);

/* The digest of `len` bytes at `data`. */
void digest_of(const void *data, size_t len, struct digest *out);

/* A running SHA-256.  hash_final() may be called once. */
struct hash;
struct hash *hash_new(void);
void hash_update(struct hash *h, const void *data, size_t len);
void hash_final(struct hash *h, struct digest *out);
void hash_free(struct hash *h);

AUTO_DEFINE(hash, hash_free)
#define auto_hash __attribute__((cleanup(auto_hash_cleanup)))

#endif
