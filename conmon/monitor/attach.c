#include "monitor/attach.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "monitor/monitor.h"

/* Half of what the kernel then holds for a client beside our queue: one that is late by a time slice or two is not slow. */
#define KERNEL_BYTES (512 * 1024)

struct attach {
  uint32_t tag;
  uint8_t flags;
  struct stdin_client in;
};

/* The next connection that is attached, from this one on. What a client is told may end it, never another. */
static struct conn *attached_from(struct conn *conn)
{
  while (conn && (conn->role != ROLE_ATTACH || !conn->owner))
    conn = conn->next;
  return conn;
}

void attach_output(struct monitor *monitor, enum log_stream which, const uint8_t *data, size_t size)
{
  uint8_t wanted = which == LOG_STDOUT ? ATTACH_STDOUT : ATTACH_STDERR;
  uint8_t type = which == LOG_STDOUT ? FRAME_STDOUT : FRAME_STDERR;
  for (struct conn *conn = attached_from(monitor->conns); conn; conn = attached_from(conn->next)) {
    const struct attach *attach = conn->owner;
    if (attach->flags & wanted)
      conn_offer(conn, CONN_ATTACH_MAX, type, attach->tag, data, size);
  }
}

void attach_exit(struct monitor *monitor)
{
  _cleanup_wire_ struct wire_writer payload = wire_writer(256);
  put_status(&payload, &monitor->record.status);
  wire_put_u8(&payload, 0);
  for (struct conn *conn = attached_from(monitor->conns); conn; conn = attached_from(conn->next)) {
    const struct attach *attach = conn->owner;
    conn_send_wire(conn, FRAME_EXIT, attach->tag, &payload);
    if (!conn->dead)
      conn_finish(conn);
  }
}

static bool is_there(const struct monitor *monitor)
{
  enum state_kind kind = monitor_view(monitor).kind;
  return kind == SK_CREATED || kind == SK_RUNNING;
}

/* Where this is not allowed the default serves, and patience is shorter. */
static void widen(int fd)
{
  int size = KERNEL_BYTES;
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
}

static void begin(struct conn *conn, const struct frame *frame)
{
  struct monitor *monitor = conn->monitor;
  uint8_t flags;
  if (!parse_attach(frame, &flags)) {
    conn_refuse(conn, frame->tag, PE_FRAME, "a payload that does not fit its frame");
    return;
  }
  if (!is_there(monitor)) {
    conn_refuse(conn, frame->tag, PE_STATE, "the container is neither created nor running");
    return;
  }
  struct attach *attach = calloc(1, sizeof(*attach));
  if (!attach) {
    conn_refuse(conn, frame->tag, PE_SYSTEM, "out of memory");
    return;
  }
  attach->tag = frame->tag;
  attach->flags = flags;
  conn->owner = attach;
  monitor->attached++;
  widen(conn->fd);
  if (flags & ATTACH_STDIN)
    stdin_join(&attach->in, conn);
  _cleanup_wire_ struct wire_writer payload = wire_writer(4);
  wire_put_u32(&payload, (uint32_t)monitor->init_pid);
  conn_send_wire(conn, FRAME_STARTED, frame->tag, &payload);
}

static enum conn_result on_frame(struct conn *conn, const struct frame *frame)
{
  struct attach *attach = conn->owner;
  uint16_t width;
  uint16_t height;
  if (frame->type == FRAME_ATTACH && !attach) {
    begin(conn, frame);
    return CONN_TAKEN;
  }
  if (!attach || frame->type == FRAME_ATTACH) {
    conn_refuse(conn, frame->tag, PE_STATE, attach ? "this connection is attached already" : "expected ATTACH");
    return CONN_TAKEN;
  }
  if (frame->type == FRAME_STDIN)
    return stdin_take(&attach->in, frame);
  if (frame->type == FRAME_STDIN_EOF && frame->size == 0)
    stdin_leave(&attach->in);
  else if (frame->type == FRAME_RESIZE && parse_resize(frame, &width, &height))
    streams_resize(conn->monitor, width, height);
  else
    conn_refuse(conn, frame->tag, PE_FRAME, "a payload that does not fit its frame");
  return CONN_TAKEN;
}

static void on_closed(struct conn *conn)
{
  struct attach *attach = conn->owner;
  conn->owner = NULL;
  if (!attach)
    return;
  conn->monitor->attached--;
  stdin_leave(&attach->in);
  free(attach);
}

const struct role_ops attach_ops = {.frame = on_frame, .closed = on_closed};
