/*
 * server_use: which answers a server gives by itself, told to core from time
 * to time, so that it evicts what nobody uses.
 */
#ifndef WINNOW_DAEMON_SERVER_USE_H
#define WINNOW_DAEMON_SERVER_USE_H

#include "answers.h"
#include "server.h"

struct server_uses *server_uses_new(struct server *s);
void server_uses_free(struct server_uses *u);

/* The answer is used at `now`; costs a comparison most of the time. */
void server_use_note(struct server_uses *u, struct answer *a, uint64_t now);

#endif
