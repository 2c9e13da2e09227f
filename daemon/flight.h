/*
 * flight: work under way that any number of others wait for (single flight).
 *
 * Core only.  A kind of work embeds a struct flight as its first member and
 * leaves its outcome in the store; the flight only says when, and whether it
 * went well.
 */
#ifndef WINNOW_DAEMON_FLIGHT_H
#define WINNOW_DAEMON_FLIGHT_H

#include <sys/queue.h>

#include <stdint.h>

#include "winnow/err.h"
#include "winnow/strbuf.h"

struct flights;

/* The longest id of a request, with its NUL: two numbers and a dash. */
#define FLIGHT_ASKER 40

/* One who waits, embedded in the waiter's own struct. */
struct flight_waiter {
	void (*done)(void *arg, const struct err *e); /* e NULL: went well */
	/* What is under way can be used already, or NULL.  May be called never
	 * or more than once; the waiter goes on waiting. */
	void (*ready)(void *arg);
	void *arg;
	/* The id of the request that it is for, or NULL; copied. */
	const char *asker;
	struct flight *flight; /* NULL when not waiting */
	TAILQ_ENTRY(flight_waiter) entry;
};

struct flight {
	TAILQ_ENTRY(flight) entry;
	TAILQ_HEAD(, flight_waiter) waiters;
	struct flights *all;
	char *key;
	void (*cancel)(struct flight *f); /* frees the work, at shutdown */
	/* Says for people what it is, instead of the key, and how far it has
	 * come; NULL unless set after flight_enter(). */
	void (*describe)(
	    const struct flight *f, struct strbuf *what, struct strbuf *stage);
	uint64_t began_ms; /* of the monotonic clock */
	char asker[FLIGHT_ASKER]; /* see flight_asker() */
};

struct flights *flights_new(void);
/* Cancels what is under way. */
void flights_free(struct flights *all);
size_t flights_count(const struct flights *all);

void flights_each(const struct flights *all,
    void (*visit)(void *arg, const struct flight *f), void *arg);
/* Appends what it is and how far it has come, for people. */
void flight_describe(
    const struct flight *f, struct strbuf *what, struct strbuf *stage);
size_t flight_count_waiters(const struct flight *f);

/* The flight with this key, or NULL. */
struct flight *flight_find(struct flights *all, const char *key);

/* Enters new work under its key (copied). */
void flight_enter(struct flights *all, struct flight *f, const char *key,
    void (*cancel)(struct flight *f));

void flight_join(struct flight *f, struct flight_waiter *w);
/*
 * The id of the request that this was begun for, for the log: others may have
 * joined since.  NULL when it was begun for none.
 */
const char *flight_asker(const struct flight *f);
void flight_leave(struct flight_waiter *w);

/* Calls `ready` of all who wait. */
void flight_tell_ready(struct flight *f);

/*
 * Takes the flight off the table and tells everyone.  The caller then frees
 * its work.  To be called from the loop, not from the function that began
 * the work: nobody could have joined.
 */
void flight_end(struct flight *f, const struct err *e);

#endif
