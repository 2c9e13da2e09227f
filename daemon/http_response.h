/*
 * http_response: collects the headers of a response line by line, bounded.
 * Only http_client uses it; others read struct http_response.
 */
#ifndef WINNOW_DAEMON_HTTP_RESPONSE_H
#define WINNOW_DAEMON_HTTP_RESPONSE_H

#include "http_client.h"

struct http_response_reader {
	struct http_response response;
	size_t bytes;
	bool complete;
};

/*
 * Takes one line as it came, with its line end.  A status line forgets what
 * came before it.  Returns 1 when it was the last line of the headers, 0 when
 * not, -1 with ERR_LIMIT for too many.
 */
int http_response_add_line(struct http_response_reader *r, const char *line,
    size_t len, struct err *e);

/* Releases all but the URL, which the request owns. */
void http_response_clear(struct http_response_reader *r);

/* True for a redirect that names where it leads. */
bool http_response_is_redirect(const struct http_response *r);

#endif
