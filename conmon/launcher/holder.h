/* Namespaces that others are to hold: a child goes into them, stays there until they do, and is ended. */
#ifndef CONMON_LAUNCHER_HOLDER_H
#define CONMON_LAUNCHER_HOLDER_H

#include <sys/types.h>

#include "lib/error.h"

/* What the child does before it waits. */
typedef int (*holder_step)(void *arg, struct err *err);

/* A child that has taken the step and waits to be ended; it ends with its parent. Its pid, or what failed in it. */
pid_t holder_start(holder_step step, void *arg, struct err *err);

/* Kills the child and waits for it. */
void holder_end(pid_t pid);

#endif
