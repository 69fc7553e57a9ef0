/* The file in which the runtime leaves the pid of the process it made. */
#ifndef CONMON_MONITOR_PIDFILE_H
#define CONMON_MONITOR_PIDFILE_H

#include <sys/types.h>

#include "lib/error.h"

int pidfile_read(const char *path, pid_t *pid, struct err *err);

#endif
