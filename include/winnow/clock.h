/* clock: time that only goes forward. */
#ifndef WINNOW_CLOCK_H
#define WINNOW_CLOCK_H

#include <stdint.h>

/* Milliseconds of the monotonic clock, whatever the time of day does. */
uint64_t clock_now_ms(void);

#endif
