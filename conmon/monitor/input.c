#include "monitor/input.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/scope.h"
#include "monitor/console.h"

void input_open(struct input *input, struct loop *loop, int fd, bool tty, void (*room)(void *owner), void *owner)
{
  *input = (struct input){.fd = fd, .tty = tty, .loop = loop, .room = room, .owner = owner};
}

static void try_again(void *owner)
{
  struct input *input = owner;
  input->hung_up = false;
  input->room(input->owner);
}

static void ready(void *owner, uint32_t events)
{
  struct input *input = owner;
  loop_want(input->loop, &input->source, 0);
  input->hung_up = events & EPOLLHUP;
  input->room(input->owner);
}

/* A terminal that nobody holds open hangs up, which epoll tells for ever: there time decides when to try again. */
static enum input_result wait_for_room(struct input *input)
{
  if (input->hung_up)
    loop_arm(input->loop, &input->retry, CONSOLE_RETRY_MS, try_again, input);
  else if (!input->source.ready && loop_watch(input->loop, &input->source, input->fd, EPOLLOUT, ready, input) < 0)
    loop_arm(input->loop, &input->retry, CONSOLE_RETRY_MS, try_again, input);
  else
    loop_want(input->loop, &input->source, EPOLLOUT);
  return INPUT_LATER;
}

static bool is_full(const struct input *input, ssize_t put)
{
  return put == 0 || errno == EAGAIN || (errno == EIO && input->tty);
}

enum input_result input_write(struct input *input, const uint8_t *data, size_t size)
{
  while (input->fd >= 0 && input->taken < size) {
    ssize_t put = write(input->fd, data + input->taken, size - input->taken);
    if (put < 0 && errno == EINTR)
      continue;
    if (put <= 0 && is_full(input, put))
      return wait_for_room(input);
    /* Nobody reads any more: that ends the input, not the session. */
    if (put < 0) {
      input_close(input);
      break;
    }
    input->taken += (size_t)put;
    input->mid_line = data[input->taken - 1] != '\n' && data[input->taken - 1] != '\r';
  }
  input->taken = 0;
  return INPUT_TAKEN;
}

enum input_result input_end(struct input *input)
{
  uint8_t character;
  while (input->fd >= 0 && input->tty && console_eof(input->fd, &character)) {
    ssize_t put = write(input->fd, &character, 1);
    if (put < 0 && errno == EINTR)
      continue;
    if (put <= 0 && is_full(input, put))
      return wait_for_room(input);
    if (put < 0 || !input->mid_line)
      break;
    input->mid_line = false;
  }
  input_close(input);
  return INPUT_TAKEN;
}

void input_ask_again(struct input *input)
{
  loop_arm(input->loop, &input->retry, 0, try_again, input);
}

void input_close(struct input *input)
{
  if (input->source.ready)
    loop_unwatch(input->loop, &input->source);
  if (input->retry.fire)
    loop_disarm(input->loop, &input->retry);
  close_fd(&input->fd);
}
