/* How often the kernel's OOM killer has struck in a container's memory cgroup (v1 and v2). */
#ifndef CONMON_MONITOR_OOM_H
#define CONMON_MONITOR_OOM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "monitor/protocol.h"

/* All descriptors are -1 where there is nothing to open. */
struct oom {
  /* memory.events or memory.oom_control. */
  int fd;
  /* The parent's memory.events, which counts what is below it too. v1 counts in the victim's cgroup alone. */
  int parent_fd;
  /* v1's news of an OOM. */
  int event_fd;
  uint64_t baseline;
  uint64_t parent_baseline;
  /* News come on `fd` itself. */
  bool v2;
  /* Kills since: the last that could be read. */
  uint64_t count;
};

enum oom_look { OOM_SAME, OOM_GROWN, OOM_UNREADABLE };

/* Opens the counters of the process's memory cgroup, before the container runs, and notes what they say now. */
void oom_open(struct oom *oom, pid_t pid);
/* What to watch for news, and for which events of epoll(7); -1 if there is nothing. */
int oom_news(const struct oom *oom, uint32_t *events);
/* Takes the news off and reads the count. */
enum oom_look oom_look(struct oom *oom);
/*
 * Counted: the kernel killed in the container's cgroup, whomever: containerd and CRI-O too call a container OOMKilled when
 * it was a child that died, for init that lives on has lost a part of its work. Inferred: the counter went away with the
 * cgroup before it was read, init was killed by nobody that we know (`killed`), and the parent's count has grown.
 */
enum oom_verdict oom_judge(struct oom *oom, bool killed);
void oom_close(struct oom *oom);

/* The pure part: `oom_kill N` in the text of a counter file. */
bool oom_parse_count(const char *text, uint64_t *count);

#endif
