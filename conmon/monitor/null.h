/* What a process gets as stdin that has none. */
#ifndef CONMON_MONITOR_NULL_H
#define CONMON_MONITOR_NULL_H

#include "lib/error.h"

/*
 * A descriptor to read from that is always at its end, and nobody else's: runtimes make the container's user the owner of
 * what they are given as stdio, and the node's /dev/null must stay root's. It is a null device of its own, as programs
 * expect it, whose name in the folder is gone again. Where no device can be made or opened (a file system that is full,
 * or mounted nodev) it is a pipe that nobody writes to. The descriptor, or a negative errno.
 */
int null_open(const char *folder, struct err *err);

#endif
