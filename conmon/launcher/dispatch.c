#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "launcher/launcher.h"
#include "lib/io.h"
#include "lib/scope.h"

/* Operations that run in a child, by number. */
static call_fn *const calls[] = {
    [OP_MOUNT_OVERLAY] = call_mount_overlay,
    [OP_MOUNT_BIND] = call_mount_bind,
    [OP_MOUNT_TMPFS] = call_mount_tmpfs,
    [OP_UNMOUNT] = call_unmount,
    [OP_PIN] = call_pin,
    [OP_UNPIN] = call_unpin,
    [OP_DIAL] = call_dial,
    [OP_INTERFACE_COUNTERS] = call_interface_counters,
    [OP_READ_IN_ROOT] = call_read_in_root,
    [OP_MKDIR_IN_ROOT] = call_mkdir_in_root,
    [OP_REMOVE_TREE] = call_remove_tree,
    [OP_SYNCFS] = call_syncfs,
    [OP_LOCK] = call_lock,
    [OP_BIND_IN_ROOT] = call_bind_in_root,
};

static int answer(const struct call *call, const struct wire_writer *out)
{
  uint16_t status = STATUS_OK;
  int failed = write_full(call->reply_fd, &status, sizeof(status));
  return failed < 0 ? failed : write_full(call->reply_fd, out->data, out->size);
}

static void answer_failure(const struct call *call, const struct err *err)
{
  _cleanup_wire_ struct wire_writer out = wire_writer(MAX_REPLY);
  uint16_t status = STATUS_FAILED;
  wire_put_raw(&out, &status, sizeof(status));
  wire_put_u32(&out, (uint32_t)err->code);
  wire_put_str(&out, err->msg);
  write_full(call->reply_fd, out.data, out.size);
}

/* The child's whole life. A payload that does not decode is answered with EPROTO. */
static _Noreturn void serve_call(struct call *call, call_fn *fn, struct wire_reader *in)
{
  struct wire_writer out = wire_writer(MAX_REPLY - HEADER_SIZE);
  struct err err = {0};
  int failed = fn(call, in, &out, &err);
  if (failed == 0 && out.failed)
    failed = err_set(&err, EMSGSIZE, "the answer is too large");
  if (failed < 0)
    answer_failure(call, &err);
  else
    failed = answer(call, &out);
  _exit(failed < 0 ? 1 : 0);
}

/* What the child of an operation keeps of the launcher's descriptors. */
static int kept_by(const struct launcher *l, uint16_t op)
{
  if (op == OP_LOCK && l->has_lock)
    return LOCK_FD;
  return op == OP_DIAL ? l->handles : -1;
}

static int start_call(struct launcher *l, uint32_t id, uint16_t op, struct wire_reader *in, struct err *err)
{
  /* The deadline of a lock is part of its payload; every other call ends by itself or is cancelled. */
  struct wire_reader peek = *in;
  uint32_t timeout_ms = op == OP_LOCK ? wire_get_u32(&peek) : 0;
  int pipe_fds[2];
  struct err why = {0};
  struct job *job = job_new(l, JOB_CALL, id, op, timeout_ms);
  if (!job)
    return err_set(err, ENOMEM, "memory for a job");
  if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
    err_set(&why, errno, "pipe");
    control_fail(l, id, op, STATUS_FAILED, &why);
    job_discard(l, job);
    return 0;
  }
  _cleanup_fd_ int read_end = pipe_fds[0];
  _cleanup_fd_ int write_end = pipe_fds[1];
  job->pid = spawn_call(l, write_end, kept_by(l, op), &why);
  if (job->pid == 0) {
    struct call call = {.reply_fd = CONTROL_FD, .handles_fd = op == OP_DIAL && l->handles >= 0 ? KEPT_FD : -1};
    serve_call(&call, calls[op], in);
  }
  if (job->pid < 0 || job_watch(l, &job->out, steal_fd(&read_end), &why) < 0) {
    control_fail(l, id, op, STATUS_FAILED, &why);
    job_discard(l, job);
  }
  return 0;
}

static void cancel(struct launcher *l, uint32_t id, struct wire_reader *in)
{
  _cleanup_wire_ struct wire_writer out = wire_writer(16);
  wire_put_u8(&out, job_cancel(l, wire_get_u32(in)));
  control_reply(l, id, OP_CANCEL, STATUS_OK, out.data, out.size);
}

int dispatch(struct launcher *l, uint32_t id, uint16_t op, struct wire_reader *in, struct err *err)
{
  if (op < sizeof(calls) / sizeof(calls[0]) && calls[op])
    return start_call(l, id, op, in, err);
  int failed = 0;
  switch (op) {
  case OP_RUN:
  case OP_RUN_STREAMED:
    failed = run_program(l, id, op, in, err);
    break;
  case OP_START_MONITOR:
    failed = run_monitor(l, id, in, err);
    break;
  case OP_SIGNAL:
    process_signal(l, id, in);
    break;
  case OP_IDENTIFY:
    process_identify(l, id, in);
    break;
  case OP_CANCEL:
    cancel(l, id, in);
    break;
  default:
    return err_set(err, EPROTO, "request %u asks for operation %u, which there is not", id, op);
  }
  if (failed == 0 && !wire_done(in))
    return err_set(err, EPROTO, "request %u of operation %u is malformed", id, op);
  return failed;
}
