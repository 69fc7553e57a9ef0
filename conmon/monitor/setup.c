#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "lib/io.h"
#include "lib/proc.h"
#include "lib/scope.h"
#include "monitor/monitor.h"
#include "monitor/record.h"

static void signalled(void *owner, uint32_t events)
{
  (void)events;
  struct monitor *monitor = owner;
  proc_drain_signals(monitor->signal_fd);
  container_look_at_init(monitor);
  children_reap(&monitor->children);
}

/* What ends other programs must not end a monitor: its container would be nobody's. */
static int setup_signals(struct monitor *monitor, struct err *err)
{
  static const int ignored[] = {SIGPIPE, SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGXFSZ, SIGUSR1, SIGUSR2};
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
    sigaction(ignored[i], &ignore, NULL);
  int fd = proc_watch_children();
  if (fd < 0)
    return err_set(err, -fd, "signalfd for SIGCHLD");
  monitor->signal_fd = fd;
  int failed = loop_watch(&monitor->loop, &monitor->signals, monitor->signal_fd, EPOLLIN, signalled, monitor);
  return failed < 0 ? err_set(err, -failed, "watch SIGCHLD") : 0;
}

int setup_process(struct monitor *monitor, struct err *err)
{
  /* Whatever the launcher forgot to close is not the runtime's. */
  int failed = proc_cloexec_from(3);
  if (failed == 0)
    failed = proc_fill_stdio();
  if (failed < 0)
    return err_set(err, -failed, "close_range and /dev/null");
  /* CVE-2019-5736: nothing that shares our pid namespace may open our memory or our program through /proc. */
  if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
    return err_set(err, errno, "prctl");
  if (chdir("/") < 0)
    return err_set(err, errno, "chdir /");
  umask(027);
  unsetenv("NOTIFY_SOCKET");
  unsetenv("LISTEN_FDS");
  unsetenv("LISTEN_PID");
  unsetenv("LISTEN_FDNAMES");
  if (loop_open(&monitor->loop, err) < 0)
    return -err->code;
  return setup_signals(monitor, err);
}

int setup_files(struct monitor *monitor, struct err *err)
{
  if (logger_open(&monitor->log, &monitor->options.log, streams_log_changed, monitor, err) < 0)
    return -err->code;
  monitor->record_fd = record_allocate(monitor->options.exit_file, err);
  return monitor->record_fd < 0 ? -err->code : 0;
}

/* Who started us waits for one byte; it then no longer needs our stderr. */
void setup_ready(void)
{
  const char *text = getenv("BERTH_READY_FD");
  char *end = NULL;
  long fd = text ? strtol(text, &end, 10) : -1;
  if (text && end != text && *end == '\0' && fd > 2 && fd < 65536) {
    write_full((int)fd, "1", 1);
    close((int)fd);
  }
  unsetenv("BERTH_READY_FD");
  int null = open_once("/dev/null", O_RDWR, 0);
  for (int target = 0; null >= 0 && target <= 2; target++)
    dup2(null, target);
  close_fd(&null);
}
