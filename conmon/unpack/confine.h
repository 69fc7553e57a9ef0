/* The walls around the process that reads bytes of strangers. */
#ifndef CONMON_UNPACK_CONFINE_H
#define CONMON_UNPACK_CONFINE_H

#include "lib/error.h"

/*
 * Makes the folder the root of a mount namespace of this process's own, in which nothing else is mounted, and bounds
 * the memory. What was opened before stays open. Gives the descriptor of the root.
 */
int confine(const char *dir, struct err *err);

#endif
