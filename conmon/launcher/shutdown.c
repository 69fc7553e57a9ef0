#include <poll.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "launcher/launcher.h"
#include "lib/cgroup.h"

enum { POLL_MS = 10 };

/*
 * Grandchildren are not ours to wait for: the cgroup tells when the last one is gone. Not by cgroup.kill, after which
 * some kernels let no child be started in the cgroup; what forks meanwhile is found by the next round.
 */
void shutdown_helpers(const struct launcher *l)
{
  /* A berthd that did not get the lock has no helpers: those in the cgroup are its holder's. */
  if (l->has_lock && flock(LOCK_FD, LOCK_EX | LOCK_NB) < 0)
    return;
  while (cgroup_signal_kill(l->helpers.dir) > 0) {
    /* Our own children stay in it as zombies until they are reaped. */
    while (waitpid(-1, NULL, WNOHANG) > 0)
      ;
    poll(NULL, 0, POLL_MS);
  }
}
