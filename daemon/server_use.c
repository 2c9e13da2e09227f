#include "server_use.h"

#include <stdlib.h>

#include "winnow/json.h"
#include "winnow/mem.h"

/* An answer is reported at most so often; core keeps longer what is in use. */
#define NOTE_EVERY_MS 5000
/* Digests in one message: some seventy bytes each. */
#define BATCH_MAX 512
static const struct timeval delay = {.tv_sec = 1};

struct server_uses {
	struct server *server;
	json_t *digests;
	struct event *timer;
};

static void
send_uses(struct server_uses *u)
{
	auto_json json_t *body =
	    json_pack("{s:s, s:o}", "type", "used", "digests", u->digests);
	struct err e;

	u->digests = json_array();
	/* A report that core has no time for is lost; the next comes soon. */
	(void)core_link_send(u->server->core, body, CORE_LINK_MAY_REFUSE, &e);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	send_uses(arg);
}

struct server_uses *
server_uses_new(struct server *s)
{
	struct server_uses *u = mem_zalloc(1, sizeof(*u));

	u->server = s;
	u->digests = json_array();
	u->timer = evtimer_new(s->base, on_timer, u);
	return u;
}

void
server_uses_free(struct server_uses *u)
{
	json_decref(u->digests);
	event_free(u->timer);
	free(u);
}

void
server_use_note(struct server_uses *u, struct answer *a, uint64_t now)
{
	char text[DIGEST_TEXT];

	if (a->noted != 0 && now - a->noted < NOTE_EVERY_MS)
		return;
	a->noted = now;
	if (json_array_size(u->digests) == 0)
		event_add(u->timer, &delay);
	json_push(u->digests, json_string(digest_format(&a->digest, text)));
	if (json_array_size(u->digests) >= BATCH_MAX) {
		event_del(u->timer);
		send_uses(u);
	}
}
