/*
 * http_url: a URL in its parts, split as libcurl splits it, which is what
 * follows it.  Core only.
 */
#ifndef WINNOW_DAEMON_HTTP_URL_H
#define WINNOW_DAEMON_HTTP_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "winnow/err.h"

struct http_url {
	char *scheme; /* "http" or "https" */
	char *host; /* lower case; an IPv6 address in brackets */
	uint64_t port;
};

/*
 * ERR_INVALID for what is no http or https URL, or carries a user name.
 * http_url_clear() releases.
 */
int http_url_parse(const char *text, struct http_url *out, struct err *e);
void http_url_clear(struct http_url *u);
bool http_url_same_origin(const struct http_url *a, const struct http_url *b);

#define auto_http_url __attribute__((cleanup(http_url_clear)))

#endif
