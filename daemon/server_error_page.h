/*
 * server_error_page: what evhttp 2.1 answers by itself to requests that it
 * cannot read is HTML, and there is no hook.  This puts an error in the form
 * of the distribution specification in its place, before it is written.
 */
#ifndef WINNOW_DAEMON_SERVER_ERROR_PAGE_H
#define WINNOW_DAEMON_SERVER_ERROR_PAGE_H

#include <event2/buffer.h>
#include <stdbool.h>

/* True when all that is in this output is such a page, whole. */
bool error_page_is_here(struct evbuffer *output);

/*
 * Replaces it, in answer to a GET or to any other method; returns the status.
 * The connection ends after it.
 */
unsigned error_page_replace(struct evbuffer *output, bool get);

#endif
