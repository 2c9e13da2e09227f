/* Private keys: PEM (RFC 7468, OpenSSH, OpenPGP armour) and PuTTY's. */
#include <string.h>

#include "marks_private.h"

#define KEY_WORDS "PRIVATE KEY"
#define PEM_BEGIN "-----BEGIN "
#define PEM_END "-----"
#define PGP_BLOCK " BLOCK"
/* A line of base64 that is no word of a text. */
#define BASE64_MIN 16

static bool
has_prefix(const char *text, size_t len, const char *prefix)
{
	size_t prefix_len = strlen(prefix);

	return len >= prefix_len && memcmp(text, prefix, prefix_len) == 0;
}

/* The length of the line without its end. */
static size_t
line_length(const char *text, size_t len)
{
	const char *end = memchr(text, '\n', len);

	if (end != NULL)
		len = (size_t)(end - text);
	return len > 0 && text[len - 1] == '\r' ? len - 1 : len;
}

static bool
is_base64(const char *line, size_t len)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqr"
				  "stuvwxyz0123456789+/=";
	size_t i;

	for (i = 0; i < len; i++)
		if (line[i] == '\0' || strchr(set, line[i]) == NULL)
			return false;
	return len >= BASE64_MIN;
}

/* True when the text starts with the lines of a key: maybe headers, data. */
static bool
is_key_body(const char *text, size_t len)
{
	int lines;

	/* "Proc-Type: ...", "DEK-Info: ...", "Comment: ..." and an empty one.
	 */
	for (lines = 0; lines < 8 && len > 0; lines++) {
		size_t line = line_length(text, len);
		const char *end = memchr(text, '\n', len);

		if (is_base64(text, line))
			return true;
		if ((line > 0 && memchr(text, ':', line) == NULL) ||
		    end == NULL)
			return false;
		len -= (size_t)(end + 1 - text);
		text = end + 1;
	}
	return false;
}

/* True when the words at `at` end the first line of a key. */
static bool
is_key_here(const char *text, size_t len, const char *at)
{
	const char *start = at, *rest = at + strlen(KEY_WORDS);
	size_t left = len - (size_t)(rest - text);

	while (start > text && start[-1] != '\n')
		start--;
	if (!has_prefix(start, (size_t)(at - start), PEM_BEGIN))
		return false;
	if (has_prefix(rest, left, PGP_BLOCK)) {
		rest += strlen(PGP_BLOCK);
		left -= strlen(PGP_BLOCK);
	}
	if (!has_prefix(rest, left, PEM_END))
		return false;
	rest += strlen(PEM_END);
	left -= strlen(PEM_END);
	if (left == 0 || line_length(rest, left) != 0)
		return false;
	at = memchr(rest, '\n', left);
	return at != NULL && is_key_body(at + 1, len - (size_t)(at + 1 - text));
}

bool
marks_is_private_key(const char *text, size_t len)
{
	const char *at = text, *end = text + len;

	if (has_prefix(text, len, "PuTTY-User-Key-File-"))
		return true;
	for (;;) {
		at = memmem(
		    at, (size_t)(end - at), KEY_WORDS, strlen(KEY_WORDS));
		if (at == NULL)
			return false;
		if (is_key_here(text, len, at))
			return true;
		at += strlen(KEY_WORDS);
	}
}
