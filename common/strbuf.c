#include "winnow/strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "winnow/mem.h"

void
strbuf_init(struct strbuf *b, size_t max)
{
	*b = (struct strbuf){.max = max};
}

void
strbuf_clear(struct strbuf *b)
{
	free(b->data);
	strbuf_init(b, b->max);
}

void
strbuf_reset(struct strbuf *b)
{
	b->overflow = false;
	strbuf_truncate(b, 0);
}

/* Makes room for `len` more bytes and a NUL; false past the maximum. */
static bool
reserve(struct strbuf *b, size_t len)
{
	size_t want;

	if (b->overflow || len > b->max - b->len) {
		b->overflow = true;
		return false;
	}
	want = b->len + len + 1;
	if (want <= b->capacity)
		return true;
	if (want < b->capacity * 2)
		want = b->capacity * 2;
	if (want < 64)
		want = 64;
	b->data = mem_realloc(b->data, want, 1);
	b->capacity = want;
	return true;
}

void
strbuf_add(struct strbuf *b, const void *bytes, size_t len)
{
	if (!reserve(b, len))
		return;
	if (len > 0)
		memcpy(b->data + b->len, bytes, len);
	b->len += len;
	b->data[b->len] = '\0';
}

char *
strbuf_extend(struct strbuf *b, size_t len)
{
	char *room;

	if (!reserve(b, len))
		return NULL;
	room = b->data + b->len;
	b->len += len;
	b->data[b->len] = '\0';
	return room;
}

void
strbuf_add_string(struct strbuf *b, const char *s)
{
	strbuf_add(b, s, strlen(s));
}

void
strbuf_add_char(struct strbuf *b, char c)
{
	strbuf_add(b, &c, 1);
}

void
strbuf_add_format(struct strbuf *b, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0 || !reserve(b, (size_t)len)) {
		b->overflow = true;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(b->data + b->len, (size_t)len + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)len;
}

void
strbuf_truncate(struct strbuf *b, size_t len)
{
	if (len > b->len)
		len = b->len;
	b->len = len;
	if (b->data != NULL)
		b->data[len] = '\0';
}

const char *
strbuf_string(const struct strbuf *b)
{
	return b->data == NULL ? "" : b->data;
}

char *
strbuf_steal(struct strbuf *b)
{
	char *data = b->data == NULL ? mem_strdup("") : b->data;

	b->data = NULL;
	strbuf_clear(b);
	return data;
}
