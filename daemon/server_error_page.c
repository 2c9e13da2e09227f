#include "server_error_page.h"

#include <string.h>

#define STATUS_AT 9 /* "HTTP/1.1 " */

static const struct {
	unsigned status;
	const char *reason; /* and more headers, if any */
	const char *message;
} pages[] = {
    {400, "Bad Request", "the request is malformed, or its header too large"},
    {405, "Method Not Allowed\r\nAllow: GET, HEAD",
	"this registry is read-only"},
    {413, "Content Too Large", "the body is malformed or too large"},
    {417, "Expectation Failed", "only 100-continue may be expected"},
    /* Any other. */
    {500, "Internal Server Error", "the request cannot be read"},
};
#define PAGES (sizeof(pages) / sizeof(pages[0]))

/* 0 when this is not the start of a reply. */
static unsigned
status_of(struct evbuffer *output)
{
	char head[STATUS_AT + 3];
	unsigned status = 0;
	size_t i;

	if (evbuffer_copyout(output, head, sizeof(head)) !=
		(ev_ssize_t)sizeof(head) ||
	    memcmp(head, "HTTP/", 5) != 0)
		return 0;
	for (i = STATUS_AT; i < sizeof(head); i++) {
		if (head[i] < '0' || head[i] > '9')
			return 0;
		status = status * 10 + (unsigned)(head[i] - '0');
	}
	return status;
}

bool
error_page_is_here(struct evbuffer *output)
{
	static const char end[] = "</BODY></HTML>\n";
	size_t len = evbuffer_get_length(output);
	char last[sizeof(end) - 1];
	struct evbuffer_ptr at;

	return len > sizeof(last) && status_of(output) >= 400 &&
	    evbuffer_ptr_set(
		output, &at, len - sizeof(last), EVBUFFER_PTR_SET) == 0 &&
	    evbuffer_copyout_from(output, &at, last, sizeof(last)) ==
	    (ev_ssize_t)sizeof(last) &&
	    memcmp(last, end, sizeof(last)) == 0;
}

unsigned
error_page_replace(struct evbuffer *output, bool get)
{
	static const char form[] =
	    "{\"errors\":[{\"code\":\"UNSUPPORTED\",\"message\":\"%s\"}]}";
	unsigned status = status_of(output);
	size_t i = 0;

	/* Methods that are not served are refused whatever their body is. */
	if (status == 413 && !get)
		status = 405;
	while (i < PAGES - 1 && pages[i].status != status)
		i++;
	evbuffer_drain(output, evbuffer_get_length(output));
	evbuffer_add_printf(output,
	    "HTTP/1.1 %u %s\r\nContent-Type: application/json\r\n"
	    "Docker-Distribution-Api-Version: registry/2.0\r\n"
	    "Content-Length: %zu\r\nConnection: close\r\n\r\n",
	    pages[i].status, pages[i].reason,
	    sizeof(form) - sizeof("%s") + strlen(pages[i].message));
	evbuffer_add_printf(output, form, pages[i].message);
	return pages[i].status;
}
