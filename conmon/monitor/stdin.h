/* The container's stdin, which any number of attach clients share. */
#ifndef CONMON_MONITOR_STDIN_H
#define CONMON_MONITOR_STDIN_H

#include "monitor/conn.h"
#include "monitor/input.h"

struct monitor;

/* A client's part in it. */
struct stdin_client {
  struct conn *conn;
  /* It may send more: it has attached with stdin, and has not said that this is all. */
  bool sends;
  bool in_line;
  struct stdin_client *next;
};

struct container_stdin {
  struct input input;
  /* Those whose frame waits for room, in the order of arrival; the first one's is being written. */
  struct stdin_client *line;
  unsigned int senders;
  /* --stdin-once, and the last sender has ended: for good. */
  bool ended;
};

/* Takes our end of the pipe, or a terminal's master that is its own descriptor. -1 without stdin. */
void stdin_open(struct monitor *monitor, int fd);
void stdin_join(struct stdin_client *client, struct conn *conn);
/* Writes the frame whole, before and after those of others. */
enum conn_result stdin_take(struct stdin_client *client, const struct frame *frame);
/* The client sends no more; also when it is gone, whatever it had still to say. */
void stdin_leave(struct stdin_client *client);

#endif
