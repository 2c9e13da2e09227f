#include "server_framing.h"

#include <event2/keyvalq_struct.h>
#include <string.h>
#include <strings.h>

/* What the name of a header consists of (RFC 9110, section 5.6.2). */
static bool
is_token(const char *s)
{
	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++)
		if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
			(*s >= '0' && *s <= '9') ||
			strchr("-_!#$%&'*+.^`|~", *s) != NULL))
			return false;
	return true;
}

int
server_framing_check(struct evhttp_request *http, bool *body, struct err *e)
{
	const struct evkeyvalq *headers =
	    evhttp_request_get_input_headers(http);
	const struct evkeyval *h;
	unsigned lengths = 0, encodings = 0;

	*body = false;
	for (h = headers->tqh_first; h != NULL; h = h->next.tqe_next) {
		if (!is_token(h->key))
			return err_set(e, ERR_INVALID,
			    "the name of a header has characters that are "
			    "not allowed");
		if (strcasecmp(h->key, "Content-Length") == 0) {
			lengths++;
			*body = *body || strcmp(h->value, "0") != 0;
		} else if (strcasecmp(h->key, "Transfer-Encoding") == 0) {
			encodings++;
			*body = true;
		}
	}
	if (lengths + encodings > 1)
		return err_set(e, ERR_INVALID,
		    "the length of the request is given more than once");
	return 0;
}
