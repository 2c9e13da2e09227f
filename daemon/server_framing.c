#include "server_framing.h"

#include <event2/http_struct.h>
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

/* evhttp takes any version below 2 and would give it back. */
static int
check_version(struct evhttp_request *http, struct err *e)
{
	bool known = http->major == 1;

	if (!known || http->minor > 1) {
		http->major = 1;
		http->minor = 1;
	}
	return known ? 0 : err_set(e, ERR_INVALID, "HTTP before 1.0");
}

int
server_framing_check(struct evhttp_request *http, bool *body, struct err *e)
{
	const struct evkeyvalq *headers =
	    evhttp_request_get_input_headers(http);
	const struct evkeyval *h;
	unsigned lengths = 0, encodings = 0;

	*body = false;
	/* For an absolute target evhttp would look at Proxy-Connection, and
	 * close without a word where there is none. */
	http->flags &= ~EVHTTP_PROXY_REQUEST;
	/* evhttp would go on after it, as in a tunnel. */
	if (http->type == EVHTTP_REQ_CONNECT)
		http->type = EVHTTP_REQ_TRACE;
	if (check_version(http, e) == -1)
		return -1;
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
