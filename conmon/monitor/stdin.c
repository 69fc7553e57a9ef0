#include "monitor/stdin.h"

#include "monitor/monitor.h"

/* The first in line tries again; who comes after it gets its turn by itself. */
static void on_room(void *owner)
{
  struct container_stdin *in = owner;
  if (in->line)
    conn_resume(in->line->conn);
  else if (in->ended)
    input_end(&in->input);
}

void stdin_open(struct monitor *monitor, int fd)
{
  input_open(&monitor->in.input, &monitor->loop, fd, monitor->options.tty, on_room, &monitor->in);
}

static void join_line(struct container_stdin *in, struct stdin_client *client)
{
  if (client->in_line)
    return;
  client->in_line = true;
  client->next = NULL;
  struct stdin_client **at = &in->line;
  while (*at)
    at = &(*at)->next;
  *at = client;
}

static void leave_line(struct container_stdin *in, struct stdin_client *client)
{
  if (!client->in_line)
    return;
  client->in_line = false;
  if (in->line == client) {
    /* What is left of its frame, if anything, goes with it. */
    in->input.taken = 0;
    if (client->next)
      input_ask_again(&in->input);
  }
  for (struct stdin_client **at = &in->line; *at; at = &(*at)->next)
    if (*at == client) {
      *at = client->next;
      break;
    }
}

void stdin_join(struct stdin_client *client, struct conn *conn)
{
  *client = (struct stdin_client){.conn = conn, .sends = true};
  conn->monitor->in.senders++;
}

enum conn_result stdin_take(struct stdin_client *client, const struct frame *frame)
{
  if (!client->sends)
    return CONN_TAKEN;
  struct container_stdin *in = &client->conn->monitor->in;
  bool first = !in->line || in->line == client;
  if (!in->ended && (!first || input_write(&in->input, frame->data, frame->size) == INPUT_LATER)) {
    join_line(in, client);
    return CONN_WAIT;
  }
  leave_line(in, client);
  return CONN_TAKEN;
}

void stdin_leave(struct stdin_client *client)
{
  if (!client->sends)
    return;
  client->sends = false;
  struct monitor *monitor = client->conn->monitor;
  struct container_stdin *in = &monitor->in;
  leave_line(in, client);
  in->senders--;
  if (in->senders == 0 && monitor->options.stdin_once && !in->ended) {
    in->ended = true;
    input_end(&in->input);
  }
}
