/*
 * num: numbers out of text, bounded.
 */
#ifndef WINNOW_NUM_H
#define WINNOW_NUM_H

#include <stdint.h>

#include "winnow/err.h"

/*
 * The decimal number that is the whole of `text`, between `min` and `max`.
 * No sign, no space.  `what` names it in the message.
 */
int num_parse(const char *text, uint64_t min, uint64_t max, const char *what,
    uint64_t *out, struct err *e);

/*
 * A size in bytes: a number with an optional suffix K, M, G or T (1024 each;
 * "Ki" and "KiB" mean the same).
 */
int num_parse_size(const char *text, uint64_t *bytes, struct err *e);

/*
 * A duration: a number with a suffix ms, s, m, h or d (none means seconds).
 * The result is in milliseconds.
 */
int num_parse_duration(const char *text, uint64_t *ms, struct err *e);

/* Room for any uint64_t and a NUL. */
#define NUM_TEXT 21

/* Writes `value` in decimal and returns buf. */
const char *num_format(uint64_t value, char buf[NUM_TEXT]);

/* "1.5 GiB", "312 B": for people.  `buf` holds 32 bytes. */
const char *num_format_size(uint64_t bytes, char buf[32]);

#endif
