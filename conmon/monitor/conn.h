/* One client's connection: frames in, frames out, each bounded. */
#ifndef CONMON_MONITOR_CONN_H
#define CONMON_MONITOR_CONN_H

#include "monitor/codec.h"
#include "monitor/loop.h"

/* Above this the source of an exec's output is not read any more; below the second it is again. */
#define CONN_HIGH (256u * 1024)
#define CONN_LOW (64u * 1024)
/* An attach client that has left so much unsent when more comes, and an events client, are let go. */
#define CONN_ATTACH_MAX (64u * 1024)
#define CONN_EVENTS_MAX (256u * 1024)
/* A control client that lets so much pile up is cut off. */
#define CONN_MAX (4u * 1024 * 1024)
/* Until HELLO has come: a client whose machine is busy may well need a while, and only root is let in. */
#define CONN_HELLO_MS 60000
/* From our last frame until the client has closed. */
#define CONN_LINGER_MS 5000

struct monitor;
struct conn;

enum conn_result {
  CONN_TAKEN,
  /* Not now: keep the frame, read nothing more, until conn_resume. */
  CONN_WAIT,
};

struct role_ops {
  enum conn_result (*frame)(struct conn *conn, const struct frame *frame);
  /* Its out queue has become short again. May be NULL. */
  void (*drained)(struct conn *conn);
  /* Nothing more comes from it or goes to it: the role must forget it. Called once. May be NULL. */
  void (*closed)(struct conn *conn);
};

struct conn {
  struct monitor *monitor;
  struct conn *next;
  int fd;
  struct source source;
  struct timer timer;
  enum role role;
  const struct role_ops *ops;
  /* The role's own state. */
  void *owner;
  /* Of the role events: what it has asked for. */
  uint32_t subscribed;
  bool waiting;
  /* Our last frame is queued: what still comes in is thrown away. */
  bool finishing;
  bool shut;
  bool forgotten;
  bool dead;
  uint8_t *in;
  size_t in_size;
  size_t in_capacity;
  uint8_t *out;
  size_t out_start;
  size_t out_size;
  size_t out_capacity;
};

/* Takes the descriptor over. NULL without memory (the descriptor is closed then). */
struct conn *conn_open(struct monitor *monitor, int fd, const struct role_ops *ops);
void conn_send(struct conn *conn, uint8_t type, uint32_t tag, const void *data, size_t size);
/* Sends what was encoded; a payload that failed to be encoded closes the connection. */
void conn_send_wire(struct conn *conn, uint8_t type, uint32_t tag, const struct wire_writer *payload);
/*
 * As conn_send, to a client that nobody waits for: if more than `limit` bytes are unsent it gets ERROR `slow` instead, and
 * nothing after that.
 */
void conn_offer(struct conn *conn, size_t limit, uint8_t type, uint32_t tag, const void *data, size_t size);
/* The same in the loop's next turn, together with what is sent until then: the client is woken once. */
void conn_post(struct conn *conn, uint8_t type, uint32_t tag, const struct wire_writer *payload);
void conn_error(struct conn *conn, uint32_t tag, enum protocol_error code, const char *message);
/* ERROR, and the end. */
void conn_refuse(struct conn *conn, uint32_t tag, enum protocol_error code, const char *message);
/* Takes frames again, beginning with the one that had to wait. */
void conn_resume(struct conn *conn);
/* Nothing follows: half-closes when all is sent and waits, for a while, for the client to close. */
void conn_finish(struct conn *conn);
/* Closes now; the memory stays until server_sweep. */
void conn_close(struct conn *conn);
size_t conn_backlog(const struct conn *conn);
void conn_free(struct conn *conn);

#endif
