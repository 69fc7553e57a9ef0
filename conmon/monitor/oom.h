/* How often the kernel's OOM killer has struck in a container's memory cgroup (v1 and v2). */
#ifndef CONMON_MONITOR_OOM_H
#define CONMON_MONITOR_OOM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct oom {
  /* memory.events or memory.oom_control, opened before the container starts; -1 if there is none. */
  int fd;
  uint64_t baseline;
};

/* Finds the process's memory cgroup. Without one, or without a counter, oom_struck stays false. */
void oom_open(struct oom *oom, pid_t pid);
/* Whether the counter has grown since. */
bool oom_struck(const struct oom *oom);
void oom_close(struct oom *oom);

/* Pure parts. `oom_kill N` in the text of a counter file. */
bool oom_parse_count(const char *text, uint64_t *count);
/* The folder of the memory cgroup, from the text of /proc/<pid>/cgroup and /proc/self/mountinfo; false if there is none. */
bool oom_find_folder(const char *cgroups, const char *mounts, char *folder, size_t size, bool *v2);

#endif
