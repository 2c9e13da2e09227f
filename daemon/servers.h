/*
 * servers: the server processes: started, told, heard, replaced.
 *
 * Core only.  Core binds each server's sockets and keeps them open, so that
 * clients wait in the kernel's queue while a dead server is replaced.
 */
#ifndef WINNOW_DAEMON_SERVERS_H
#define WINNOW_DAEMON_SERVERS_H

#include <stdbool.h>

#include "context.h"

struct servers;

/* Binds every address of the configuration for every server and starts. */
int servers_start(struct context *context, struct servers **out, struct err *e);

/* No more replacements; each server finishes its transfers and exits.
 * `drained` is called once all are gone. */
void servers_drain(struct servers *all, void (*drained)(void *arg), void *arg);

/* Every remembered answer is void. */
void servers_forget(struct servers *all);

/* True while a client's question waits. */
bool servers_have_questions(const struct servers *all);

void servers_free(struct servers *all);

#endif
