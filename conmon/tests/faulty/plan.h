/*
 * What goes wrong in build/conmon-faulty, said by the environment variable BERTH_FAULTS: words between spaces.
 *   seed=N        of the random numbers
 *   KIND=P        P of 100 calls that this can happen to have it
 *   KIND@N        the Nth of these calls has it, counted from 1
 *   report=PATH   at the monitor's regular end the calls of each kind are counted there, as KIND=COUNT words
 * Kinds: die (SIGKILL instead of the call), eintr, short (fewer bytes than asked for), eagain, enospc, enomem (memory,
 * descriptors, processes).
 */
#ifndef CONMON_TESTS_FAULTY_PLAN_H
#define CONMON_TESTS_FAULTY_PLAN_H

#include <stdbool.h>
#include <stddef.h>

enum fault { F_DIE, F_EINTR, F_SHORT, F_EAGAIN, F_ENOSPC, F_ENOMEM, F_COUNT };

/* Counts one call that this could happen to, and says whether it does. */
bool plan_strikes(enum fault fault);
/* A number from 1 to max. */
size_t plan_pick(size_t max);
/* To be called in a forked child: it does not die by plan, and reports nothing. */
void plan_leave(void);

#endif
