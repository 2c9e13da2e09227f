/*
 * servers: the server processes: started, told, heard, replaced.
 *
 * Core only.
 */
#ifndef WINNOW_DAEMON_SERVERS_H
#define WINNOW_DAEMON_SERVERS_H

#include <stdbool.h>

#include "context.h"
#include "counters.h"
#include "listeners.h"

struct servers;

/* Starts them on the sockets of `listeners`, which it takes in any case. */
int servers_start(struct context *context, struct listeners *listeners,
    struct servers **out, struct err *e);

/* No more replacements; each server finishes its transfers and exits.
 * `drained` is called once all are gone. */
void servers_drain(struct servers *all, void (*drained)(void *arg), void *arg);

/* Every remembered answer is void. */
void servers_forget(struct servers *all);

/* Sends what servers speak TLS with, and the log level, anew. */
void servers_update(struct servers *all);

/* True while a client's question waits. */
bool servers_have_questions(const struct servers *all);

bool servers_are_draining(const struct servers *all);

/* What one of them is up to. */
struct servers_state {
	pid_t pid; /* 0 while it is being replaced */
	uint64_t restarts;
	size_t questions; /* that wait for core's answer */
	const struct counters *counters; /* borrowed */
};
/* Fills *out, one per server, unless it is NULL; returns their number. */
size_t servers_states(const struct servers *all, struct servers_state *out);

/* Adds up what all count. */
void servers_sum_counters(const struct servers *all, struct counters *sum);

void servers_free(struct servers *all);

#endif
