/* The command line. */
#ifndef CONMON_MONITOR_OPTIONS_H
#define CONMON_MONITOR_OPTIONS_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/error.h"
#include "monitor/logger.h"

#define RUNTIME_OPTIONS_MAX 16

struct options {
  const char *id;
  const char *bundle;
  const char *runtime;
  const char *runtime_root;
  const char *socket;
  const char *exit_file;
  const char *pid_file;
  /* Folders of CRIU's images and of its log, if the container is to be restored rather than run; else NULL. */
  const char *restore;
  const char *restore_work;
  struct logger_options log;
  bool tty;
  bool stdin_open;
  bool stdin_once;
  /* What its handler puts before every subcommand of the runtime. */
  const char *runtime_options[RUNTIME_OPTIONS_MAX];
  int runtime_option_count;
  /* Owner of the container's stdio pipes: its user as the host sees it. */
  uid_t uid;
  gid_t gid;
};

int options_parse(int argc, char **argv, struct options *options, struct err *err);

#endif
