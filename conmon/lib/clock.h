/* The two clocks. */
#ifndef CONMON_LIB_CLOCK_H
#define CONMON_LIB_CLOCK_H

#include <stdint.h>

/* Milliseconds of CLOCK_MONOTONIC: for deadlines. */
int64_t clock_monotonic_ms(void);
/* Nanoseconds since the epoch: for records. */
uint64_t clock_realtime_ns(void);

#endif
