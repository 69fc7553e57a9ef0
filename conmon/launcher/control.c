#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher/launcher.h"
#include "lib/io.h"

enum {
  INPUT_START = 16 * 1024,
  /* Answers that wait for berthd; beyond, no further request is read. */
  OUTPUT_PAUSE = 4 * 1024 * 1024,
  OUTPUT_KEEP = 64 * 1024,
};

/* Room for at least one more byte, and for the whole of the frame that has begun. */
static int make_room(struct launcher *l, struct err *err)
{
  size_t wanted = INPUT_START;
  if (l->input_size >= HEADER_SIZE) {
    struct wire_reader r = wire_reader(l->input, HEADER_SIZE);
    size_t frame = HEADER_SIZE + (size_t)wire_get_u32(&r);
    if (frame > wanted)
      wanted = frame;
  }
  if (wanted <= l->input_capacity)
    return 0;
  uint8_t *grown = realloc(l->input, wanted);
  if (!grown)
    return err_set(err, ENOMEM, "memory for a request of %zu bytes", wanted);
  l->input = grown;
  l->input_capacity = wanted;
  return 0;
}

/* Serves every whole frame of the buffer and moves the rest to its start. */
static int take_frames(struct launcher *l, struct err *err)
{
  size_t at = 0;
  while (l->input_size - at >= HEADER_SIZE) {
    struct wire_reader header = wire_reader(l->input + at, HEADER_SIZE);
    uint32_t size = wire_get_u32(&header);
    uint32_t id = wire_get_u32(&header);
    uint16_t op = wire_get_u16(&header);
    if (size > MAX_REQUEST)
      return err_set(err, EPROTO, "request %u of operation %u has %u bytes, at most %d are taken", id, op, size, MAX_REQUEST);
    if (l->input_size - at - HEADER_SIZE < size)
      break;
    struct wire_reader in = wire_reader(l->input + at + HEADER_SIZE, size);
    int failed = dispatch(l, id, op, &in, err);
    if (failed < 0)
      return failed;
    at += HEADER_SIZE + size;
  }
  l->input_size -= at;
  if (at > 0)
    memmove(l->input, l->input + at, l->input_size);
  return 0;
}

int control_read(struct launcher *l, bool *end, struct err *err)
{
  int failed = make_room(l, err);
  if (failed < 0)
    return failed;
  ssize_t got = read_once(CONTROL_FD, l->input + l->input_size, l->input_capacity - l->input_size);
  if (got < 0 && errno == EAGAIN)
    return 0;
  /* A peer that was killed with answers unread resets the socket: its end all the same. */
  if (got == 0 || (got < 0 && errno == ECONNRESET)) {
    *end = true;
    return 0;
  }
  if (got < 0)
    return err_set(err, errno, "read from the control socket");
  l->input_size += (size_t)got;
  return take_frames(l, err);
}

/* Listens for what is needed: room in the socket while answers wait, requests while not too many do. */
static int arm(struct launcher *l, struct err *err)
{
  size_t waiting = l->output.size - l->output_sent;
  bool paused = waiting > OUTPUT_PAUSE;
  if (paused == l->input_paused && (waiting > 0) == l->output_waits)
    return 0;
  l->input_paused = paused;
  l->output_waits = waiting > 0;
  struct epoll_event event = {.data.ptr = &l->input};
  event.events = (l->input_paused ? 0 : EPOLLIN) | (l->output_waits ? EPOLLOUT : 0);
  if (epoll_ctl(l->epoll, EPOLL_CTL_MOD, CONTROL_FD, &event) < 0)
    return err_set(err, errno, "epoll_ctl of the control socket");
  return 0;
}

int control_flush(struct launcher *l, struct err *err)
{
  if (l->output.failed)
    return err_set(err, ENOMEM, "memory for an answer");
  while (l->output_sent < l->output.size) {
    ssize_t put = send(CONTROL_FD, l->output.data + l->output_sent, l->output.size - l->output_sent, MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0 && errno == EAGAIN)
      break;
    /* The peer is gone: reading tells its end, after the helpers have been taken down. */
    if (put < 0 && (errno == EPIPE || errno == ECONNRESET))
      put = (ssize_t)(l->output.size - l->output_sent);
    if (put < 0)
      return err_set(err, errno, "write to the control socket");
    l->output_sent += (size_t)put;
  }
  if (l->output_sent == l->output.size) {
    l->output.size = 0;
    l->output_sent = 0;
    if (l->output.capacity > OUTPUT_KEEP) {
      wire_free(&l->output);
      l->output = wire_writer(SIZE_MAX);
    }
  }
  return arm(l, err);
}

void control_reply(struct launcher *l, uint32_t id, uint16_t op, uint16_t status, const void *payload, size_t size)
{
  wire_put_u32(&l->output, (uint32_t)size);
  wire_put_u32(&l->output, id);
  wire_put_u16(&l->output, op);
  wire_put_u16(&l->output, status);
  wire_put_raw(&l->output, payload, size);
}

void control_fail(struct launcher *l, uint32_t id, uint16_t op, uint16_t status, const struct err *why)
{
  _cleanup_wire_ struct wire_writer payload = wire_writer(MAX_REPLY);
  wire_put_u32(&payload, (uint32_t)why->code);
  wire_put_str(&payload, why->msg);
  control_reply(l, id, op, status, payload.data, payload.size);
}
