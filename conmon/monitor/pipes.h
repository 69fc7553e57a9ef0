/* Pipes to children, and the runtime's command line. */
#ifndef CONMON_MONITOR_PIPES_H
#define CONMON_MONITOR_PIPES_H

#include <sys/types.h>

#include "lib/error.h"
#include "monitor/options.h"

/* Of a container's log pipes. */
#define PIPE_LOG_SIZE (256 * 1024)

/* Our end is non-blocking, the child's is not; both belong to the child's user, who may open /dev/stdout anew. */
int pipe_from_child(int *ours, int *theirs, uid_t uid, gid_t gid, struct err *err);
int pipe_to_child(int *ours, int *theirs, uid_t uid, gid_t gid, struct err *err);

/* The child's ends of its stdio, each -1 for none: ours to close once the runtime has them. */
struct far_ends {
  int in;
  int out;
  int err;
};

void far_ends_close(struct far_ends *ends);
#define _cleanup_far_ends_ __attribute__((cleanup(far_ends_close)))

struct runtime_args {
  int count;
  char *argv[24 + RUNTIME_OPTIONS_MAX];
};

/* `<runtime> --root R --log /dev/null [OPTION]... <subcommand>`. */
void runtime_args(struct runtime_args *args, const struct options *options, const char *subcommand);
void args_add(struct runtime_args *args, const char *arg);
void args_add2(struct runtime_args *args, const char *option, const char *value);

#endif
