/*
 * Who our children are. As a subreaper the monitor is also given processes that it has not started: a container's init,
 * an exec's process. Which pid is which is known only when the runtime call that made it has returned and its pidfile is
 * read; until then a zombie that nobody knows is left alone, so that its pid cannot be taken by another process.
 */
#ifndef CONMON_MONITOR_CHILDREN_H
#define CONMON_MONITOR_CHILDREN_H

#include <sys/types.h>

typedef void child_fn(void *owner, int wait_status);

/* Set to the wait status when the kernel gave none: the process was no child of ours. */
#define CHILD_UNKNOWN (-1)

struct child {
  pid_t pid;
  child_fn *ended;
  void *owner;
  struct child *next;
};

struct children {
  struct child *first;
  /* Runtime calls whose pidfile is not read yet. */
  unsigned int pending;
};

/* `ended` is called once, from children_reap, after the child is off the list. */
void children_add(struct children *children, struct child *child, pid_t pid, child_fn *ended, void *owner);
void children_remove(struct children *children, struct child *child);
/* Reaps what can be reaped now. To be called for SIGCHLD and whenever `pending` has become less. */
void children_reap(struct children *children);

#endif
