/*
 * server_auth: who asks, and whether it may: before anything is looked up,
 * so that no reply to who may not pull tells what there is.
 */
#ifndef WINNOW_DAEMON_SERVER_AUTH_H
#define WINNOW_DAEMON_SERVER_AUTH_H

#include "server_exchange.h"
#include "winnow/channel.h"

/*
 * Finds out who the client is and serves the request, or refuses it; may wait
 * for core in between.
 */
void server_auth_begin(struct exchange *x);

/* Core's {"type":"access"}, whose file has the settings (access.h). */
int server_auth_take_access(
    struct server *server, struct channel_message *m, struct err *e);

#endif
