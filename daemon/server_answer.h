/*
 * server_answer: what core answers, checked, remembered, and given to the
 * exchanges that waited for it.
 */
#ifndef WINNOW_DAEMON_SERVER_ANSWER_H
#define WINNOW_DAEMON_SERVER_ANSWER_H

#include "winnow/channel.h"

struct server;

/* Core's {"type":"answer"} (process.h). */
void server_answer_take(struct server *server, struct channel_message *m);

#endif
