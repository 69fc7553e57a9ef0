#include "launcher/holder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/io.h"
#include "lib/proc.h"
#include "lib/scope.h"

static int die_with(pid_t parent, struct err *err)
{
  int failed = proc_die_with(parent);
  return failed < 0 ? err_set(err, -failed, "tie the holder of namespaces to its parent") : 0;
}

/* Tells the outcome, whose code is 0 when all went well, and waits. */
static _Noreturn void hold(pid_t parent, holder_step step, void *arg, int outcome)
{
  struct err err = {0};
  int failed = die_with(parent, &err);
  if (failed == 0)
    failed = step(arg, &err);
  /* The kernel forgets the tie when ids change. */
  if (failed == 0)
    failed = die_with(parent, &err);
  if (write_full(outcome, &err, sizeof(err)) < 0 || failed < 0)
    _exit(1);
  for (;;)
    pause();
}

pid_t holder_start(holder_step step, void *arg, struct err *err)
{
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0)
    return err_set(err, errno, "pipe");
  _cleanup_fd_ int read_end = ends[0];
  _cleanup_fd_ int write_end = ends[1];
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid < 0)
    return err_set(err, errno, "fork the holder of namespaces");
  if (pid == 0)
    hold(parent, step, arg, write_end);
  close_fd(&write_end);
  struct err outcome;
  bool told = read_full(read_end, &outcome, sizeof(outcome)) == (ssize_t)sizeof(outcome);
  if (told && outcome.code == 0)
    return pid;
  holder_end(pid);
  return told ? err_set(err, outcome.code, "%s", outcome.msg) : err_set(err, ECHILD, "the holder of namespaces died");
}

void holder_end(pid_t pid)
{
  kill(pid, SIGKILL);
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
    ;
}
