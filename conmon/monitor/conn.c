#include "monitor/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "lib/scope.h"
#include "monitor/monitor.h"

#define IN_FIRST 4096

size_t conn_backlog(const struct conn *conn)
{
  return conn->out_size - conn->out_start;
}

static void update_interest(struct conn *conn)
{
  if (conn->dead)
    return;
  uint32_t events = EPOLLRDHUP;
  if (!conn->waiting)
    events |= EPOLLIN;
  if (conn_backlog(conn) > 0)
    events |= EPOLLOUT;
  loop_want(&conn->monitor->loop, &conn->source, events);
}

static void forget(struct conn *conn)
{
  if (conn->forgotten)
    return;
  conn->forgotten = true;
  if (conn->ops->closed)
    conn->ops->closed(conn);
}

void conn_close(struct conn *conn)
{
  if (conn->dead)
    return;
  conn->dead = true;
  loop_disarm(&conn->monitor->loop, &conn->timer);
  loop_unwatch(&conn->monitor->loop, &conn->source);
  close_fd(&conn->fd);
  forget(conn);
}

void conn_free(struct conn *conn)
{
  free(conn->in);
  free(conn->out);
  free(conn);
}

static void receive(struct conn *conn);

/* Of a HELLO that has come by now it was the machine that was slow, not the client. */
static void out_of_patience(void *owner)
{
  struct conn *conn = owner;
  bool said_enough = conn->finishing;
  if (!said_enough)
    receive(conn);
  if (said_enough || (conn->role == ROLE_NONE && !conn->finishing))
    conn_close(conn);
}

static void shut_when_sent(struct conn *conn)
{
  if (!conn->finishing || conn->shut || conn->dead || conn_backlog(conn) > 0)
    return;
  conn->shut = true;
  shutdown(conn->fd, SHUT_WR);
  loop_arm(&conn->monitor->loop, &conn->timer, CONN_LINGER_MS, out_of_patience, conn);
}

void conn_finish(struct conn *conn)
{
  conn->finishing = true;
  conn->waiting = false;
  conn->in_size = 0;
  shut_when_sent(conn);
  update_interest(conn);
  forget(conn);
}

static bool queue(struct conn *conn, const void *data, size_t size)
{
  if (conn->out_start > 0 && conn->out_start == conn->out_size)
    conn->out_start = conn->out_size = 0;
  if (conn_backlog(conn) + size > CONN_MAX)
    return false;
  if (conn->out_size + size > conn->out_capacity) {
    if (conn->out_start > 0)
      memmove(conn->out, conn->out + conn->out_start, conn_backlog(conn));
    conn->out_size -= conn->out_start;
    conn->out_start = 0;
    size_t capacity = conn->out_capacity ? conn->out_capacity : 1024;
    while (capacity < conn->out_size + size)
      capacity *= 2;
    if (capacity > conn->out_capacity) {
      uint8_t *grown = realloc(conn->out, capacity);
      if (!grown)
        return false;
      conn->out = grown;
      conn->out_capacity = capacity;
    }
  }
  memcpy(conn->out + conn->out_size, data, size);
  conn->out_size += size;
  return true;
}

/* Bytes of header and data that the kernel took at once. */
static ssize_t send_now(struct conn *conn, const uint8_t *header, const void *data, size_t size)
{
  struct iovec parts[2] = {{.iov_base = (void *)(uintptr_t)header, .iov_len = FRAME_HEADER},
                           {.iov_base = (void *)(uintptr_t)data, .iov_len = size}};
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = size > 0 ? 2 : 1};
  ssize_t put;
  do
    put = sendmsg(conn->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (put < 0 && errno == EINTR);
  if (put < 0 && errno == EAGAIN)
    return 0;
  return put;
}

void conn_send(struct conn *conn, uint8_t type, uint32_t tag, const void *data, size_t size)
{
  if (conn->dead || conn->finishing)
    return;
  uint8_t header[FRAME_HEADER];
  frame_header(header, type, tag, size);
  ssize_t put = conn_backlog(conn) == 0 ? send_now(conn, header, data, size) : 0;
  if (put < 0) {
    conn_close(conn);
    return;
  }
  size_t sent = (size_t)put;
  bool ok = true;
  if (sent < FRAME_HEADER) {
    ok = queue(conn, header + sent, FRAME_HEADER - sent);
    sent = FRAME_HEADER;
  }
  if (ok && size > sent - FRAME_HEADER)
    ok = queue(conn, (const uint8_t *)data + (sent - FRAME_HEADER), size - (sent - FRAME_HEADER));
  if (!ok)
    conn_close(conn);
  update_interest(conn);
}

