/*
 * counters: what one server process counts, in memory that it shares with
 * core.
 *
 * The server alone writes, core reads whenever it likes.  Each counter is a
 * 64-bit word that is stored whole, so no lock and no message is needed: a
 * count costs the server one store.  Core keeps the memory when it replaces a
 * server, and the next one counts on from there.  Core believes nothing but
 * numbers: a server that is taken over can lie about its own only.
 */
#ifndef WINNOW_DAEMON_COUNTERS_H
#define WINNOW_DAEMON_COUNTERS_H

#include <stdint.h>

#include "winnow/err.h"

/* How often a server adds to `beats`. */
#define COUNTERS_BEAT_MS 2000

/* What was asked for: enum request_kind, and what is none. */
#define COUNTERS_KINDS 7
extern const char *const counters_kinds[COUNTERS_KINDS];
#define COUNTERS_OTHER_KIND (COUNTERS_KINDS - 1)

/* Statuses that a server sends; the last stands for every other. */
#define COUNTERS_STATUSES 20
extern const unsigned counters_statuses[COUNTERS_STATUSES];

struct counters {
	uint64_t requests[COUNTERS_KINDS][COUNTERS_STATUSES];
	uint64_t gone; /* the client left before the reply was sent */
	uint64_t hits; /* answered without asking core */
	uint64_t misses;
	uint64_t stale; /* answered with a Warning */
	uint64_t bytes; /* of bodies that were sent */
	uint64_t accepted; /* connections so far */
	uint64_t refused; /* above the limit */
	uint64_t handshakes_failed; /* of TLS */
	uint64_t connections; /* now */
	uint64_t beats; /* its loop turns: it does not hang */
};

/* New memory for a server's counters, all zero; a descriptor to hand over. */
int counters_open(int *fd, struct counters **out, struct err *e);
/* Maps what counters_open() made; in the server. */
int counters_map(int fd, struct counters **out, struct err *e);
void counters_close(struct counters *c);

/* Adds to a counter; the server's side. */
static inline void
counters_add(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* The place of a status in `requests`. */
unsigned counters_status_index(unsigned status);

/* Adds all of `c` to `sum`; core's side. */
void counters_sum(struct counters *sum, const struct counters *c);

#endif
