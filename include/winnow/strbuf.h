/*
 * strbuf: a growing byte buffer, born with its maximum.
 *
 * Adding past the maximum sets `overflow` and changes nothing else, so that
 * a caller adds many times and checks once.  `data` is NUL-terminated after
 * any successful add.  Any process may use it.
 */
#ifndef WINNOW_STRBUF_H
#define WINNOW_STRBUF_H

#include <stdbool.h>
#include <stddef.h>

struct strbuf {
	char *data; /* NULL until the first add */
	size_t len;
	size_t capacity;
	size_t max;
	bool overflow;
};

#define auto_strbuf __attribute__((cleanup(strbuf_clear)))

/* An empty buffer for at most `max` bytes.  strbuf_clear() releases it. */
void strbuf_init(struct strbuf *b, size_t max);
void strbuf_clear(struct strbuf *b);

/* Empties the buffer, keeps its memory, forgets an overflow. */
void strbuf_reset(struct strbuf *b);

void strbuf_add(struct strbuf *b, const void *bytes, size_t len);
/* `len` more bytes, for the caller to fill; NULL past the maximum. */
char *strbuf_extend(struct strbuf *b, size_t len);
void strbuf_add_string(struct strbuf *b, const char *s);
void strbuf_add_char(struct strbuf *b, char c);
void strbuf_add_format(struct strbuf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Cuts to `len` bytes, which must not exceed the length. */
void strbuf_truncate(struct strbuf *b, size_t len);

/* The contents as a string, "" when empty; borrowed until the next call. */
const char *strbuf_string(const struct strbuf *b);

/* Hands the memory to the caller, who frees it; the buffer is empty. */
char *strbuf_steal(struct strbuf *b);

#endif
