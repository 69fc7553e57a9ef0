#include "monitor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/io.h"
#include "lib/proc.h"

/* Puts the descriptor (or /dev/null) at 0, 1 or 2. Ours are all above 2: one never overwrites another. */
static int place(int fd, int target)
{
  if (fd < 0) {
    fd = open_once("/dev/null", O_RDWR, 0);
    if (fd < 0)
      return -1;
  }
  return dup2(fd, target) < 0 ? -1 : 0;
}

static void __attribute__((noreturn)) run_child(char *const argv[], const struct spawn_stdio *stdio, pid_t monitor)
{
  proc_reset_signals();
  if (proc_die_with(monitor) < 0)
    _exit(127);
  umask(022);
  /* stderr first: what fails after it is heard. */
  int failed = place(stdio->err, 2) < 0 || place(stdio->in, 0) < 0 || place(stdio->out, 1) < 0 || proc_close_from(3) < 0;
  if (!failed)
    execv(argv[0], argv);
  char text[512];
  int size = snprintf(text, sizeof(text), "cannot execute %.400s: %s\n", argv[0], strerror(errno));
  if (size > 0 && (size_t)size < sizeof(text))
    write_full(2, text, (size_t)size);
  _exit(127);
}

pid_t spawn_runtime(char *const argv[], const struct spawn_stdio *stdio, struct err *err)
{
  pid_t monitor = getpid();
  pid_t pid = fork();
  if (pid == 0)
    run_child(argv, stdio, monitor);
  return pid < 0 ? err_set(err, errno, "fork") : pid;
}
