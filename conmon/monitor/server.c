#include "monitor/server.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "lib/scope.h"
#include "lib/unix_socket.h"
#include "monitor/events.h"
#include "monitor/monitor.h"

/* How soon clients are let in again when there was nothing left for them. */
#define ACCEPT_AGAIN_MS 100

static const struct role_ops *ops_of(uint8_t role)
{
  switch (role) {
  case ROLE_CONTROL:
    return &control_ops;
  case ROLE_EXEC:
    return &exec_ops;
  case ROLE_ATTACH:
    return &attach_ops;
  case ROLE_EVENTS:
    return &events_ops;
  default:
    return NULL;
  }
}

static enum conn_result greet(struct conn *conn, const struct frame *frame)
{
  struct monitor *monitor = conn->monitor;
  struct hello hello;
  if (!parse_hello(frame, &hello)) {
    conn_refuse(conn, frame->tag, PE_FRAME, "HELLO without the magic number of this protocol");
    return CONN_TAKEN;
  }
  if (hello.version != PROTOCOL_VERSION) {
    conn_refuse(conn, frame->tag, PE_VERSION, "this monitor speaks version 1");
    return CONN_TAKEN;
  }
  const struct role_ops *ops = ops_of(hello.role);
  if (!ops) {
    conn_refuse(conn, frame->tag, PE_ROLE, "a role that this monitor does not have");
    return CONN_TAKEN;
  }
  loop_disarm(&monitor->loop, &conn->timer);
  conn->role = (enum role)hello.role;
  conn->ops = ops;
  struct state_view view = monitor_view(monitor);
  _cleanup_wire_ struct wire_writer payload = wire_writer(64 * 1024);
  put_welcome(&payload, conn->role, monitor->options.tty ? WELCOME_TTY : 0, (uint32_t)getpid(), monitor->options.id, &view);
  conn_send_wire(conn, FRAME_WELCOME, frame->tag, &payload);
  if (conn->role != ROLE_CONTROL)
    monitor_fire(monitor, EV_NOT_CONTROL);
  return CONN_TAKEN;
}

static void stranger_closed(struct conn *conn)
{
  monitor_fire(conn->monitor, EV_NOT_CONTROL);
}

static const struct role_ops stranger_ops = {.frame = greet, .closed = stranger_closed};

static bool is_root(int fd)
{
  struct ucred peer;
  socklen_t size = sizeof(peer);
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == 0;
}

static void accept_again(void *owner)
{
  struct monitor *monitor = owner;
  loop_want(&monitor->loop, &monitor->listener, EPOLLIN);
}

/* Without descriptors or memory the next client would stay at the door, and the loop would spin. */
static void pause_accepting(struct monitor *monitor)
{
  loop_want(&monitor->loop, &monitor->listener, 0);
  loop_arm(&monitor->loop, &monitor->accept_again, ACCEPT_AGAIN_MS, accept_again, monitor);
}

void server_accept(struct monitor *monitor)
{
  while (monitor->listen_fd >= 0) {
    int fd = accept4(monitor->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
      continue;
    if (fd < 0 && errno != EAGAIN)
      pause_accepting(monitor);
    if (fd < 0)
      return;
    if (!is_root(fd)) {
      close(fd);
      continue;
    }
    struct conn *conn = conn_open(monitor, fd, &stranger_ops);
    if (!conn)
      continue;
    conn->next = monitor->conns;
    monitor->conns = conn;
  }
}

static void acceptable(void *owner, uint32_t events)
{
  (void)events;
  server_accept(owner);
}

int server_listen(struct monitor *monitor, struct err *err)
{
  const char *path = monitor->options.socket;
  _cleanup_fd_ int fd = unix_listen(path, err);
  if (fd < 0)
    return fd;
  int failed = loop_watch(&monitor->loop, &monitor->listener, fd, EPOLLIN, acceptable, monitor);
  if (failed < 0)
    return err_set(err, -failed, "watch %s", path);
  monitor->listen_fd = steal_fd(&fd);
  return 0;
}

void server_push_state(struct monitor *monitor)
{
  struct state_view view = monitor_view(monitor);
  _cleanup_wire_ struct wire_writer payload = wire_writer(64 * 1024);
  put_state(&payload, &view);
  for (struct conn *conn = monitor->conns; conn; conn = conn->next)
    if (!conn->dead && conn->role == ROLE_CONTROL)
      conn_send_wire(conn, FRAME_STATE, 0, &payload);
  events_publish(monitor, EVENTS_STATE, FRAME_STATE, &payload);
}

bool server_has_clients(const struct monitor *monitor)
{
  for (const struct conn *conn = monitor->conns; conn; conn = conn->next)
    if (!conn->dead && !conn->finishing && (conn->role == ROLE_CONTROL || conn->role == ROLE_NONE))
      return true;
  return false;
}

/* Bytes, the time to read them and close, or the answer to a request that may be on its way behind HELLO. */
static bool is_owed_something(const struct conn *conn)
{
  bool has_asked = conn->role == ROLE_NONE || conn->role == ROLE_CONTROL || conn->owner || conn->subscribed;
  return conn_backlog(conn) > 0 || conn->finishing || !has_asked;
}

bool server_is_flushed(const struct monitor *monitor)
{
  for (const struct conn *conn = monitor->conns; conn; conn = conn->next)
    if (!conn->dead && is_owed_something(conn))
      return false;
  return true;
}

void server_sweep(struct monitor *monitor)
{
  for (struct conn **at = &monitor->conns; *at;) {
    struct conn *conn = *at;
    if (conn->dead) {
      *at = conn->next;
      conn_free(conn);
    } else {
      at = &conn->next;
    }
  }
}

void server_close(struct monitor *monitor)
{
  if (monitor->listen_fd < 0)
    return;
  /* The name first: who finds no socket reads the exit record, who connects in between is reset. */
  unlink(monitor->options.socket);
  loop_disarm(&monitor->loop, &monitor->accept_again);
  loop_unwatch(&monitor->loop, &monitor->listener);
  close_fd(&monitor->listen_fd);
}
