#include <signal.h>
#include <sys/epoll.h>

#include "monitor/events.h"
#include "monitor/monitor.h"

/* v1 tells of an OOM before the kill is counted: after the news the count is looked at for a while. */
#define LOOK_AGAIN_MS 20
#define LOOKS_MAX 25

static void look(struct monitor *monitor);

static void look_again(void *owner)
{
  look(owner);
}

static void look(struct monitor *monitor)
{
  enum oom_look seen = oom_look(&monitor->oom);
  if (seen == OOM_GROWN)
    events_oom(monitor, monitor->oom.count);
  if (seen == OOM_UNREADABLE)
    loop_unwatch(&monitor->loop, &monitor->oom_news);
  else if (monitor->oom.event_fd >= 0 && ++monitor->oom_looks < LOOKS_MAX)
    loop_arm(&monitor->loop, &monitor->oom_timer, LOOK_AGAIN_MS, look_again, monitor);
}

static void news(void *owner, uint32_t events)
{
  (void)events;
  struct monitor *monitor = owner;
  monitor->oom_looks = 0;
  look(monitor);
}

/* Without news (no such file, or no room for one more watch) the count is still read at the end. */
void container_oom_watch(struct monitor *monitor)
{
  uint32_t events;
  oom_open(&monitor->oom, monitor->init_pid);
  int fd = oom_news(&monitor->oom, &events);
  if (fd >= 0)
    loop_watch(&monitor->loop, &monitor->oom_news, fd, events, news, monitor);
}

enum oom_verdict container_oom_judge(struct monitor *monitor)
{
  const struct exit_status *status = &monitor->record.status;
  bool killed = status->kind == ST_SIGNALED && status->value == SIGKILL && !monitor->sigkill_sent;
  uint64_t told = monitor->oom.count;
  enum oom_verdict verdict = oom_judge(&monitor->oom, killed);
  if (monitor->oom.count > told)
    events_oom(monitor, monitor->oom.count);
  loop_disarm(&monitor->loop, &monitor->oom_timer);
  loop_unwatch(&monitor->loop, &monitor->oom_news);
  oom_close(&monitor->oom);
  return verdict;
}
