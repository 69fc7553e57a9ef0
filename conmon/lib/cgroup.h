/* Cgroups of v1, hybrid and v2 machines: where a process is, and what is in a folder. */
#ifndef CONMON_LIB_CGROUP_H
#define CONMON_LIB_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct cgroup {
  char folder[PATH_MAX];
  bool v2;
};

/*
 * A process's cgroup in the hierarchy that has the controller: a v1 one if there is one, else the unified. False if there
 * is none, if it is not mounted where we see it, or if it is our own: then the process has none to itself.
 */
bool cgroup_of(pid_t pid, const char *controller, struct cgroup *found);

/* The pure part: from the texts of /proc/<pid>/cgroup, /proc/self/cgroup ("" to let our own pass) and mountinfo. */
bool cgroup_find(const char *theirs, const char *ours, const char *mounts, const char *controller, struct cgroup *found);

/* Calls `visit` for each process that is in the folder now; gives how many, or -errno. */
typedef void cgroup_visit_fn(void *owner, pid_t pid);
int cgroup_visit(const char *folder, cgroup_visit_fn *visit, void *owner);

/* SIGKILLs what is in the folder and below it now; gives how many there were, or -errno. What forks meanwhile is missed. */
int cgroup_signal_kill(const char *folder);

/* Writes to a file of the folder; 0, or -errno. */
int cgroup_write(const char *folder, const char *file, const char *text);

#endif
