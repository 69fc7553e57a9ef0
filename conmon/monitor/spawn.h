/* Starting the OCI runtime. */
#ifndef CONMON_MONITOR_SPAWN_H
#define CONMON_MONITOR_SPAWN_H

#include <sys/types.h>

#include "lib/error.h"

struct spawn_stdio {
  /* -1 is /dev/null: for what no process of the container gets, or only once the runtime has put a terminal there. */
  int in;
  int out;
  int err;
};

/*
 * Forks and executes argv[0] with clean signals, no descriptor but its stdio, and PDEATHSIG: a runtime does not go on
 * without its monitor. The pid, or a negative errno. If it cannot be executed it says so on its stderr and exits 127.
 */
pid_t spawn_runtime(char *const argv[], const struct spawn_stdio *stdio, struct err *err);

#endif
