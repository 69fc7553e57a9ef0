#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launcher/launcher.h"
#include "lib/proc.h"
#include "lib/scope.h"

void process_signal(struct launcher *l, uint32_t id, struct wire_reader *in)
{
  pid_t pid = (pid_t)wire_get_u32(in);
  uint64_t wanted = wire_get_u64(in);
  uint32_t signum = wire_get_u32(in);
  if (!wire_done(in))
    return;
  /* The pidfd first: once it is open, the start time that is read tells whose it is. */
  _cleanup_fd_ int pidfd = proc_pidfd_open(pid);
  int failed = pidfd < 0 ? pidfd : 0;
  struct proc_identity found = {0};
  if (failed == 0)
    failed = proc_identify(pid, &found, NULL);
  if (failed == 0 && (found.ended || found.start_time != wanted))
    failed = -ESRCH;
  if (failed == 0)
    failed = proc_pidfd_signal(pidfd, (int)signum);
  if (failed < 0 && failed != -ESRCH) {
    struct err err;
    err_set(&err, -failed, "signal %u to process %d", signum, (int)pid);
    control_fail(l, id, OP_SIGNAL, STATUS_FAILED, &err);
    return;
  }
  uint8_t delivered = failed == 0;
  control_reply(l, id, OP_SIGNAL, STATUS_OK, &delivered, 1);
}

void process_identify(struct launcher *l, uint32_t id, struct wire_reader *in)
{
  pid_t pid = (pid_t)wire_get_u32(in);
  if (!wire_done(in))
    return;
  struct err err = {0};
  struct proc_identity found = {0};
  int failed = proc_identify(pid, &found, &err);
  if (failed < 0 && failed != -ESRCH) {
    control_fail(l, id, OP_IDENTIFY, STATUS_FAILED, &err);
    return;
  }
  _cleanup_wire_ struct wire_writer out = wire_writer(16);
  wire_put_u8(&out, failed == 0 && !found.ended);
  wire_put_u64(&out, found.start_time);
  control_reply(l, id, OP_IDENTIFY, STATUS_OK, out.data, out.size);
}

int call_lock(struct call *call, struct wire_reader *in, struct wire_writer *out, struct err *err)
{
  (void)call;
  (void)out;
  wire_get_u32(in);
  if (!wire_done(in))
    return err_set(err, EPROTO, "LOCK is malformed");
  /* The lock belongs to the open file, which berthd, the launcher and this child share: it stays when we leave. */
  int failed;
  do
    failed = flock(LOCK_FD, LOCK_EX);
  while (failed < 0 && errno == EINTR);
  return failed < 0 ? err_set(err, errno, "flock") : 0;
}
