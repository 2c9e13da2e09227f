/*
 * server_stream: a blob that is sent to clients piece by piece: a source's
 * while it comes, any one through TLS.
 *
 * Core gives the file that grows and a pipe that tells (process.h).  The last
 * bytes are held back until core says that all are right, so that no client
 * gets the whole of a blob that is wrong: its connection ends early instead.
 * A stream belongs to the question it answers; each reply that it feeds counts
 * as well.
 */
#ifndef WINNOW_DAEMON_SERVER_STREAM_H
#define WINNOW_DAEMON_SERVER_STREAM_H

#include <event2/event.h>
#include <stdbool.h>

#include "answers.h"

struct exchange;
struct server_stream;
struct stream_reply;

/*
 * A stream of the blob `a` (counted), which takes both descriptors: its file
 * and the pipe; -1 in place of the pipe says that the file is whole and right.
 */
struct server_stream *server_stream_new(
    struct event_base *base, struct answer *a, int file_fd, int progress_fd);
struct server_stream *server_stream_ref(struct server_stream *s);
void server_stream_unref(struct server_stream *s);

/*
 * Begins the reply to `x`, which then has x->stream, unless its head was all
 * there is to send (HEAD, 304, 416): then false.
 */
bool server_stream_begin(struct server_stream *s, struct exchange *x);

/* Core's verdict: the rest may go, or never will. */
void server_stream_release(struct exchange *x);
void server_stream_cut(struct exchange *x);

/*
 * Instead of a cut, where nothing of the reply has left yet: `x` has no stream
 * any more and can be given another answer.  False when it is too late.
 */
bool server_stream_take_back(struct exchange *x);

/* The exchange ends, for whatever reason: frees x->stream. */
void server_stream_leave(struct exchange *x);

#endif
