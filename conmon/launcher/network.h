/* One line of /proc/net/dev, shared with its unit test. */
#ifndef CONMON_LAUNCHER_NETWORK_H
#define CONMON_LAUNCHER_NETWORK_H

#include <stdint.h>

struct interface_counters {
  char name[32];
  struct traffic {
    uint64_t bytes;
    uint64_t packets;
    uint64_t errors;
    uint64_t drops;
  } rx, tx;
};

/* 0, or -EINVAL: a heading, or not a line of that file. */
int parse_interface_line(const char *line, struct interface_counters *counters);

#endif
