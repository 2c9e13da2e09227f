/*
 * question: what a server asked of core, from asking to answer.
 *
 * A question is stepped until the store holds the answer: each step looks
 * there first, and joins the work that brings what is missing.  It ends
 * with an answer, an error, or its time to wait; the work goes on either way.
 */
#ifndef WINNOW_DAEMON_QUESTION_H
#define WINNOW_DAEMON_QUESTION_H

#include <jansson.h>
#include <sys/queue.h>

#include "context.h"

struct question;
TAILQ_HEAD(questions, question);

/* Sends an answer with its descriptors, all borrowed. */
typedef void (*question_send)(
    void *arg, json_t *answer, const int *fds, size_t fd_count);

/*
 * Takes an "ask" message (process.h).  The answer goes to `send`, at once or
 * later from the loop; the question is then freed.  It stands in `all` until
 * then.  A blob that is coming gets an answer which says so first.
 */
void question_ask(struct context *context, struct questions *all,
    const json_t *ask, question_send send, void *arg);

/* Appends what the oldest waits for; nothing when nobody waits. */
void questions_describe(const struct questions *all, struct strbuf *out);
size_t questions_count(const struct questions *all);

/* The client of question `id` has left; and all have, with their server. */
void question_leave(struct questions *all, uint64_t id);
void question_leave_all(struct questions *all);

#endif
