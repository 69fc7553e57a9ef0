#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/io.h"
#include "lib/scope.h"
#include "monitor/monitor.h"
#include "monitor/record.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* 0, 1 and 2 must be taken, or a pipe of ours would land there. */
static int fill_stdio(struct err *err)
{
  int fd;
  do
    fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  while (fd >= 0 && fd <= 2);
  if (fd < 0)
    return err_set(err, errno, "open /dev/null");
  close(fd);
  return 0;
}

static void signalled(void *owner, uint32_t events)
{
  (void)events;
  struct monitor *monitor = owner;
  struct signalfd_siginfo info;
  while (read_once(monitor->signal_fd, &info, sizeof(info)) > 0)
    ;
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
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGCHLD);
  if (sigprocmask(SIG_SETMASK, &mask, NULL) < 0)
    return err_set(err, errno, "block SIGCHLD");
  monitor->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
  if (monitor->signal_fd < 0)
    return err_set(err, errno, "signalfd");
  int failed = loop_watch(&monitor->loop, &monitor->signals, monitor->signal_fd, EPOLLIN, signalled, monitor);
  return failed < 0 ? err_set(err, -failed, "watch SIGCHLD") : 0;
}

int setup_process(struct monitor *monitor, struct err *err)
{
  /* Whatever the launcher forgot to close is not the runtime's. */
  if (syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
    return err_set(err, errno, "close_range");
  if (fill_stdio(err) < 0)
    return -err->code;
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
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int target = 0; null >= 0 && target <= 2; target++)
    dup2(null, target);
  close_fd(&null);
}
