#include "admin_private.h"

#include <stdlib.h>

#include "winnow/clock.h"
#include "winnow/mem.h"

struct admin *
admin_new(const struct admin_core *core)
{
	struct admin *a = mem_zalloc(1, sizeof(*a));

	a->core = *core;
	a->began_ms = clock_now_ms();
	a->socket = admin_socket_new(a, core->context->config->admin_socket);
	a->http = admin_http_new(a, core->context->config);
	return a;
}

void
admin_free(struct admin *a)
{
	if (a == NULL)
		return;
	admin_http_free(a->http);
	admin_socket_free(a->socket);
	free(a);
}
