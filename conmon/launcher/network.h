/* One line of /proc/net/dev, shared with its unit test. */
#ifndef CONMON_LAUNCHER_NETWORK_H
#define CONMON_LAUNCHER_NETWORK_H

#include <stdint.h>

struct interface_counters {
  char name[32];
  uint64_t rx_bytes;
  uint64_t rx_errors;
  uint64_t tx_bytes;
  uint64_t tx_errors;
};

/* 0, or -EINVAL: a heading, or not a line of that file. */
int parse_interface_line(const char *line, struct interface_counters *counters);

#endif
