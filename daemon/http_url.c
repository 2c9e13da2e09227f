#include "http_url.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "winnow/mem.h"
#include "winnow/num.h"

int
http_url_parse(const char *text, struct http_url *out, struct err *e)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL, *port = NULL, *user = NULL, *p;
	int rc = -1;

	if (u == NULL || curl_url_set(u, CURLUPART_URL, text, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK ||
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) !=
		CURLUE_OK ||
	    (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)) {
		err_set(e, ERR_INVALID, "not an http or https URL");
	} else if (num_parse(port, 1, 65535, "the port", &out->port, e) == 0) {
		out->scheme = mem_strdup(scheme);
		out->host = mem_strdup(host);
		for (p = out->host; *p != '\0'; p++)
			*p = (char)tolower((unsigned char)*p);
		rc = 0;
	}
	curl_free(user);
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(u);
	return rc;
}

void
http_url_clear(struct http_url *u)
{
	free(u->scheme);
	free(u->host);
	memset(u, 0, sizeof(*u));
}

bool
http_url_same_origin(const struct http_url *a, const struct http_url *b)
{
	return strcmp(a->scheme, b->scheme) == 0 &&
	    strcmp(a->host, b->host) == 0 && a->port == b->port;
}
