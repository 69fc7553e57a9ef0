/*
 * The cgroup of one exec, below the container's own: whatever the exec starts is in it, in however many sessions and
 * whoever is still alive to be its parent, so that all of it can be killed. On v1 it is a freezer cgroup.
 */
#ifndef CONMON_MONITOR_EXEC_GROUP_H
#define CONMON_MONITOR_EXEC_GROUP_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/cgroup.h"
#include "monitor/loop.h"

/* What is known of this container and its runtime; once for all of its execs. */
enum group_use {
  GROUPS_UNTRIED,
  /* The runtime starts the process in the group. */
  GROUPS_BY_RUNTIME,
  /* The runtime has no such option: the process is moved once it is known. What it forks before that, tree.h finds. */
  GROUPS_AFTERWARDS,
  /* No cgroup that we could use. */
  GROUPS_NONE,
};

struct exec_groups {
  enum group_use use;
  struct cgroup container;
};

struct exec_group {
  struct loop *loop;
  /* NULL without a group, and when it is removed. */
  const struct exec_groups *of;
  unsigned int number;
  bool killed;
  unsigned int rounds;
  struct timer timer;
};

/* Groups are called this and their exec's number. */
#define GROUP_NAME "conmon-exec-"
/* Long enough for that with a controller. */
#define GROUP_NAME_SIZE 48

/* Finds the container's cgroup. */
void exec_groups_open(struct exec_groups *groups, pid_t init);
/* Decides from the help text of `runtime exec`. */
void exec_groups_decide(struct exec_groups *groups, const char *help);

/* Makes the group; without one (GROUPS_NONE, or the kernel refuses) `of` stays NULL. */
void exec_group_make(struct exec_group *group, const struct exec_groups *groups, struct loop *loop, unsigned int number);
/* What the runtime's --cgroup is given. */
void exec_group_argument(const struct exec_group *group, char name[GROUP_NAME_SIZE]);
/* Puts a process in, where the runtime does not. */
void exec_group_place(const struct exec_group *group, pid_t pid);
/* Kills everything in it, now and again until it is empty and removed, or for some seconds. */
void exec_group_kill(struct exec_group *group);
/*
 * Its process has ended: removes it, now or soon. Who still lives in it goes to the container's own cgroup first. A
 * command that has made cgroups of its own below keeps them, and this one, to the container's end.
 */
void exec_group_leave(struct exec_group *group);
/* Whether it is still being emptied: its memory must stay. */
bool exec_group_is_busy(const struct exec_group *group);

#endif
