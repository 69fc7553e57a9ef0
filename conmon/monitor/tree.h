/* Killing everything that a process has started. */
#ifndef CONMON_MONITOR_TREE_H
#define CONMON_MONITOR_TREE_H

#include <sys/types.h>

/*
 * SIGKILLs the process, its session and process group, and all their descendants, again and again until a look at /proc
 * finds nothing new. The process must not have been reaped. Gives how many were killed, or a negative errno.
 */
int tree_kill(pid_t root);

#endif
