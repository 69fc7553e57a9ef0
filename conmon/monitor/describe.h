/* An error in one line, for those who read no errno. */
#ifndef CONMON_MONITOR_DESCRIBE_H
#define CONMON_MONITOR_DESCRIBE_H

#include "lib/error.h"

struct description {
  char text[sizeof(((struct err *)0)->msg) + 128];
};

/* `open the log /x: No such file or directory` */
struct description describe(const struct err *err);

#endif
