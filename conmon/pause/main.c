/*
 * The first process of a pod that shares its PID namespace: it holds the namespace, reaps what is orphaned there, and
 * leaves on SIGTERM or SIGINT with status 0. Anything else that may be wrong has a status of its own.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

enum { STATUS_OK = 0, STATUS_SIGNALS = 1 };

int main(void)
{
  sigset_t awaited;
  sigemptyset(&awaited);
  sigaddset(&awaited, SIGCHLD);
  sigaddset(&awaited, SIGTERM);
  sigaddset(&awaited, SIGINT);
  if (sigprocmask(SIG_BLOCK, &awaited, NULL) < 0)
    return STATUS_SIGNALS;
  for (;;) {
    int signum = sigwaitinfo(&awaited, NULL);
    if (signum == SIGTERM || signum == SIGINT)
      return STATUS_OK;
    if (signum < 0 && errno != EINTR)
      return STATUS_SIGNALS;
    while (waitpid(-1, NULL, WNOHANG) > 0)
      ;
  }
}
