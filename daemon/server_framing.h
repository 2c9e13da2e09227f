/*
 * server_framing: whether it is certain where a request ends (RFC 9112,
 * sections 5.1, 6.1 and 6.3).  evhttp ignores the body of a HEAD and takes
 * header names with spaces; a proxy in front may see another end of the
 * request, and what follows would be taken for somebody else's next one.
 */
#ifndef WINNOW_DAEMON_SERVER_FRAMING_H
#define WINNOW_DAEMON_SERVER_FRAMING_H

#include <event2/http.h>
#include <stdbool.h>

#include "winnow/err.h"

/*
 * ERR_INVALID for headers that two readers may read differently, and for
 * HTTP/0.9; a version after 1.1 becomes 1.1 (RFC 9110, section 2.5).  *body is
 * true when one announces a body, which nothing has that is served here: the
 * connection must end after the reply.
 */
int
server_framing_check(struct evhttp_request *http, bool *body, struct err *e);

#endif
