#include "authorization.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define SCHEME "Basic"
/* user, colon and password, and some that are too long by then */
#define DECODED_MAX (AUTHORIZATION_USER_MAX + 1 + AUTHORIZATION_PASSWORD_MAX)

static int
digit_value(char c)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	return at == NULL ? -1 : (int)(at - digits);
}

/*
 * Decodes base64 (RFC 4648) strictly; the length, or -1 when it is none, is
 * longer than `room`, or holds a NUL.
 */
static int
decode(const char *text, size_t len, char *out, size_t room)
{
	unsigned bits = 0, have = 0;
	size_t used = 0, i;

	if (len % 4 != 0)
		return -1;
	for (i = 0; i < 2 && len > 0 && text[len - 1] == '='; i++)
		len--;
	for (i = 0; i < len; i++) {
		int value = digit_value(text[i]);

		if (value == -1)
			return -1;
		bits = (bits << 6 | (unsigned)value) & 0xffff;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		if (used == room || (bits >> have & 0xff) == 0)
			return -1;
		out[used++] = (char)(bits >> have & 0xff);
	}
	return (bits & ((1u << have) - 1)) == 0 ? (int)used : -1;
}

/* Splits at the first colon: a user has none. */
static enum authorization_kind
split(const char *text, size_t len, struct authorization *out)
{
	const char *colon = memchr(text, ':', len);
	size_t user, password, i;

	if (colon == NULL)
		return AUTHORIZATION_BAD;
	user = (size_t)(colon - text);
	password = len - user - 1;
	if (user == 0 && password == 0)
		return AUTHORIZATION_ANONYMOUS;
	if (user == 0 || user > AUTHORIZATION_USER_MAX ||
	    password > AUTHORIZATION_PASSWORD_MAX)
		return AUTHORIZATION_BAD;
	for (i = 0; i < user; i++)
		if (iscntrl((unsigned char)text[i]))
			return AUTHORIZATION_BAD;
	memcpy(out->user, text, user);
	memcpy(out->password, colon + 1, password);
	return AUTHORIZATION_BASIC;
}

void
authorization_parse(const char *header, struct authorization *out)
{
	char decoded[DECODED_MAX];
	size_t len;
	int n;

	memset(out, 0, sizeof(*out));
	if (header == NULL ||
	    strncasecmp(header, SCHEME " ", sizeof(SCHEME)) != 0)
		return;
	header += sizeof(SCHEME);
	header += strspn(header, " ");
	len = strcspn(header, " \t");
	if (header[len + strspn(header + len, " \t")] != '\0') {
		out->kind = AUTHORIZATION_BAD;
		return;
	}
	n = decode(header, len, decoded, sizeof(decoded));
	out->kind =
	    n == -1 ? AUTHORIZATION_BAD : split(decoded, (size_t)n, out);
	explicit_bzero(decoded, sizeof(decoded));
}
