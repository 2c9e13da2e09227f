/*
 * server_question: what a server has asked core and waits for.  Clients that
 * ask the same share one question; it is taken back when the last one left.
 */
#ifndef WINNOW_DAEMON_SERVER_QUESTION_H
#define WINNOW_DAEMON_SERVER_QUESTION_H

#include <stdint.h>

#include "server_exchange.h"

struct server_questions;
struct server_stream;

struct server_questions *server_questions_new(void);
void server_questions_free(struct server_questions *qs);

/*
 * Makes the exchange wait for core's answer.  ERR_BUSY when core cannot take
 * more questions.
 */
int server_question_ask(struct exchange *x, struct err *e);

/* The exchange no longer waits: its client is gone, or has its reply. */
void server_question_leave(struct exchange *x);

/*
 * The blob that `id` asks for is coming: replies to those who wait, and to
 * those who join, begin.  Takes `stream`.
 */
void server_question_stream(
    struct server_questions *qs, uint64_t id, struct server_stream *stream);

/*
 * Ends the question `id` and returns those who waited for it, NULL when
 * nobody does any more: each leads to the next by `next_waiter`.
 */
struct exchange *server_question_end(struct server_questions *qs, uint64_t id);

#endif
