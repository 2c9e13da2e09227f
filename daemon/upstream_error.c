#include "upstream_error.h"

#include <string.h>

#include "winnow/json.h"
#include "winnow/mem.h"
#include "winnow/path.h"

/* Of the upstream's own words. */
#define QUOTE_MAX 200

static enum err_code
code_of(long status)
{
	switch (status) {
	case 401:
		return ERR_UNAUTHORIZED;
	case 403:
		return ERR_DENIED;
	case 404:
		return ERR_NOT_FOUND;
	case 408:
	case 504:
		return ERR_TIMEOUT;
	case 429:
		return ERR_RATE_LIMIT;
	default:
		return ERR_UPSTREAM;
	}
}

/* Appends `text`, escaped and cut to QUOTE_MAX bytes. */
static void
quote(struct strbuf *out, const char *text)
{
	auto_strbuf struct strbuf escaped;
	auto_free char *cut = mem_strndup(text, strnlen(text, QUOTE_MAX));

	strbuf_init(&escaped, 4 * QUOTE_MAX);
	path_escape(cut, &escaped);
	if (escaped.len > QUOTE_MAX)
		strbuf_truncate(&escaped, QUOTE_MAX);
	strbuf_add_string(out, strbuf_string(&escaped));
}

/* Appends the first message of an OCI error body; nothing without one. */
static void
quote_message(struct strbuf *out, const struct strbuf *body)
{
	auto_json json_t *json = NULL;
	const json_t *first;
	const char *text;
	struct err unused;

	if (body == NULL || body->len == 0 ||
	    json_parse_object(body->data, body->len, "", &json, &unused) == -1)
		return;
	first = json_array_get(json_object_get(json, "errors"), 0);
	text = json_string_value(json_object_get(first, "message"));
	if (text == NULL) /* token servers */
		text = json_string_value(json_object_get(json, "details"));
	if (text == NULL || *text == '\0')
		text = json_string_value(json_object_get(first, "code"));
	if (text == NULL || *text == '\0')
		return;
	strbuf_add_string(out, ": ");
	quote(out, text);
}

int
upstream_error_set(struct err *e, const char *who,
    const struct http_response *r, const struct strbuf *body)
{
	const char *retry = http_response_header(r, "retry-after");
	auto_strbuf struct strbuf words;

	strbuf_init(&words, ERR_MESSAGE_MAX);
	quote_message(&words, body);
	if (retry != NULL) {
		strbuf_add_string(&words, " (Retry-After: ");
		quote(&words, retry);
		strbuf_add_char(&words, ')');
	}
	return err_set(e, code_of(r->status), "%s answered %ld%s", who,
	    r->status, strbuf_string(&words));
}
