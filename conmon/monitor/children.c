#include "monitor/children.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

void children_add(struct children *children, struct child *child, pid_t pid, child_fn *ended, void *owner)
{
  *child = (struct child){.pid = pid, .ended = ended, .owner = owner, .next = children->first};
  children->first = child;
}

void children_remove(struct children *children, struct child *child)
{
  for (struct child **at = &children->first; *at; at = &(*at)->next)
    if (*at == child) {
      *at = child->next;
      break;
    }
  *child = (struct child){0};
}

/* Reaps this one if it has ended. The handler may change the list: the caller starts again. */
static bool reap_one(struct children *children, struct child *child)
{
  int wait_status = 0;
  pid_t got = (pid_t)TEMP_FAILURE_RETRY(waitpid(child->pid, &wait_status, WNOHANG));
  if (got == 0)
    return false;
  struct child ended = *child;
  children_remove(children, child);
  ended.ended(ended.owner, got < 0 ? CHILD_UNKNOWN : wait_status);
  return true;
}

static bool reap_known(struct children *children)
{
  for (struct child *child = children->first; child; child = child->next)
    if (reap_one(children, child))
      return true;
  return false;
}

static bool is_known(const struct children *children, pid_t pid)
{
  for (const struct child *child = children->first; child; child = child->next)
    if (child->pid == pid)
      return true;
  return false;
}

void children_reap(struct children *children)
{
  for (;;) {
    while (reap_known(children))
      ;
    siginfo_t info = {0};
    int failed = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
    if (failed < 0 && errno == EINTR)
      continue;
    if (failed < 0 || info.si_pid == 0)
      return;
    if (is_known(children, info.si_pid))
      continue;
    /* It may be the process that a call in flight is about to name. */
    if (children->pending > 0)
      return;
    TEMP_FAILURE_RETRY(waitpid(info.si_pid, NULL, WNOHANG));
  }
}
