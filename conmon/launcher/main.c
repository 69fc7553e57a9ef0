/*
 * launcher BULK-SOCKET HELPERS-CGROUP MONITORS-CGROUP…
 * Descriptor 3 is the control socket, 4 (if it is open) the lock file of berthd, 5 (if it is open) Node's channel for
 * descriptors.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/launcher.h"
#include "lib/io.h"
#include "lib/proc.h"
#include "lib/scope.h"

enum { EXIT_USAGE = 2, EXIT_SETUP = 3, EXIT_PROTOCOL = 4 };
enum { EVENTS = 64 };

static int complain(const struct err *err)
{
  fprintf(stderr, "launcher: %s: errno %d (%s)\n", err->msg, err->code, strerrordesc_np(err->code));
  return -err->code;
}

static int watch(struct launcher *l, int fd, void *tag, struct err *err)
{
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = tag};
  if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
    return err_set(err, errno, "epoll_ctl of descriptor %d", fd);
  return 0;
}

static int set_up(struct launcher *l, char **argv, int argc, struct err *err)
{
  struct stat status;
  /* Libraries of berthd open files without close-on-exec: nothing of theirs is ours to keep. */
  proc_close_from(HANDLES_FD + 1);
  if (fcntl(CONTROL_FD, F_SETFD, FD_CLOEXEC) < 0)
    return err_set(err, errno, "descriptor %d is not open: berthd starts this program", CONTROL_FD);
  l->has_lock = fstat(LOCK_FD, &status) == 0 && S_ISREG(status.st_mode);
  if (l->has_lock && fcntl(LOCK_FD, F_SETFD, FD_CLOEXEC) < 0)
    return err_set(err, errno, "set close-on-exec of the lock");
  l->handles = fstat(HANDLES_FD, &status) == 0 && S_ISSOCK(status.st_mode) ? HANDLES_FD : -1;
  if (l->handles < 0)
    close(HANDLES_FD);
  else if (fcntl(l->handles, F_SETFD, FD_CLOEXEC) < 0)
    return err_set(err, errno, "set close-on-exec of the channel");
  int failed = set_nonblock(CONTROL_FD, true);
  if (failed < 0)
    return err_set(err, -failed, "set the control socket non-blocking");
  failed = proc_fill_stdio();
  if (failed < 0)
    return err_set(err, -failed, "open /dev/null");
  proc_reset_signals();
  signal(SIGPIPE, SIG_IGN);
  umask(022);
  l->signals = proc_watch_children();
  if (l->signals < 0)
    return err_set(err, -l->signals, "signalfd for SIGCHLD");
  l->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (l->epoll < 0)
    return err_set(err, errno, "epoll_create1");
  l->bulk_path = argv[1];
  if (placement_open(&l->helpers, (const char *const *)&argv[2], 1, err) < 0 ||
      placement_open(&l->monitors, (const char *const *)&argv[3], argc - 3, err) < 0)
    return -1;
  l->output = wire_writer(SIZE_MAX);
  if (l->handles >= 0 && watch(l, l->handles, &l->handles, err) < 0)
    return -1;
  return watch(l, CONTROL_FD, &l->input, err) < 0 || watch(l, l->signals, &l->signals, err) < 0 ? -1 : 0;
}

static int greet(struct launcher *l, struct err *err)
{
  _cleanup_wire_ struct wire_writer hello = wire_writer(64);
  wire_put_u32(&hello, PROTOCOL_VERSION);
  wire_put_u32(&hello, (uint32_t)getpid());
  control_reply(l, 0, OP_HELLO, STATUS_OK, hello.data, hello.size);
  return control_flush(l, err);
}

/* Serves until berthd closes its end (0) or breaks the protocol (negative). */
static int serve(struct launcher *l, struct err *err)
{
  for (bool end = false; !end;) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(l->epoll, events, EVENTS, job_wait_ms(l));
    if (count < 0 && errno != EINTR)
      return err_set(err, errno, "epoll_wait");
    for (int i = 0; i < count; i++) {
      void *tag = events[i].data.ptr;
      if (tag == &l->signals) {
        proc_drain_signals(l->signals);
        job_reap(l);
      } else if (tag == &l->handles) {
        if (!handles_drain(l->handles))
          close_fd(&l->handles);
      } else if (tag == &l->input) {
        if ((events[i].events & ~(uint32_t)EPOLLOUT) && control_read(l, &end, err) < 0)
          return -1;
      } else {
        job_stream_event(l, tag);
      }
    }
    job_expire(l);
    job_free_ended(l);
    if (!end && control_flush(l, err) < 0)
      return -1;
  }
  return 0;
}

int main(int argc, char **argv)
{
  if (argc < 4 || argc > 3 + MAX_PLACES) {
    fprintf(stderr, "usage: launcher BULK-SOCKET HELPERS-CGROUP MONITORS-CGROUP...\n");
    return EXIT_USAGE;
  }
  static struct launcher l;
  struct err err = {0};
  if (set_up(&l, argv, argc, &err) < 0) {
    complain(&err);
    return EXIT_SETUP;
  }
  int status = greet(&l, &err) < 0 || serve(&l, &err) < 0 ? complain(&err) : 0;
  shutdown_helpers(&l);
  return status < 0 ? EXIT_PROTOCOL : 0;
}
