#include "lib/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/io.h"

/* Older kernel headers lack the numbers; they are the same on every architecture. */
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
/* CLOSE_RANGE_CLOEXEC, Linux 5.11. */
#define RANGE_CLOEXEC 4
/* The kernel's PF_EXITING: set before anything of a process is taken down. */
#define FLAG_EXITING 0x4

int proc_parse_stat(const char *stat, struct proc_identity *identity)
{
  const char *name_end = strrchr(stat, ')');
  char state;
  unsigned int flags;
  long threads;
  /* Fields 3 (state), 9 (flags), 20 (threads) and 22 (start time). */
  if (!name_end || sscanf(name_end,
                          ") %c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld %*d %" SCNu64, &state,
                          &flags, &threads, &identity->start_time) != 4)
    return -EINVAL;
  identity->ended = (state == 'Z' || state == 'X') && threads <= 1;
  identity->exiting = flags & FLAG_EXITING;
  return 0;
}

int proc_identify(pid_t pid, struct proc_identity *identity, struct err *err)
{
  char path[64];
  char text[1024];
  snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
  ssize_t got = read_text(path, text, sizeof(text));
  if (got < 0)
    return err_set(err, got == -ENOENT ? ESRCH : (int)-got, "read %s", path);
  int status = proc_parse_stat(text, identity);
  return status < 0 ? err_set(err, -status, "parse %s", path) : 0;
}

int proc_start_time(pid_t pid, uint64_t *ticks, struct err *err)
{
  struct proc_identity identity;
  int failed = proc_identify(pid, &identity, err);
  if (failed == 0)
    *ticks = identity.start_time;
  return failed;
}

int proc_pidfd_open(pid_t pid)
{
  long fd = syscall(SYS_pidfd_open, pid, 0);
  return fd < 0 ? -errno : (int)fd;
}

int proc_pidfd_signal(int pidfd, int signum)
{
  return syscall(SYS_pidfd_send_signal, pidfd, signum, NULL, 0) < 0 ? -errno : 0;
}

int proc_close_from(unsigned int first)
{
  return syscall(SYS_close_range, first, ~0U, 0) < 0 ? -errno : 0;
}

int proc_cloexec_from(unsigned int first)
{
  return syscall(SYS_close_range, first, ~0U, RANGE_CLOEXEC) < 0 ? -errno : 0;
}

int proc_die_with(pid_t parent)
{
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
    return -errno;
  /* It may have ended before: then the signal has been missed. */
  return getppid() == parent ? 0 : -ESRCH;
}

int proc_fill_stdio(void)
{
  int fd;
  do
    fd = open_once("/dev/null", O_RDWR, 0);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd < 0)
    return -errno;
  close(fd);
  return 0;
}

int proc_watch_children(void)
{
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGCHLD);
  if (sigprocmask(SIG_SETMASK, &mask, NULL) < 0)
    return -errno;
  int fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
  return fd < 0 ? -errno : fd;
}

void proc_drain_signals(int fd)
{
  struct signalfd_siginfo info;
  while (read_once(fd, &info, sizeof(info)) > 0)
    ;
}

void proc_reset_signals(void)
{
  struct sigaction standard = {.sa_handler = SIG_DFL};
  for (int signum = 1; signum < NSIG; signum++)
    sigaction(signum, &standard, NULL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}