void conn_send_wire(struct conn *conn, uint8_t type, uint32_t tag, const struct wire_writer *payload)
{
  if (payload->failed)
    conn_close(conn);
  else
    conn_send(conn, type, tag, payload->data, payload->size);
}

void conn_post(struct conn *conn, uint8_t type, uint32_t tag, const struct wire_writer *payload)
{
  if (conn->dead || conn->finishing)
    return;
  uint8_t header[FRAME_HEADER];
  frame_header(header, type, tag, payload->size);
  if (payload->failed || !queue(conn, header, FRAME_HEADER) || !queue(conn, payload->data, payload->size))
    conn_close(conn);
  update_interest(conn);
}

void conn_error(struct conn *conn, uint32_t tag, enum protocol_error code, const char *message)
{
  _cleanup_wire_ struct wire_writer payload = wire_writer(64 * 1024);
  put_error(&payload, code, message);
  conn_send_wire(conn, FRAME_ERROR, tag, &payload);
}

void conn_refuse(struct conn *conn, uint32_t tag, enum protocol_error code, const char *message)
{
  conn_error(conn, tag, code, message);
  if (!conn->dead)
    conn_finish(conn);
}

void conn_offer(struct conn *conn, size_t limit, uint8_t type, uint32_t tag, const void *data, size_t size)
{
  if (conn_backlog(conn) > limit && !conn->finishing)
    conn_refuse(conn, tag, PE_SLOW, "this client does not read fast enough");
  else
    conn_send(conn, type, tag, data, size);
}

static void flush(struct conn *conn)
{
  while (conn_backlog(conn) > 0) {
    ssize_t put = send(conn->fd, conn->out + conn->out_start, conn_backlog(conn), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0 && errno == EAGAIN)
      break;
    if (put < 0) {
      conn_close(conn);
      return;
    }
    conn->out_start += (size_t)put;
  }
  shut_when_sent(conn);
  if (conn_backlog(conn) <= CONN_LOW && conn->ops->drained && !conn->finishing)
    conn->ops->drained(conn);
  update_interest(conn);
}

/* Hands whole frames to the role until one has to wait, the bytes run out, or they are no frames. */
static void take_frames(struct conn *conn)
{
  size_t start = 0;
  size_t used = 0;
  while (!conn->dead && !conn->finishing && !conn->waiting) {
    struct frame frame;
    const char *why = NULL;
    int got = frame_parse(conn->role, conn->in + start, conn->in_size - start, &frame, &used, &why);
    if (got == 0)
      break;
    if (got < 0) {
      conn_refuse(conn, frame.tag, PE_FRAME, why);
      return;
    }
    if (conn->ops->frame(conn, &frame) == CONN_WAIT)
      conn->waiting = true;
    else
      start += used;
  }
  if (conn->dead || conn->finishing)
    return;
  conn->in_size -= start;
  memmove(conn->in, conn->in + start, conn->in_size);
  if (used > conn->in_capacity) {
    uint8_t *grown = realloc(conn->in, used);
    if (!grown) {
      conn_close(conn);
      return;
    }
    conn->in = grown;
    conn->in_capacity = used;
  }
  update_interest(conn);
}

void conn_resume(struct conn *conn)
{
  if (!conn->waiting || conn->dead)
    return;
  conn->waiting = false;
  take_frames(conn);
}

static void receive(struct conn *conn)
{
  if (conn->finishing)
    conn->in_size = 0;
  ssize_t got = recv(conn->fd, conn->in + conn->in_size, conn->in_capacity - conn->in_size, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR))
    return;
  if (got <= 0) {
    conn_close(conn);
    return;
  }
  conn->in_size += (size_t)got;
  if (!conn->finishing)
    take_frames(conn);
}

static void ready(void *owner, uint32_t events)
{
  struct conn *conn = owner;
  if (events & EPOLLOUT)
    flush(conn);
  if (conn->dead)
    return;
  if ((events & EPOLLIN) && !conn->waiting)
    receive(conn);
  else if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
    conn_close(conn);
}

struct conn *conn_open(struct monitor *monitor, int fd, const struct role_ops *ops)
{
  _cleanup_fd_ int owned = fd;
  struct conn *conn = calloc(1, sizeof(*conn));
  uint8_t *in = malloc(IN_FIRST);
  if (!conn || !in || loop_watch(&monitor->loop, &conn->source, fd, EPOLLIN | EPOLLRDHUP, ready, conn) < 0) {
    free(conn);
    free(in);
    return NULL;
  }
  conn->monitor = monitor;
  conn->fd = steal_fd(&owned);
  conn->ops = ops;
  conn->in = in;
  conn->in_capacity = IN_FIRST;
  loop_arm(&monitor->loop, &conn->timer, CONN_HELLO_MS, out_of_patience, conn);
  return conn;
}
