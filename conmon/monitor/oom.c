#include "monitor/oom.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "lib/cgroup.h"
#include "lib/io.h"
#include "lib/scope.h"

bool oom_parse_count(const char *text, uint64_t *count)
{
  for (const char *line = text; *line;) {
    if (strncmp(line, "oom_kill ", 9) == 0)
      return sscanf(line + 9, "%" SCNu64, count) == 1;
    const char *end = strchrnul(line, '\n');
    line = *end ? end + 1 : end;
  }
  return false;
}

static bool read_count(int fd, uint64_t *count)
{
  char text[1024];
  ssize_t got = fd < 0 ? -1 : TEMP_FAILURE_RETRY(pread(fd, text, sizeof(text) - 1, 0));
  if (got < 0)
    return false;
  text[got] = '\0';
  return oom_parse_count(text, count);
}

static void open_counter(const char *folder, const char *file, int *fd, uint64_t *count)
{
  char path[PATH_MAX + 32];
  snprintf(path, sizeof(path), "%s/%s", folder, file);
  *fd = open_once(path, O_RDONLY, 0);
  if (!read_count(*fd, count))
    close_fd(fd);
}

/* v1: the kernel counts up an eventfd when memory has run out, just before it kills. */
static void open_events(struct oom *oom, const char *folder)
{
  _cleanup_fd_ int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  char line[32];
  snprintf(line, sizeof(line), "%d %d", fd, oom->fd);
  if (fd >= 0 && cgroup_write(folder, "cgroup.event_control", line) == 0)
    oom->event_fd = steal_fd(&fd);
}

void oom_open(struct oom *oom, pid_t pid)
{
  *oom = (struct oom){.fd = -1, .parent_fd = -1, .event_fd = -1};
  struct cgroup cgroup;
  if (!cgroup_of(pid, "memory", &cgroup))
    return;
  oom->v2 = cgroup.v2;
  open_counter(cgroup.folder, cgroup.v2 ? "memory.events" : "memory.oom_control", &oom->fd, &oom->baseline);
  if (!cgroup.v2) {
    if (oom->fd >= 0)
      open_events(oom, cgroup.folder);
    return;
  }
  char *slash = strrchr(cgroup.folder, '/');
  if (slash) {
    *slash = '\0';
    open_counter(cgroup.folder, "memory.events", &oom->parent_fd, &oom->parent_baseline);
  }
}

int oom_news(const struct oom *oom, uint32_t *events)
{
  *events = oom->event_fd >= 0 ? EPOLLIN : EPOLLPRI;
  if (oom->event_fd >= 0)
    return oom->event_fd;
  return oom->v2 ? oom->fd : -1;
}

enum oom_look oom_look(struct oom *oom)
{
  uint64_t count;
  if (oom->event_fd >= 0)
    read_once(oom->event_fd, &count, sizeof(count));
  if (!read_count(oom->fd, &count))
    return OOM_UNREADABLE;
  bool grown = count - oom->baseline > oom->count;
  oom->count = count - oom->baseline;
  return grown ? OOM_GROWN : OOM_SAME;
}

enum oom_verdict oom_judge(struct oom *oom, bool killed)
{
  uint64_t count;
  enum oom_look look = oom_look(oom);
  if (oom->count > 0)
    return OOM_COUNTED;
  bool inferred = look == OOM_UNREADABLE && killed && read_count(oom->parent_fd, &count) && count > oom->parent_baseline;
  return inferred ? OOM_INFERRED : OOM_NO;
}

void oom_close(struct oom *oom)
{
  close_fd(&oom->fd);
  close_fd(&oom->parent_fd);
  close_fd(&oom->event_fd);
}
