#include "monitor/events.h"

#include "monitor/monitor.h"

void events_publish(const struct monitor *monitor, uint32_t kind, uint8_t type, const struct wire_writer *payload)
{
  for (struct conn *conn = monitor->conns; conn; conn = conn->next) {
    if (conn->dead || !(conn->subscribed & kind))
      continue;
    if (payload->failed)
      conn_close(conn);
    else
      conn_offer(conn, CONN_EVENTS_MAX, type, 0, payload->data, payload->size);
  }
}

void events_oom(const struct monitor *monitor, uint64_t count)
{
  _cleanup_wire_ struct wire_writer payload = wire_writer(64);
  put_oom(&payload, count, clock_realtime_ns());
  events_publish(monitor, EVENTS_OOM, FRAME_OOM, &payload);
}

void events_log(const struct monitor *monitor, const struct log_notice *notice)
{
  _cleanup_wire_ struct wire_writer payload = wire_writer(64);
  put_log(&payload, notice);
  events_publish(monitor, EVENTS_LOG, FRAME_LOG, &payload);
}

/* The present state, from which the later ones go on. */
static void send_state(struct conn *conn)
{
  struct state_view view = monitor_view(conn->monitor);
  _cleanup_wire_ struct wire_writer payload = wire_writer(64 * 1024);
  put_state(&payload, &view);
  conn_send_wire(conn, FRAME_STATE, 0, &payload);
}

static enum conn_result on_frame(struct conn *conn, const struct frame *frame)
{
  uint32_t mask;
  if (conn->subscribed)
    conn_refuse(conn, frame->tag, PE_STATE, "this connection has its subscription already");
  else if (!parse_subscribe(frame, &mask))
    conn_refuse(conn, frame->tag, PE_FRAME, "a payload that does not fit its frame");
  else {
    conn->subscribed = mask;
    conn_send(conn, FRAME_OK, frame->tag, NULL, 0);
    if (mask & EVENTS_STATE)
      send_state(conn);
  }
  return CONN_TAKEN;
}

const struct role_ops events_ops = {.frame = on_frame};
