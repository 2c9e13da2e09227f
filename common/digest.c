#include "winnow/digest.h"

#include <openssl/evp.h>
#include <string.h>

#include "winnow/mem.h"

#define PREFIX "sha256:"
#define PREFIX_LEN (sizeof(PREFIX) - 1)

struct hash {
	EVP_MD_CTX *ctx;
};

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int
digest_parse(const char *text, struct digest *out, struct err *e)
{
	struct digest d;
	const char *hex = text + PREFIX_LEN;
	size_t i;

	if (strncmp(text, PREFIX, PREFIX_LEN) != 0) {
		if (strncmp(text, "sha512:", 7) == 0 ||
		    strncmp(text, "blake3:", 7) == 0)
			return err_set(e, ERR_UNSUPPORTED,
			    "digest %.80s: only sha256 is supported", text);
		return err_set(e, ERR_INVALID,
		    "\"%.80s\" is not a digest (sha256:...)", text);
	}
	if (strlen(hex) != 2 * DIGEST_BYTES)
		return err_set(e, ERR_INVALID,
		    "digest %.80s: sha256 has 64 hex digits", text);
	for (i = 0; i < DIGEST_BYTES; i++) {
		int high = hex_value(hex[2 * i]);
		int low = hex_value(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return err_set(e, ERR_INVALID,
			    "digest %.80s: not lower-case hex", text);
		d.bytes[i] = (uint8_t)(high << 4 | low);
	}
	*out = d;
	return 0;
}

const char *
digest_format_hex(const struct digest *d, char buf[DIGEST_TEXT])
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < DIGEST_BYTES; i++) {
		buf[2 * i] = digits[d->bytes[i] >> 4];
		buf[2 * i + 1] = digits[d->bytes[i] & 15];
	}
	buf[2 * DIGEST_BYTES] = '\0';
	return buf;
}

const char *
digest_format(const struct digest *d, char buf[DIGEST_TEXT])
{
	char hex[DIGEST_TEXT];

	memcpy(buf, PREFIX, PREFIX_LEN);
	memcpy(
	    buf + PREFIX_LEN, digest_format_hex(d, hex), 2 * DIGEST_BYTES + 1);
	return buf;
}

bool
digest_equal(const struct digest *a, const struct digest *b)
{
	return memcmp(a->bytes, b->bytes, DIGEST_BYTES) == 0;
}

void
digest_of(const void *data, size_t len, struct digest *out)
{
	auto_hash struct hash *h = hash_new();

	hash_update(h, data, len);
	hash_final(h, out);
}

struct hash *
hash_new(void)
{
	struct hash *h = mem_zalloc(1, sizeof(*h));

	h->ctx = EVP_MD_CTX_new();
	if (h->ctx == NULL ||
	    EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) != 1)
		_exit(MEM_EXIT_STATUS);
	return h;
}

void
hash_update(struct hash *h, const void *data, size_t len)
{
	if (EVP_DigestUpdate(h->ctx, data, len) != 1)
		_exit(MEM_EXIT_STATUS);
}

void
hash_final(struct hash *h, struct digest *out)
{
	if (EVP_DigestFinal_ex(h->ctx, out->bytes, NULL) != 1)
		_exit(MEM_EXIT_STATUS);
}

void
hash_free(struct hash *h)
{
	if (h == NULL)
		return;
	EVP_MD_CTX_free(h->ctx);
	free(h);
}
