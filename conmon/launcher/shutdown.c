#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "launcher/launcher.h"
#include "lib/scope.h"

enum { POLL_MS = 10 };

/* Sends SIGKILL to each process of the cgroup; gives how many there were. */
static int kill_each(const char *dir)
{
  char path[4096];
  snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
  _cleanup_file_ FILE *procs = fopen(path, "re");
  int count = 0;
  for (int pid; procs && fscanf(procs, "%d", &pid) == 1; count++)
    kill(pid, SIGKILL);
  return count;
}

/*
 * Grandchildren are not ours to wait for: the cgroup tells when the last one is gone. Not by cgroup.kill, after which
 * some kernels let no child be started in the cgroup; what forks meanwhile is found by the next round.
 */
void shutdown_helpers(const struct launcher *l)
{
  /* A berthd that did not get the lock has no helpers: those in the cgroup are its holder's. */
  if (l->has_lock && flock(LOCK_FD, LOCK_EX | LOCK_NB) < 0)
    return;
  while (kill_each(l->helpers.dir) > 0) {
    /* Our own children stay in it as zombies until they are reaped. */
    while (waitpid(-1, NULL, WNOHANG) > 0)
      ;
    poll(NULL, 0, POLL_MS);
  }
}
