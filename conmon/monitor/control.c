#include <errno.h>
#include <signal.h>
#include <string.h>

#include "lib/proc.h"
#include "monitor/describe.h"
#include "monitor/monitor.h"

static enum conn_result refuse_payload(struct conn *conn, uint32_t tag)
{
  conn_refuse(conn, tag, PE_FRAME, "a payload that does not fit its frame");
  return CONN_TAKEN;
}

static void on_start(struct conn *conn, uint32_t tag)
{
  struct monitor *monitor = conn->monitor;
  if (monitor->state == S_CREATED && !monitor->init_gone) {
    monitor->starter = conn;
    monitor->start_tag = tag;
    monitor_fire(monitor, EV_START);
    return;
  }
  conn_error(conn, tag, PE_STATE, "the container is not in the state created");
}

/* While the runtime is still making init, SIGKILL ends that: nobody is there yet who could get it. So with a start without init. */
static void on_signal(struct conn *conn, uint32_t tag, uint32_t signum)
{
  struct monitor *monitor = conn->monitor;
  if (signum == 0 || signum >= NSIG) {
    conn_error(conn, tag, PE_STATE, "no signal has this number");
    return;
  }
  uint8_t delivered = 0;
  bool hangs = monitor->state == S_STARTING && (monitor->init_gone || monitor->init_pidfd < 0);
  bool awaits = restore_awaits(monitor);
  if ((monitor->state == S_CREATING || hangs) && signum == SIGKILL) {
    monitor->sigkill_sent = true;
    call_kill(&monitor->call);
    delivered = 1;
  } else if (monitor->init_pidfd >= 0 && !monitor->init_gone) {
    monitor->sigkill_sent |= signum == SIGKILL;
    int failed = proc_pidfd_signal(monitor->init_pidfd, (int)signum);
    if (failed < 0 && failed != -ESRCH) {
      conn_error(conn, tag, PE_SYSTEM, strerror(-failed));
      return;
    }
    delivered = failed == 0;
  }
  delivered |= awaits;
  conn_send(conn, FRAME_SIGNALED, tag, &delivered, 1);
  if (awaits)
    restore_cancel(monitor, signum);
}

/* A log that is complete is not begun anew: who has renamed it is told to put it back. */
static void on_reopen(struct conn *conn, uint32_t tag)
{
  struct monitor *monitor = conn->monitor;
  struct err err;
  if (monitor->state >= S_EXITED) {
    conn_error(conn, tag, PE_STATE, "the container has ended, its log is complete");
    return;
  }
  if (logger_reopen(&monitor->log, &err) < 0) {
    conn_error(conn, tag, PE_SYSTEM, describe(&err).text);
    return;
  }
  struct logger_facts log = logger_facts(&monitor->log);
  _cleanup_wire_ struct wire_writer payload = wire_writer(64);
  wire_put_u64(&payload, log.inode);
  wire_put_u64(&payload, log.size);
  conn_send_wire(conn, FRAME_REOPENED, tag, &payload);
}

static void on_resize(struct conn *conn, uint32_t tag, uint16_t width, uint16_t height)
{
  if (!conn->monitor->options.tty) {
    conn_error(conn, tag, PE_STATE, "the container has no terminal");
    return;
  }
  streams_resize(conn->monitor, width, height);
  conn_send(conn, FRAME_OK, tag, NULL, 0);
}

static void on_release(struct conn *conn, uint32_t tag)
{
  if (monitor_fire(conn->monitor, EV_RELEASE))
    conn_send(conn, FRAME_OK, tag, NULL, 0);
  else
    conn_error(conn, tag, PE_STATE, "the container has not ended");
}

static enum conn_result on_frame(struct conn *conn, const struct frame *frame)
{
  uint32_t signum;
  uint16_t width;
  uint16_t height;
  switch (frame->type) {
  case FRAME_SIGNAL:
    if (!parse_u32(frame, &signum))
      return refuse_payload(conn, frame->tag);
    on_signal(conn, frame->tag, signum);
    return CONN_TAKEN;
  case FRAME_RESIZE:
    if (!parse_resize(frame, &width, &height))
      return refuse_payload(conn, frame->tag);
    on_resize(conn, frame->tag, width, height);
    return CONN_TAKEN;
  default:
    break;
  }
  if (frame->size != 0)
    return refuse_payload(conn, frame->tag);
  if (frame->type == FRAME_START)
    on_start(conn, frame->tag);
  else if (frame->type == FRAME_REOPEN)
    on_reopen(conn, frame->tag);
  else
    on_release(conn, frame->tag);
  return CONN_TAKEN;
}

static void on_closed(struct conn *conn)
{
  struct monitor *monitor = conn->monitor;
  if (monitor->starter == conn)
    monitor->starter = NULL;
  monitor_fire(monitor, EV_CLIENT_GONE);
}

const struct role_ops control_ops = {.frame = on_frame, .closed = on_closed};
