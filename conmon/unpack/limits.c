#include "unpack/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <time.h>

#define GIB (1024ULL * 1024 * 1024)

void limits_init(struct limits *limits)
{
  *limits = (struct limits){
      .compressed = UINT64_MAX,
      // Above any layer that is known; what is less than the disk has is the pull's to check.
      .expanded = 256 * GIB,
      // gzip's best is 1032 to 1, of nothing but zeros; a layer of files comes to 2 to 20.
      .ratio = 500,
      .ratio_from = GIB,
      .entries = 4000000,
      // Go's reader of tar, and with it docker's, takes 1 MiB; a file with 100000 holes has a map of 2 MiB.
      .header = 4 * 1024 * 1024,
      .path = PATH_MAX - 1,
      .cpu_seconds = 1800,
  };
}

int limits_exceed(struct limits *limits, const char *name, uint64_t value, const char *what, struct err *err)
{
  limits->exceeded = name;
  return err_set(err, EOVERFLOW, "%s: the limit %s is %" PRIu64, what, name, value);
}

int limits_check_expanded(struct limits *limits, uint64_t expanded, uint64_t compressed, struct err *err)
{
  if (expanded > limits->expanded)
    return limits_exceed(limits, "expanded-bytes", limits->expanded, "the layer expands to too many bytes", err);
  if (expanded > limits->ratio_from && expanded / limits->ratio > compressed)
    return limits_exceed(limits, "ratio", limits->ratio, "the layer expands to too many times its size", err);
  return 0;
}

int limits_check_time(struct limits *limits, struct err *err)
{
  struct timespec used;
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) < 0)
    return err_set(err, errno, "read the processor time");
  if ((uint64_t)used.tv_sec < limits->cpu_seconds)
    return 0;
  return limits_exceed(limits, "cpu-seconds", limits->cpu_seconds, "the layer takes too much processor time", err);
}
