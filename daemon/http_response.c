#include "http_response.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "winnow/mem.h"
#include "winnow/num.h"

/* Registries send about 20 headers of 2 KiB in all; S3 a little more. */
#define HEADERS_MAX 128
#define HEADER_BYTES_MAX (64u << 10)

void
http_response_clear(struct http_response_reader *r)
{
	size_t i;

	for (i = 0; i < r->response.header_count; i++) {
		free(r->response.headers[i].name);
		free(r->response.headers[i].value);
	}
	free(r->response.headers);
	r->response.headers = NULL;
	r->response.header_count = 0;
	r->response.status = 0;
	r->bytes = 0;
	r->complete = false;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Adds "Name: value"; a line without a name is ignored. */
static void
add_header(struct http_response *r, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	const char *value, *end = line + len;
	struct http_header *h;
	char *p;

	if (colon == NULL || colon == line)
		return;
	value = colon + 1;
	while (value < end && is_blank(*value))
		value++;
	while (end > value && is_blank(end[-1]))
		end--;
	if (r->headers == NULL)
		r->headers = mem_zalloc(HEADERS_MAX, sizeof(*r->headers));
	h = &r->headers[r->header_count++];
	h->name = mem_strndup(line, (size_t)(colon - line));
	h->value = mem_strndup(value, (size_t)(end - value));
	for (p = h->name; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
}

int
http_response_add_line(
    struct http_response_reader *r, const char *line, size_t len, struct err *e)
{
	if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
		http_response_clear(r);
		return 0;
	}
	/* Behind the headers come only trailers, which nobody needs. */
	if (r->complete)
		return 0;
	r->bytes += len;
	if (r->bytes > HEADER_BYTES_MAX ||
	    r->response.header_count == HEADERS_MAX)
		return err_set(e, ERR_LIMIT,
		    "the response has more than %d headers or %u bytes of them",
		    HEADERS_MAX, HEADER_BYTES_MAX);
	if (len == 0 || line[0] == '\r' || line[0] == '\n') {
		r->complete = true;
		return 1;
	}
	add_header(&r->response, line, len);
	return 0;
}

const char *
http_response_header(const struct http_response *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->header_count; i++) {
		if (strcmp(r->headers[i].name, name) == 0)
			return r->headers[i].value;
	}
	return NULL;
}

/* Seconds from now to an HTTP date (RFC 9110, 5.6.7); 0 when it is past. */
static uint64_t
seconds_until(const char *date)
{
	struct tm tm = {.tm_sec = 0};
	const char *end = strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	time_t now = time(NULL), then;

	if (end == NULL || *end != '\0')
		return 0;
	then = timegm(&tm);
	return then > now ? (uint64_t)(then - now) : 0;
}

uint64_t
http_response_retry_after(const struct http_response *r, uint64_t max)
{
	const char *value = http_response_header(r, "retry-after");
	uint64_t seconds;
	struct err ignored;

	if (value == NULL || (r->status != 429 && r->status != 503))
		return 0;
	if (num_parse(
		value, 0, UINT64_MAX, "Retry-After", &seconds, &ignored) == -1)
		seconds = seconds_until(value);
	return seconds < max ? seconds : max;
}

bool
http_response_is_redirect(const struct http_response *r)
{
	switch (r->status) {
	case 301:
	case 302:
	case 303:
	case 307:
	case 308:
		return http_response_header(r, "location") != NULL;
	default:
		return false;
	}
}
